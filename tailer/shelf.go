package tailer

import (
	"slices"
	"sync"
)

// shelf is which files the sources of an entry are reading, and how far they have read those that they are done with. A path
// comes to lead to what another path led to before: access.log.1 becomes access.log.2, a symbolic link is turned back.
// Nothing of such a file is to be sent twice.
type shelf struct {
	mu     sync.Mutex
	reader map[identity]*Source
	done   map[identity]position
	copies map[identity]bool // of files that are or were being read, as rotations make them
}

// maxShelf bounds the files that are remembered; those beyond it are forgotten in no order.
const maxShelf = 10_000

func newShelf() *shelf {
	return &shelf{reader: map[identity]*Source{}, done: map[identity]position{}, copies: map[identity]bool{}}
}

// take gives a file to a source. False: another source is reading it. A file that one was done with before goes on from
// there.
func (h *shelf) take(f *file, s *Source) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if by := h.reader[f.id]; by != nil && by != s {
		return false
	}
	h.reader[f.id] = s
	if p, known := h.done[f.id]; known && f.offset == 0 && (f.packed || p.Offset <= f.info.Size()) && p.fits(f.f) {
		f.from(p.Offset)
	}
	delete(h.done, f.id)
	return true
}

// leave takes a file from its source, which has read it to its end unless at is nil. One that no path leads to any more may
// come back compressed.
func (h *shelf) leave(f *file, s *Source, at *position) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.reader[f.id] == s {
		delete(h.reader, f.id)
	}
	if at != nil {
		h.learn(*at)
	}
}

// copied remembers that a file is the copy of another.
func (h *shelf) copied(id identity) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.copies) >= maxShelf {
		clear(h.copies)
	}
	h.copies[id] = true
}

func (h *shelf) isCopy(id identity) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.copies[id]
}

// isDone tells whether all that a file holds has been read, be it before it was compressed: then it begins and ends alike and
// is as long.
func (h *shelf) isDone(c *file) bool {
	return slices.ContainsFunc(h.alike(c), func(p position) bool {
		return p.fits(c.f) && (&file{f: c.f, seen: p.Offset}).atEnd() && (!c.packed || p.identity == c.id || p.Tail == tailSum(c.f, p.Offset))
	})
}

// alike are the files that are done with and may be this one.
func (h *shelf) alike(c *file) (all []position) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if p, known := h.done[c.id]; known {
		all = append(all, p)
	}
	if !c.packed {
		return all
	}
	for _, p := range h.done {
		if p.Tail != 0 && (p.Bytes < c.head.Bytes || p.fingerprint == c.head) {
			all = append(all, p)
		}
	}
	return all
}

// forget takes a file that is gone from its source.
func (h *shelf) forget(id identity, s *Source) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.reader[id] == s {
		delete(h.reader, id)
	}
}

// learn remembers how far a file was read.
func (h *shelf) learn(p position) {
	for id := range h.done {
		if len(h.done) < maxShelf {
			break
		}
		delete(h.done, id)
	}
	h.done[p.identity] = p
}

// recall learns what an earlier run was done with.
func (h *shelf) recall(all []position) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, p := range all {
		h.learn(p)
	}
}

// where tells what is known of a file: that it is being read, or how far it was.
func (h *shelf) where(f *file) (at []position, reading bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.reader[f.id] != nil {
		return nil, true
	}
	if p, known := h.done[f.id]; known && p.fits(f.f) {
		return []position{p}, false
	}
	return nil, false
}
