package tailer

import (
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"go.uber.org/zap"
)

// finder is what an entry knows of where its files are. It belongs to the goroutine of Run.
type finder struct {
	tree    *tree
	trusts  map[*Source]trust // of those that are not sure
	aims    map[string]target // by the paths of sources that lead to another name
	leaving map[string]bool   // paths of sources that the pattern leads to no more
	held    map[string]bool   // matches whose file is being read under another path

	stale    bool   // another file may be the newest by now
	newest   string // that was followed last, if only the newest is wanted
	chosenAt time.Time

	overdue bool      // announcements were lost since everything was read
	lostAt  time.Time // when it was read for that reason last
}

// target is where the path of a source really leads.
type target struct {
	real   string
	folder string // that is watched for it alone; "" if the tree does
}

// choosing is how often the newest file is looked for at most; the original does so as often.
const choosing = time.Second

var errDeaf = errors.New("nobody listens")

func newFinder(e *Entry) finder {
	f := finder{tree: newTree(e.pattern), trusts: map[*Source]trust{}, aims: map[string]target{}, leaving: map[string]bool{}, held: map[string]bool{}, stale: true}
	f.tree.leaveOut = leftOut(e.blacklist)
	said := map[string]bool{}
	f.tree.refused = func(path, reason string) {
		if !said[path] {
			said[path] = true
			e.log.Warn("a path is left out that the pattern matches", zap.String("path", path), zap.String("reason", reason))
		}
	}
	troubled := false
	f.tree.hear = func(real string) error {
		if e.watcher == nil {
			return errDeaf
		}
		err := e.watcher.watch(real, e)
		if err != nil && !troubled && !errors.Is(err, os.ErrNotExist) {
			troubled = true
			hint := ""
			if errors.Is(err, syscall.ENOSPC) {
				hint = "raise fs.inotify.max_user_watches"
			}
			e.log.Warn("a log folder cannot be watched; it is looked at from time to time instead", zap.String("folder", real), zap.Error(err), zap.String("hint", hint))
		}
		return err
	}
	f.tree.unhear = func(real string) {
		for _, to := range e.aims {
			if to.folder == real {
				return
			}
		}
		if e.watcher != nil {
			e.watcher.leave(real, e)
		}
	}
	return f
}

// everything reads all folders and takes every match for one that something was announced about.
func (e *Entry) everything() {
	if e.watcher != nil {
		e.watcher.check()
	}
	e.tree.walk()
	for _, path := range e.tree.matches() {
		e.tree.note(path)
	}
	for _, s := range e.Sources() {
		e.leaving[s.path] = true // unless it is one of them
	}
	e.stale, e.chosenAt = true, time.Time{}
}

// catchUp looks at what was announced.
func (e *Entry) catchUp() {
	heard, lost := e.takeNews()
	if e.overdue = e.overdue || lost; lost && time.Since(e.lostAt) >= unsureNet {
		e.makeUp()
		return
	}
	named := map[string]bool{}
	for path, names := range heard {
		if names {
			named[path] = true
		} else if !e.stale {
			e.stale = e.overtakes(path)
		}
	}
	paths := slices.Sorted(maps.Keys(named))
	var known []*Source
	for _, path := range paths {
		if s := e.source(path); s != nil {
			known = append(known, s)
		}
	}
	abreast(known, (*Source).keepUp) // before the next thing happens to their files; they may have to wait long for their turn
	for _, path := range paths {
		e.tree.touch(path)
	}
	e.aimAgain(named)
}

// makeUp reads everything after announcements were lost: at once for the first time, then with the net. A host that announces
// more than the kernel keeps does so all the time.
func (e *Entry) makeUp() {
	e.overdue, e.lostAt = false, time.Now()
	e.everything()
	e.shipChanged()
}

// aimAgain finds out anew where links lead whose targets, or the folders of those, were announced.
func (e *Entry) aimAgain(named map[string]bool) {
	for path, to := range e.aims {
		if to.folder == "" {
			continue
		}
		for above := to.real; ; above = filepath.Dir(above) {
			if in := e.tree.byPath[filepath.Dir(path)]; named[above] && in != nil {
				e.tree.look(in, filepath.Base(path))
			}
			if named[above] || above == filepath.Dir(above) {
				break
			}
		}
	}
}

// overtakes tells whether a file that is not followed has changed later than the one that was the newest.
func (e *Entry) overtakes(real string) bool {
	for _, f := range e.tree.byReal[filepath.Dir(real)] {
		if _, matches := f.files[filepath.Base(real)]; !matches {
			continue
		}
		info, err := os.Stat(real)
		last, gone := os.Stat(e.newest)
		return err == nil && (gone != nil || info.ModTime().After(last.ModTime()))
	}
	return false
}

