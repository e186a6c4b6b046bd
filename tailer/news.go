package tailer

import (
	"path/filepath"
	"time"
)

// maxNews bounds what is remembered until the entry comes to look at it. With more than that all folders are read instead.
const maxNews = 10_000

// news is what an entry has heard and not looked at.
type news struct {
	dirty chan struct{}
	heard map[string]bool // by path: whether anything but its content has changed
	lost  bool            // there was more, of which nothing is known
}

func newNews() news { return news{dirty: make(chan struct{}, 1), heard: map[string]bool{}} }

// hear is told by the watcher that something happened to a path; names: not only to its content. It returns whether anybody
// wanted to know.
func (e *Entry) hear(path string, names bool) (wanted bool) {
	e.mu.Lock()
	s, others := e.sources[path], e.targets[path]
	noted := names || s == nil && len(others) == 0 && !e.all && e.pattern.wild && e.pattern.mayName(filepath.Base(path)) // it may be the newest now
	if noted {
		if e.news.heard[path] = e.news.heard[path] || names; len(e.news.heard) > maxNews {
			e.news.lost = true
			clear(e.news.heard)
		}
	}
	e.mu.Unlock()
	if s != nil {
		wanted = e.wake(s, names)
	}
	for _, s := range others {
		wanted = e.wake(s, names) || wanted
	}
	if noted {
		e.stir()
	}
	return wanted || noted
}

// wake has a source looked at, unless it is about to do so by itself. What happens to a name cannot wait: the next may follow.
func (e *Entry) wake(s *Source, names bool) bool {
	if !names && s.expects(time.Now()) {
		return false
	}
	e.ship(s)
	return true
}

// stir has Run look at what was heard.
func (e *Entry) stir() {
	select {
	case e.news.dirty <- struct{}{}:
	default:
	}
}

// missed is told by the watcher that the kernel had more to say than it could keep.
func (e *Entry) missed() {
	e.mu.Lock()
	e.news.lost = true
	e.mu.Unlock()
	e.stir()
}

func (e *Entry) takeNews() (heard map[string]bool, lost bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	heard, lost = e.news.heard, e.news.lost
	e.news.heard, e.news.lost = map[string]bool{}, false
	return heard, lost
}
