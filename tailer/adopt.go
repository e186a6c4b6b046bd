package tailer

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"go.uber.org/zap"
)

// Adopted is what the Amazon CloudWatch agent has left of the files that it followed: where a switch-over goes on. It knows a
// file by its path alone, so which file its offset is about has to be found out. Nothing is ever left out: in doubt lines are
// sent again, and the log says which and why.
type Adopted struct {
	dir   string
	birth func(path string) time.Time

	mu     sync.Mutex
	asked  map[string]question // by path
	warned map[string]bool     // paths whose state cannot be used
}

// question is what was known when an entry first asked about a path.
type question struct {
	at   time.Time
	free bool // no checkpoint of ours
}

// Adopt reads the original's state folder: each file of it when it is needed, none before.
func Adopt(dir string) *Adopted {
	return &Adopted{dir: dir, birth: birth, asked: map[string]question{}, warned: map[string]bool{}}
}

// adopter is an entry's part in it; the zero value adopts nothing.
type adopter struct {
	*Adopted
	since time.Time // when the entry was made
}

func (a *Adopted) join() adopter { return adopter{a, time.Now()} }

// lag is how long a file may have been at a path before the original noticed: it looks four times a second.
const lag = time.Second

// adopt follows those of the paths that the original has left something of, and returns the others. None of them has a
// checkpoint. The shorter first: access.log has a claim to what is access.log.1 by now.
func (e *Entry) adopt(paths []string, follow func(path string, cp checkpoint)) (others []string) {
	if e.adopted.Adopted == nil {
		return paths
	}
	known := e.memory.known()
	for _, path := range slices.SortedStableFunc(slices.Values(paths), func(a, b string) int { return len(a) - len(b) }) {
		l, found := e.legacy(path, known)
		if found {
			cp, why, _ := e.placeLeft(path, l)
			e.tell(path, l, cp, why)
			e.keep(path, l, cp)
			if found = len(cp.Files) > 0; found {
				follow(path, cp)
			}
		}
		if !found {
			others = append(others, path)
		}
	}
	slices.Sort(others)
	return others
}

// adoptUnfinished follows those of the paths that the original has not read to their ends, though they may not be the newest
// now. Some may have a checkpoint.
func (e *Entry) adoptUnfinished(paths []string, follow func(path string, cp checkpoint)) {
	if e.adopted.Adopted == nil {
		return
	}
	known := e.memory.known()
	for _, path := range paths {
		if _, found, err := e.memory.load(path, e.owner); found || err != nil {
			continue
		}
		if l, found := e.legacy(path, known); found {
			if cp, why, ok := e.placeLeft(path, l); ok && cp.Files[0].isUnread(path) {
				e.tell(path, l, cp, why)
				e.keep(path, l, cp)
				follow(path, cp)
			}
		}
	}
}

// isUnread tells whether the path leads to the file of the position, and there is more in it.
func (p position) isUnread(path string) bool {
	f := openIf(path, p.Offset, func(c *file) bool { return c.id.is(p.identity) && c.info.Size() > p.Offset })
	if f == nil {
		return false
	}
	f.close()
	return true
}

// legacy is what the original has left of a path, if this is the time to take it over: once, and before the agent has a
// checkpoint of the path. Of several entries that begin to follow it together, each does.
func (e *Entry) legacy(path string, known func(path string) bool) (left, bool) {
	a := e.adopted
	l, err := a.find(path, e.folders)
	a.mu.Lock()
	defer a.mu.Unlock()
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) && !a.warned[path] {
			a.warned[path] = true
			e.log.Warn("cannot go on where the original agent stopped; the log file is read from its beginning, lines may be sent again", zap.String("file", path), zap.Error(err))
		}
		return left{}, false
	}
	first, again := a.asked[path]
	if !again {
		first = question{time.Now(), !known(path)}
		a.asked[path] = first
	}
	return l, first.free && !a.since.After(first.at) && !e.hasAdopted(path, l)
}

// known tells whether any entry has a checkpoint of a path, as it was when that was asked of the first one: an entry that has made
// one since has asked about the path before.
func (m *Memory) known() func(path string) bool {
	list := sync.OnceValue(func() map[string]bool {
		all := map[string]bool{}
		for _, name := range m.store.Names() {
			for at := 0; at < len(name); at++ { // a path may hold a separator itself
				if strings.HasPrefix(name[at:], nameSeparator) {
					all[name[:at]] = true
				}
			}
		}
		return all
	})
	return func(path string) bool { return list()[path] }
}

// adoption is what is remembered of a path that was taken over, beyond its checkpoint, which ends with the file: the same
// state is not taken over a second time.
type adoption struct {
	Saved time.Time `json:"saved"`
}

func (e *Entry) adoptionName(path string) string { return "adopted" + nameSeparator + path + e.owner }

func (e *Entry) hasAdopted(path string, l left) bool {
	var before adoption
	raw, ok := e.memory.store.Get(e.adoptionName(path))
	return ok && json.Unmarshal(raw, &before) == nil && before.Saved.Equal(l.saved)
}

// keep makes it durable that a path was taken over, and where: if only the first of it were, a crash would cost the place.
func (e *Entry) keep(path string, l left, cp checkpoint) {
	raw, err := json.Marshal(adoption{l.saved})
	if err == nil && len(cp.Files) > 0 {
		err = e.memory.save(path+e.owner, cp)
	}
	if err == nil {
		err = e.memory.store.Put(e.adoptionName(path), raw)
	}
	if err != nil {
		e.log.Error("cannot remember what was taken over from the original agent; a crash would repeat lines", zap.String("file", path), zap.Error(err))
	}
}

