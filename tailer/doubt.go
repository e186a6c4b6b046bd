package tailer

import (
	"slices"
	"time"

	"github.com/nephoscope/nephoscope/cloudwatch"
)

// doubt is a batch of which nobody knows whether it has arrived, and where its end is in the files.
type doubt struct {
	cloudwatch.Doubt
	Files   []position `json:"files"`
	Drained []position `json:"drained,omitempty"`
	taken   taken      // not known after a restart
}

// Remember makes it durable that the batch of a mark, with this trace, is about to be sent. The marks before are committed.
func (s *Source) Remember(number uint64, t cloudwatch.Trace, now time.Time) error {
	s.mu.Lock()
	at := slices.IndexFunc(s.marks, func(m mark) bool { return m.number == number })
	if at < 0 {
		s.mu.Unlock()
		return nil
	}
	m := s.marks[at]
	d := &doubt{Files: m.checkpoint.Files, Drained: m.checkpoint.Drained, taken: m.taken}
	d.Doubt = cloudwatch.Doubt{Batch: t, At: now, Unsure: s.edge.Events > 0 && t.First < s.edge.Last}
	if s.edge.Events > 0 && t.First == s.edge.Last {
		d.Before = s.edge
	}
	s.sending = d
	cp := s.acknowledged()
	cp.Wire = d
	s.mu.Unlock()
	return s.save(cp)
}

// acknowledged is the checkpoint of what is committed.
func (s *Source) acknowledged() checkpoint {
	cp := checkpoint{Drained: slices.Clone(s.drained), Edge: s.edge}
	for _, f := range s.files {
		if !f.gone {
			cp.Files = append(cp.Files, f.positionAt(f.committed))
		}
	}
	return cp
}

// Doubt is a batch that was sent and of which no answer came: nothing is filled before that is settled.
func (s *Source) Doubt() (cloudwatch.Doubt, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.doubt == nil {
		return cloudwatch.Doubt{}, false
	}
	return s.doubt.Doubt, true
}

// Settle ends the doubt: what has arrived is committed, what has not is filled again.
func (s *Source) Settle(landed bool) error {
	s.mu.Lock()
	d := s.doubt
	s.doubt = nil
	if d == nil || !landed || s.closed {
		s.mu.Unlock()
		return nil
	}
	s.ledger.take(d.taken)
	s.ledger.Acknowledged = time.Now()
	s.edge = s.edge.Then(d.Batch)
	s.skipTo(d)
	cp := s.acknowledged()
	s.mu.Unlock()
	return s.save(cp)
}

// skipTo goes on behind a batch. Files that are open stay so: some may have no name any more.
func (s *Source) skipTo(d *doubt) {
	before := s.files
	take := func(p position) *file {
		i := slices.IndexFunc(before, func(f *file) bool { return f.isAt(p) })
		if i < 0 {
			return nil
		}
		f := before[i]
		before = slices.Delete(slices.Clone(before), i, i+1)
		return f
	}
	var after []*file
	for _, p := range d.Files {
		f := take(p)
		if f == nil {
			f = s.findAgain(p)
		}
		if f != nil {
			f.rewind()
			after = append(after, f.from(p.Offset))
		}
	}
	for _, p := range d.Drained {
		if f := take(p); f != nil {
			f.from(p.Offset)
			s.entry.shelf.leave(f, s, &p)
			s.leftAt = later(s.leftAt, f.changed)
			s.keepLate(f)
		}
	}
	s.files, s.drained = append(after, before...), d.Drained // what is left was found since
}

// isAt tells whether a position is about a file, or about what it is a copy of.
func (f *file) isAt(p position) bool {
	return !f.gone && (f.id.is(p.identity) || p.Bytes > 0 && f.head == p.fingerprint)
}
