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
	// Not known after a restart.
	taken   taken
	told    Loss
	reached []reached
}

// swap has a file stand for another, of which it is the copy.
func (d *doubt) swap(f, copied *file) {
	if d == nil {
		return
	}
	for i := range d.reached {
		if d.reached[i].file == f {
			d.reached[i].file = copied
		}
	}
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
	d := &doubt{Files: m.checkpoint.Files, Drained: m.checkpoint.Drained, taken: m.taken, reached: slices.Clone(m.reached)}
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
	cp := checkpoint{Files: slices.Clone(s.missing), Drained: slices.Clone(s.drained), Edge: s.edge}
	for _, f := range s.files {
		if !f.gone {
			cp.Files = append(cp.Files, f.positionAt(f.committed))
		}
	}
	return s.leaving(cp)
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
	s.owed.sub(d.told)
	s.ledger.Acknowledged = time.Now()
	s.edge = s.edge.Then(d.Batch)
	s.stamp.given = max(s.stamp.given, d.Batch.Last)
	s.stamped = s.stamp
	s.skipTo(d)
	cp := s.acknowledged()
	s.mu.Unlock()
	return s.save(cp)
}

// skipTo goes on behind a batch. Files that are open stay so: some may have no name any more.
func (s *Source) skipTo(d *doubt) {
	s.skipMissing(d)
	before := slices.Clone(s.files)
	take := func(is func(*file) bool) *file {
		i := slices.IndexFunc(before, is)
		if i < 0 {
			return nil
		}
		f := before[i]
		before = slices.Delete(before, i, i+1)
		return f
	}
	var after []*file
	for _, r := range d.ends(s.files) {
		f := take(func(f *file) bool { return f == r.file })
		if f == nil && r.file == nil && !r.spent && !slices.Contains(s.missing, r.position) && !slices.ContainsFunc(before, func(f *file) bool { return f.id.is(r.identity) }) {
			f, _ = s.findAgain(r.position)
		}
		switch {
		case f == nil || f.gone:
		case !r.endsAlike(f): // it has lost that with the power
			f.rewind()
			after = append(after, f)
		case r.spent:
			f.rewind()
			f.from(r.Offset)
			end := f.position()
			s.entry.shelf.leave(f, s, &end)
			s.leftAt = later(s.leftAt, f.changed)
			s.keepLate(f)
		default:
			f.rewind()
			after = append(after, f.from(r.Offset))
		}
	}
	s.files, s.drained = append(after, before...), d.Drained // what is left was found since
}

// skipMissing goes on behind a batch in files that are still to be found; those that it held the end of need not be.
func (s *Source) skipMissing(d *doubt) {
	var missing []position
	for _, p := range s.missing {
		same := func(q position) bool { return q.identity == p.identity && q.fingerprint == p.fingerprint }
		if i := slices.IndexFunc(d.Drained, same); i >= 0 {
			s.entry.shelf.recall(d.Drained[i : i+1])
			s.leftAt, s.opened, s.missed = later(s.leftAt, time.Unix(0, p.Quiet)), true, time.Time{}
			continue
		}
		if i := slices.IndexFunc(d.Files, same); i >= 0 {
			p = d.Files[i]
		}
		missing = append(missing, p)
	}
	s.missing = missing
}

// end is where a batch ended in a file; nil: it is not open.
type end struct {
	file *file
	position
	spent bool
}

// ends tells where the batch ended: as it was filled or, after a restart, by the identities of the files.
func (d *doubt) ends(open []*file) (all []end) {
	for _, r := range d.reached {
		all = append(all, end{r.file, position{Offset: r.offset}, r.spent})
	}
	if d.reached != nil {
		return all
	}
	find := func(p position) *file {
		if i := slices.IndexFunc(open, func(f *file) bool {
			return !f.gone && p.fits(f.f) && (f.id.is(p.identity) || f.was != identity{} && f.was.is(p.identity))
		}); i >= 0 {
			return open[i]
		}
		return nil
	}
	for _, p := range d.Files {
		all = append(all, end{find(p), p, false})
	}
	for _, p := range d.Drained {
		all = append(all, end{find(p), p, true})
	}
	return all
}
