package tailer

import (
	"slices"
	"time"

	"github.com/nephoscope/nephoscope/cloudwatch"
	"go.uber.org/zap"
)

// mark is up to where one Fill has read, and what it has read since the mark before.
type mark struct {
	number uint64
	taken
	checkpoint checkpoint
	reached    []reached
	stamp      stamp
	told       Loss // what the batch tells the stream of
}

// reached is how far one file had been read at a mark.
type reached struct {
	file   *file
	offset int64
	spent  bool
}

// taken is what has been read into a batch, or out of it.
type taken struct {
	read, filtered, blank cloudwatch.Amount
	lines, pieces         int64
	replaced              int64
	turned                bool // a file has been read to its end for good
}

func (t taken) any() bool { return t.read.Bytes > 0 || t.turned }

// mark numbers what has been taken so far, for Commit.
func (s *Source) mark(b *cloudwatch.LogBatch, now time.Time) uint64 {
	s.numbered++
	s.filling.replaced += int64(b.Replaced())
	m := mark{number: s.numbered, taken: s.filling, checkpoint: s.checkpoint(), stamp: s.stamp, told: s.telling}
	for _, f := range s.files {
		m.reached = append(m.reached, reached{f, f.offset, f.spent})
	}
	s.marks = append(s.marks, m)
	s.filling, s.telling, s.since, s.flushed = taken{}, Loss{}, time.Time{}, now
	return s.numbered
}

// checkpoint is what is to be remembered when all that has been read is acknowledged.
func (s *Source) checkpoint() checkpoint {
	cp := checkpoint{Files: slices.Clone(s.missing), Drained: slices.Clone(s.drained)}
	for _, f := range s.files {
		if f.gone {
			continue // its inode is another file's by now
		}
		if f.spent {
			cp.Drained = append(cp.Drained, f.position())
		} else {
			cp.Files = append(cp.Files, f.position())
		}
	}
	cp.Drained = cp.Drained[max(0, len(cp.Drained)-rememberDrained):]
	return s.leaving(cp)
}

// leaving adds to a checkpoint without files when the last of them had been written to.
func (s *Source) leaving(cp checkpoint) checkpoint {
	if len(cp.Files) > 0 || len(s.files) == 0 && s.entry.over != nil { // what was a spool's comes back under no name
		return cp
	}
	left := s.leftAt
	for _, f := range s.files {
		left = later(left, f.changed)
	}
	if !left.IsZero() {
		cp.Left = left.UnixNano()
	}
	return cp
}

// remember makes it durable, before the first event is read, that the path is followed: if it is rotated away before
// anything has been acknowledged, a restart has to know whom to look for. And that there is something in a file which the
// checkpoint has as an empty one, before any of it is acknowledged: of an empty file that is gone a restart counts no loss.
func (s *Source) remember(now time.Time) {
	s.mu.Lock()
	if s.doubt != nil { // the checkpoint speaks of that
		s.mu.Unlock()
		return
	}
	if (!s.remembered || len(s.blank) > 0) && !s.closed {
		s.look(now)
	}
	// What has been read and not acknowledged must not be remembered: Commit speaks for it.
	first := !s.remembered && s.numbered == 0
	if len(s.files) == 0 || !first && !s.knowsMore() {
		s.mu.Unlock()
		return
	}
	s.remembered = true
	cp := s.acknowledged()
	if first {
		cp = s.checkpoint()
		cp.Edge = s.edge
	}
	s.mu.Unlock()
	if err := s.save(cp); err != nil && first {
		s.log.Warn("this log file would be forgotten by a crash before its first event is acknowledged", zap.Error(err))
	}
}

// knowsMore tells whether there is something by now in a file that the checkpoint has as an empty one. While a batch is on its
// way, or a loss is still to be told, the checkpoint stays: those who are waited for write the next.
func (s *Source) knowsMore() bool {
	if len(s.blank) == 0 || len(s.marks) > 0 || s.filling.any() || s.owed != (Loss{}) {
		return false
	}
	grown := func(f *file) bool { return f.head.Bytes > 0 && slices.ContainsFunc(s.blank, f.id.is) }
	return slices.ContainsFunc(s.files, grown) && !slices.ContainsFunc(s.files, func(f *file) bool { return f.gone })
}