// placeLeft finds the file that the original's offset is about, and says how. False: there is none, and nothing that has to be
// read before what the path leads to; or another source of the entry is reading it.
func (e *Entry) placeLeft(path string, l left) (cp checkpoint, why string, ok bool) {
	s := succession{path: path, left: l, birth: e.adopted.birth, folders: e.folders}
	f, offset, why := s.find()
	if f == nil {
		return checkpoint{}, why, false
	}
	defer f.close()
	if _, reading := e.shelf.where(f); reading {
		return checkpoint{}, "the file that it is about is being read", false
	}
	return checkpoint{Files: []position{f.positionAt(offset)}}, why, true
}

// tell logs what was decided.
func (e *Entry) tell(path string, l left, cp checkpoint, why string) {
	log := e.log.With(zap.String("file", path), zap.Int64("its_offset", l.offset), zap.Time("saved", l.saved), zap.String("reason", why))
	if l.gaps {
		log.Warn("the original agent has left gaps in a log file; what was acknowledged behind the first is sent again")
	}
	if len(cp.Files) == 0 {
		log.Warn("the place where the original agent stopped is in no file; the log file is read from its beginning, lines may be sent again")
		return
	}
	log.Info("going on where the original agent stopped", zap.Uint64("inode", cp.Files[0].Inode), zap.Int64("offset", cp.Files[0].Offset))
}

// succession is the files that have been at a path, and the question which of them was there when the original last said how
// far it was.
type succession struct {
	path string
	left
	birth   func(path string) time.Time
	folders *folders
}

// find finds the file to begin with, and where in it. Rotated files that are newer than it are read after it, from their
// beginnings: so of two that it may be, the older is the one that leaves nothing out.
func (s *succession) find() (f *file, offset int64, why string) {
	current, _ := open(s.path, 0)
	suspects := s.suspects()
	goesOn := current != nil && s.stayed() && s.fits(current)
	for _, n := range suspects {
		if f := openIf(n.path, 0, func(c *file) bool { return s.fits(c) && !(goesOn && s.alike(current, c)) }); f != nil {
			if current != nil {
				current.close()
			}
			return f, s.offset, "the log file was rotated or truncated since; it may be what is " + n.path + " now"
		}
	}
	if goesOn {
		return current, s.offset, "the log file is the one that it read"
	}
	if current != nil {
		current.close()
	}
	for _, n := range suspects {
		if f := openIf(n.path, 0, func(c *file) bool { return s.when(n.info.ModTime(), 0) == since || s.holds(c) }); f != nil {
			return f, 0, "the log file was rotated, truncated or rewritten since, and no line ends there; " + n.path + " may hold lines that were not sent"
		}
	}
	return nil, 0, "the log file was replaced, truncated or rewritten since, and no rotated one may be what it was"
}

// suspects are the rotated files that may be the one, oldest first.
func (s *succession) suspects() (all []neighbour) {
	var before []neighbour // the youngest of those that were there and have been rotated away, then or since
	for _, n := range s.folders.rotations(s.path) {
		switch born := s.when(s.birth(n.path), lag); {
		case born == since, born == unknown && s.when(n.info.ModTime(), 0) == since:
			all = append(all, n) // it may be a copy, compressed or not, of one that was there
		case born == unknown || !packed(n.path): // what was compressed by then had been rotated by then
			before = []neighbour{n}
		}
	}
	if s.surelyStayed() {
		return all // nothing was rotated away, if something was copied
	}
	return append(before, all...)
}

// moment says on which side of the original's last word something happened.
type moment int

const (
	unknown moment = iota
	earlier
	since
)

func (s *succession) when(t time.Time, margin time.Duration) moment {
	switch {
	case t.IsZero():
		return unknown
	case t.Before(s.saved.Add(-margin)):
		return earlier
	}
	return since
}

// stayed tells whether a file may have been at the path all the time: not if it was made since, and written to.
func (s *succession) stayed() bool {
	return s.when(s.birth(s.path), lag) != since || s.surelyStayed()
}

// surelyStayed tells whether it has: it was made before, or not touched since.
func (s *succession) surelyStayed() bool {
	info, err := os.Stat(s.path)
	return s.when(s.birth(s.path), lag) == earlier || err == nil && s.when(info.ModTime(), lag) == earlier
}

// fits tells whether a line ends at the offset: the original acknowledges whole lines, but for one that it has cut.
func (s *succession) fits(f *file) bool {
	end, ok := s.end(f)
	return ok && end == '\n'
}

// holds tells whether a file is as long as what was acknowledged.
func (s *succession) holds(f *file) bool {
	_, ok := s.end(f)
	return ok
}

// end is the last byte that was acknowledged.
func (s *succession) end(f *file) (byte, bool) {
	if s.offset == 0 {
		return '\n', true // nothing was
	}
	var one [1]byte
	n, _ := f.f.ReadAt(one[:], s.offset-1)
	return one[0], n == 1
}

// alike tells whether two files hold the same before the offset.
func (s *succession) alike(f, g *file) bool {
	n := min(s.offset, headBytes)
	a, b := make([]byte, n), make([]byte, n)
	_, _ = f.f.ReadAt(a, s.offset-n)
	_, _ = g.f.ReadAt(b, s.offset-n)
	return bytes.Equal(a, b)
}
