package tailer

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/fsnotify/fsnotify"
	"go.uber.org/zap"
)

const (
	// quiet is how long a burst of announcements is listened to: what was heard by then is passed on.
	quiet = time.Millisecond
	// backlog is how many within quiet say that the kernel has more, and the burst goes on: as they happen, they come slower.
	backlog = 100
	// longBurst is how long one lasts at most. To hear all that the kernel keeps (16,384 announcements unless
	// fs.inotify.max_queued_events says otherwise) takes half of it; what was left over would soon be more than it can keep.
	longBurst = 50 * time.Millisecond
	// deaf is how long nothing is heard after that. The kernel gathers meanwhile, and keeps one announcement of a file that
	// is written to a thousand times.
	deaf = 100 * time.Millisecond
	// longDeaf is the same when nobody wanted to know anything of what was heard last: those who read look by themselves.
	longDeaf = 500 * time.Millisecond
)

// Watcher hears from the kernel what happens in folders, for all entries. Folders have their real names here: the kernel
// knows each under one name only.
type Watcher struct {
	fs  *fsnotify.Watcher
	log *zap.Logger

	mu      sync.Mutex
	folders map[string]map[*Entry]bool
	above   map[string]int      // how many watched folders lie below a path
	known   map[identity]string // the watched folders by what they are
	ids     map[string]identity
}

// NewWatcher makes a watcher. Run has to be called for it to hear anything.
func NewWatcher(log *zap.Logger) (*Watcher, error) {
	fs, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, fmt.Errorf("watch log folders: %w", err)
	}
	return &Watcher{fs: fs, log: log, folders: map[string]map[*Entry]bool{}, above: map[string]int{}, known: map[identity]string{}, ids: map[string]identity{}}, nil
}

// watch tells an entry from now on what happens in a folder. On an error it hears nothing and has to look by itself.
func (w *Watcher) watch(folder string, e *Entry) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.folders[folder] == nil {
		if err := w.add(folder); err != nil {
			return fmt.Errorf("watch log folder: %w", err)
		}
		w.folders[folder] = map[*Entry]bool{}
	}
	w.folders[folder][e] = true
	return nil
}

// add has the kernel watch a folder. It says what happens there under the first name that it was given for it: under a second
// one (a folder that is mounted twice) nothing would be heard.
func (w *Watcher) add(folder string) error {
	info, err := os.Stat(folder)
	if err != nil {
		return err
	}
	id := folderIdentity(info)
	if other := w.known[id]; other != "" && id != (identity{}) {
		return fmt.Errorf("%s is watched as %s", folder, other)
	}
	if err := w.fs.Add(folder); err != nil {
		return err
	}
	w.known[id], w.ids[folder] = folder, id
	for up := filepath.Dir(folder); ; up = filepath.Dir(up) {
		if w.above[up]++; up == filepath.Dir(up) {
			return nil
		}
	}
}

// leave tells an entry nothing more of a folder.
func (w *Watcher) leave(folder string, e *Entry) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if delete(w.folders[folder], e); len(w.folders[folder]) == 0 {
		w.remove(folder)
	}
}

// check forgets what the kernel has ceased to watch without a word, as it does when a file system is unmounted.
func (w *Watcher) check() {
	w.mu.Lock()
	defer w.mu.Unlock()
	watched := map[string]bool{}
	for _, folder := range w.fs.WatchList() {
		watched[folder] = true
	}
	for folder := range w.folders {
		if !watched[folder] {
			w.remove(folder)
		}
	}
}

// forget tells an entry nothing more.
func (w *Watcher) forget(e *Entry) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for folder, entries := range w.folders {
		if delete(entries, e); len(entries) == 0 {
			w.remove(folder)
		}
	}
}

func (w *Watcher) remove(folder string) {
	if w.folders[folder] == nil {
		return
	}
	delete(w.folders, folder)
	_ = w.fs.Remove(folder) // it may be gone
	if id := w.ids[folder]; w.known[id] == folder {
		delete(w.known, id)
	}
	delete(w.ids, folder)
	for up := filepath.Dir(folder); ; up = filepath.Dir(up) {
		if w.above[up]--; w.above[up] <= 0 {
			delete(w.above, up)
		}
		if up == filepath.Dir(up) {
			return
		}
	}
}