// save makes a checkpoint durable, and notes which files it has as empty ones.
func (s *Source) save(cp checkpoint) error {
	cp.From = s.from
	if err := s.entry.memory.save(s.path+s.entry.owner, cp); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.blank = nil
	for _, p := range cp.Files {
		if p.Bytes == 0 {
			s.blank = append(s.blank, p.identity)
		}
	}
	return nil
}

// Commit makes it durable that a mark has been acknowledged, and so everything up to it; verdict is what the service took it
// without. Marks are committed in order.
func (s *Source) Commit(number uint64, verdict cloudwatch.Verdict) error {
	s.mu.Lock()
	if len(s.marks) == 0 || s.marks[0].number != number {
		s.mu.Unlock()
		return nil // it was taken back, or one before it is not acknowledged: a commit would speak for that as well
	}
	last := s.marks[0]
	if s.marks = slices.Delete(s.marks, 0, 1); len(s.marks) == 0 {
		s.marks = nil // of ten thousand sources hardly one has any
	}
	s.ledger.take(last.taken)
	s.ledger.reject(verdict)
	s.ledger.Acknowledged = time.Now()
	s.stamped = last.stamp
	s.settleFiles(last)
	if s.sending != nil {
		s.edge, s.sending = s.edge.Then(s.sending.Batch), nil
	}
	last.checkpoint.Edge = s.edge
	removed := s.removed
	s.mu.Unlock()
	if removed {
		return s.entry.forget(s.path)
	}
	return s.save(last.checkpoint)
}

// settleFiles leaves behind what is acknowledged: closes what was read to its end for good.
func (s *Source) settleFiles(m mark) {
	for _, r := range m.reached {
		r.file.committed = r.offset
		r.file.tides.ebb(r.offset)
		i := slices.Index(s.files, r.file)
		if !r.spent || r.file.gone || i < 0 {
			continue
		}
		end := r.file.positionAt(r.offset)
		s.leftAt = later(s.leftAt, r.file.changed)
		s.removed = s.dispose(r.file) && s.entry.over != nil
		if s.removed { // nothing of it will ever be seen again, and its inode may be the next one's at once
			s.entry.shelf.leave(r.file, s, nil)
			r.file.close()
		} else {
			s.entry.shelf.leave(r.file, s, &end)
			s.keepLate(r.file)
		}
		s.files = slices.Delete(s.files, i, i+1)
	}
	s.files = slices.DeleteFunc(s.files, func(f *file) bool { return f.gone && f.committed >= f.offset })
	s.drained = m.checkpoint.Drained
	if len(s.marks) > 0 {
		return
	}
	for _, f := range s.files { // it may be long until its next turn; but a compressed one would be unpacked from its beginning
		if !f.packed {
			f.release()
		}
	}
}

// Rewind takes back what was filled and is not committed: it will be read again. False: a part of it cannot be, because the
// file was truncated or is gone; whoever has the batch had better keep it. unsure: the one that was remembered may have arrived.
func (s *Source) Rewind(unsure bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if slices.ContainsFunc(s.files, func(f *file) bool { return f.gone && f.offset > f.committed }) {
		return false
	}
	for _, f := range s.files {
		f.rewind()
	}
	for _, m := range s.marks {
		s.owed.add(m.told)
	}
	if unsure && s.sending != nil {
		s.doubt = s.sending
		s.doubt.told = s.marks[0].told // it was the first of them
	}
	s.marks, s.filling, s.sending = nil, taken{}, nil
	s.stamp, s.full = s.stamped, false
	s.since, s.flushed = time.Time{}, time.Time{}
	s.expected.Store(0)
	return true
}