// wanted are paths to be followed, those that are followed already among them.
func (e *Entry) wanted(now time.Time) []string {
	for path := range e.tree.gone {
		e.stale = true
		if s := e.source(path); s != nil {
			e.leaving[path], e.trusts[s] = true, max(e.trusts[s], unsure) // its file may be written to under another name
			e.ship(s)
		}
	}
	for path := range e.tree.came {
		delete(e.leaving, path)
	}
	e.release()
	came := slices.Sorted(maps.Keys(e.tree.came))
	for _, path := range came {
		if s := e.source(path); s != nil {
			if e.aim(s); e.tree.came[path] {
				e.ship(s)
			}
		} else {
			e.stale = true
		}
	}
	clear(e.tree.came)
	clear(e.tree.gone)
	if e.all {
		return came
	}
	if !e.stale || now.Sub(e.chosenAt) < choosing {
		return nil
	}
	chosen := e.choose(e.tree.matches())
	e.stale, e.chosenAt = false, now
	if len(chosen) > 0 {
		e.newest = chosen[0]
		e.supersede()
	}
	return chosen
}

// supersede tells the sources of files that are not the newest any more, or finished.
func (e *Entry) supersede() {
	if !e.file.AutoRemoval {
		return
	}
	for _, s := range e.Sources() {
		over := s.path != e.newest
		if e.over != nil {
			over = e.over(s.path)
		}
		if s.supersede(over) {
			e.ship(s)
		}
	}
}

// release lets go of sources that have ended.
func (e *Entry) release() {
	for path := range e.leaving {
		s := e.source(path)
		if s == nil {
			delete(e.leaving, path)
			continue
		}
		if !s.retire() {
			continue
		}
		e.log.Info("log file is gone and all of it has been acknowledged", zap.String("file", path))
		delete(e.leaving, path)
		delete(e.trusts, s)
		e.retarget(s, target{})
		if len(e.left) >= maxShelf {
			clear(e.left)
		}
		e.left[path] = s.leftAt
		e.mu.Lock()
		e.ended.Add(s.Ledger())
		delete(e.sources, path)
		e.mu.Unlock()
		e.stale = true
		e.tryHeld() // its file may have been theirs
		if _, _, matches := e.tree.has(path); matches {
			e.tree.note(path)
		}
	}
}

// tryHeld has the matches tried again whose file was being read under another path.
func (e *Entry) tryHeld() {
	for path := range e.held {
		if _, _, matches := e.tree.has(path); matches {
			e.tree.note(path)
		} else {
			delete(e.held, path)
		}
	}
}

// choose applies the entry's rule to what the pattern matches: unless all are wanted, only the file that changed last.
func (e *Entry) choose(found []string) []string {
	if e.all || len(found) < 2 {
		return found
	}
	newest, at := "", int64(0)
	for _, path := range found {
		if info, err := os.Stat(path); err == nil && (newest == "" || info.ModTime().UnixNano() > at) {
			newest, at = path, info.ModTime().UnixNano()
		}
	}
	if newest == "" {
		return nil
	}
	return []string{newest}
}

// aim finds out where the path of a source really leads, listens there, and decides how far the announcements can be trusted.
func (e *Entry) aim(s *Source) {
	m, in, ok := e.tree.has(s.path)
	if !ok {
		return
	}
	now, to := in.trust, target{real: filepath.Join(in.real, filepath.Base(s.path))}
	if m == link {
		real, err := filepath.EvalSymlinks(s.path)
		if err != nil {
			return
		}
		to = target{real, filepath.Dir(real)}
		direct, _ := os.Readlink(s.path)
		if !filepath.IsAbs(direct) {
			direct = filepath.Join(in.real, direct)
		}
		// Of links between the two, nobody says when they are turned.
		if err := e.tree.hear(to.folder); err != nil || !e.tree.isSure(to.folder) || filepath.Clean(direct) != real {
			now = max(now, unsure)
		}
	}
	if info, err := os.Stat(s.path); err == nil && manyNames(info) {
		now = max(now, unsure)
	}
	if now == sure {
		delete(e.trusts, s)
	} else {
		e.trusts[s] = now
	}
	if to.real == s.path {
		to = target{}
	}
	e.retarget(s, to)
}

// retarget notes where the path of a source really leads; the zero target is where the path says.
func (e *Entry) retarget(s *Source, to target) {
	old := e.aims[s.path]
	if old == to {
		return
	}
	e.mu.Lock()
	if rest := slices.DeleteFunc(e.targets[old.real], func(o *Source) bool { return o == s }); len(rest) > 0 {
		e.targets[old.real] = rest
	} else {
		delete(e.targets, old.real)
	}
	if to.real != "" {
		e.targets[to.real] = append(e.targets[to.real], s)
	}
	e.mu.Unlock()
	if delete(e.aims, s.path); to.real != "" {
		e.aims[s.path] = to
	}
	if old.folder != "" && old.folder != to.folder {
		e.tree.stopHearing(old.folder)
	}
}