// Run passes on what the kernel announces until done is closed.
func (w *Watcher) Run(done <-chan struct{}) {
	defer w.fs.Close()
	pause := time.NewTimer(deaf)
	defer pause.Stop()
	now, lost := burst{heard: map[string]fsnotify.Op{}}, make(chan struct{}, 1)
	go w.readErrors(done, lost)
	for {
		if !w.listen(done, lost, pause, &now) {
			return
		}
		wait := longDeaf
		if w.tell(now.heard) || now.lost {
			wait = deaf
		}
		pause.Reset(wait)
		select {
		case <-done:
			return
		case <-pause.C:
		}
	}
}

// readErrors never waits for anything of ours: fsnotify keeps everybody from watching while it waits to tell an error.
func (w *Watcher) readErrors(done <-chan struct{}, lost chan<- struct{}) {
	for {
		var err error
		select {
		case <-done:
			return
		case err = <-w.fs.Errors:
		}
		switch {
		case err == nil:
			return
		case errors.Is(err, fsnotify.ErrEventOverflow):
			select {
			case lost <- struct{}{}:
			default:
			}
		case errors.Is(err, syscall.EINVAL): // a folder was renamed and removed before its watch could be
		default:
			w.log.Warn("watching log folders is impaired; looking at them from time to time instead", zap.Error(err))
		}
	}
}

// burst is what was heard at a time.
type burst struct {
	heard map[string]fsnotify.Op // by path
	lost  bool                   // and there was more
}

// listen hears one burst. False: there is nothing to be heard any more.
func (w *Watcher) listen(done, lost <-chan struct{}, pause *time.Timer, b *burst) bool {
	pause.Stop()
	clear(b.heard)
	b.lost = false
	var began time.Time
	lately := 0
	for {
		select {
		case <-done:
			return false
		case <-lost:
			w.missed()
			if b.lost = true; began.IsZero() {
				began = time.Now()
				pause.Reset(quiet)
			}
		case ev, open := <-w.fs.Events:
			if !open {
				return false
			}
			if ev.Name == "" { // what comes of a folder that is not watched any more
				continue
			}
			if lately++; began.IsZero() {
				began = time.Now()
				pause.Reset(quiet)
			}
			b.heard[ev.Name] |= ev.Op
		case <-pause.C:
			if lately < backlog || time.Since(began) >= longBurst {
				return true
			}
			lately = 0
			pause.Reset(quiet)
		}
	}
}

// tell passes on a burst. It returns whether anybody wanted to know of it.
func (w *Watcher) tell(heard map[string]fsnotify.Op) (wanted bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	concerned := map[string][]*Entry{}
	// First of all, folders that are not where they were: whoever hears of one under its new name may watch it at once.
	for path, op := range heard {
		if moved := op.Has(fsnotify.Create | fsnotify.Remove | fsnotify.Rename); moved && (w.folders[path] != nil || w.above[path] > 0) {
			concerned[path] = w.uproot(path)
		}
	}
	for path, op := range heard {
		names := op.Has(fsnotify.Create | fsnotify.Remove | fsnotify.Rename | fsnotify.Chmod)
		folder := w.folders[filepath.Dir(path)]
		for e := range folder {
			wanted = e.hear(path, names) || wanted
		}
		if names {
			for e := range w.folders[path] { // what changed is the folder itself, its permissions say
				if !folder[e] {
					wanted = e.hear(path, true) || wanted
				}
			}
		}
		for _, e := range concerned[path] {
			if !folder[e] {
				wanted = e.hear(path, true) || wanted
			}
		}
	}
	return wanted
}

// uproot ends watching a folder and all below it. It returns who did.
func (w *Watcher) uproot(path string) (who []*Entry) {
	seen := map[*Entry]bool{}
	for folder, entries := range w.folders {
		if folder != path && (w.above[path] == 0 || !within(path, folder)) {
			continue
		}
		for e := range entries {
			if !seen[e] {
				seen[e], who = true, append(who, e)
			}
		}
		w.remove(folder)
	}
	return who
}

// missed tells everybody that there was more than could be heard.
func (w *Watcher) missed() {
	w.mu.Lock()
	defer w.mu.Unlock()
	told := map[*Entry]bool{}
	for _, entries := range w.folders {
		for e := range entries {
			if !told[e] {
				told[e] = true
				e.missed()
			}
		}
	}
}
