package tailer

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"path/filepath"

	"github.com/fsnotify/fsnotify"
	"go.uber.org/zap"
)

const (
	// quiet ends a burst of announcements: what was heard by then is passed on at once.
	quiet = time.Millisecond
	// deaf is how long nothing is heard after that. The kernel gathers meanwhile, and keeps one announcement of a file that is
	// written to a thousand times.
	deaf = 100 * time.Millisecond
)

// Watcher hears from the kernel what happens in folders, for all entries.
type Watcher struct {
	fs  *fsnotify.Watcher
	log *zap.Logger

	mu      sync.Mutex
	folders map[string]map[*Entry]bool
}

// NewWatcher makes a watcher. Run has to be called for it to hear anything.
func NewWatcher(log *zap.Logger) (*Watcher, error) {
	fs, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, fmt.Errorf("watch log folders: %w", err)
	}
	return &Watcher{fs: fs, log: log, folders: map[string]map[*Entry]bool{}}, nil
}

// watch tells an entry from now on what happens in a folder. On an error it hears nothing and has to look by itself.
func (w *Watcher) watch(folder string, e *Entry) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.folders[folder] == nil {
		if err := w.fs.Add(folder); err != nil {
			return fmt.Errorf("watch log folder: %w", err)
		}
		w.folders[folder] = map[*Entry]bool{}
	}
	w.folders[folder][e] = true
	return nil
}

// forget tells an entry nothing more.
func (w *Watcher) forget(e *Entry) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for folder, entries := range w.folders {
		delete(entries, e)
		if len(entries) == 0 {
			delete(w.folders, folder)
			_ = w.fs.Remove(folder) // it may be gone
		}
	}
}

// Run passes on what the kernel announces until done is closed.
func (w *Watcher) Run(done <-chan struct{}) {
	defer w.fs.Close()
	pause := time.NewTimer(deaf)
	defer pause.Stop()
	for {
		if heard, open := w.listen(done, pause); !open {
			return
		} else if len(heard) > 0 {
			w.tell(heard)
		}
		pause.Reset(deaf)
		select {
		case <-done:
			return
		case <-pause.C:
		}
	}
}

// listen hears one burst: by path, whether a name appeared or disappeared.
func (w *Watcher) listen(done <-chan struct{}, pause *time.Timer) (heard map[string]bool, open bool) {
	heard = map[string]bool{}
	pause.Stop()
	for {
		select {
		case <-done:
			return nil, false
		case err := <-w.fs.Errors:
			if errors.Is(err, fsnotify.ErrEventOverflow) {
				w.lookEverywhere()
			} else if err != nil {
				w.log.Warn("watching log folders is impaired; looking at them from time to time instead", zap.Error(err))
			}
		case ev, ok := <-w.fs.Events:
			if !ok {
				return nil, false
			}
			names := ev.Has(fsnotify.Create) || ev.Has(fsnotify.Remove) || ev.Has(fsnotify.Rename)
			if len(heard) == 0 {
				pause.Reset(quiet)
			}
			heard[ev.Name] = heard[ev.Name] || names
		case <-pause.C:
			return heard, true
		}
	}
}

func (w *Watcher) tell(heard map[string]bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for path, names := range heard {
		folder := filepath.Dir(path)
		if names && w.folders[path] != nil { // a watched folder itself
			for e := range w.folders[path] {
				e.hear(path, true)
			}
			delete(w.folders, path) // the kernel has dropped the watch, or will for a folder that is gone
			_ = w.fs.Remove(path)
		}
		for e := range w.folders[folder] {
			e.hear(path, names)
		}
	}
}

func (w *Watcher) lookEverywhere() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for folder, entries := range w.folders {
		for e := range entries {
			e.hear(folder, true)
		}
	}
}
