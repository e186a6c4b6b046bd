package tailer

import (
	"errors"
	"io"
	"slices"
	"time"

	"github.com/nephoscope/nephoscope/cloudwatch"
	"go.uber.org/zap"
)

// pass reads each file to its end, oldest first. It returns true when the batch is full.
func (s *Source) pass(b *cloudwatch.LogBatch, now time.Time) (full bool) {
	s.look(now)
	for len(s.files) > 0 {
		i := 0
		for ; i < len(s.files); i++ {
			f := s.files[i]
			if s.draw(f, b, now) {
				return true
			}
			if s.finished(f, now) {
				break
			}
			if !f.rotated.IsZero() && now.Sub(f.rotated) < patience {
				return false // its last lines come before the next file's first
			}
		}
		if i == len(s.files) {
			return false
		}
		last := s.files[i]
		for {
			message, size := last.win.last(s.entry.start)
			if size == 0 {
				break
			}
			if !s.put(last, b, message, size, now) {
				return true
			}
		}
		if last.givenUp(now) {
			s.counts.LostBytes += max(last.size-last.seen, 1)
			s.log.Error("a rotated log file cannot be read; what it still holds is lost", zap.String("rotated", last.f.Name()), zap.Int64("offset", last.offset))
		}
		end := last.position()
		s.drained = append(s.drained, end)
		s.drained = s.drained[max(0, len(s.drained)-rememberDrained):]
		s.entry.shelf.leave(last, s, &end)
		last.close()
		s.files = slices.Delete(s.files, i, i+1)
		if len(s.files) == 0 {
			s.look(now)
			s.unmarked++ // there is something to commit even if no byte was left: the checkpoint is to be forgotten
		}
	}
	return false
}

// draw puts a file's complete events into the batch, and the one it ends with if that has waited long enough.
func (s *Source) draw(f *file, b *cloudwatch.LogBatch, now time.Time) (full bool) {
	for {
		for f.win != nil {
			message, size, cut, ok := f.win.next(s.entry.start)
			if !ok {
				break
			}
			if !s.put(f, b, message, size, now) {
				return true
			}
			if f.within = cut; cut {
				s.counts.Pieces += 1
			}
		}
		if s.unmarked > passBytes {
			return true
		}
		_, err := f.more(s.earliest(now))
		if err == nil || errors.Is(err, io.EOF) {
			f.failing = time.Time{}
		} else if s.complain("read log file", err); f.failing.IsZero() {
			f.failing = now
		}
		if err != nil {
			break
		}
	}
	if f.win.p == f.win.r {
		f.held = time.Time{}
		return false
	}
	if f.held.IsZero() {
		f.held = f.grew
	}
	if now.Before(s.completeAt(f)) {
		return false
	}
	message, size := f.win.gathered()
	return !s.put(f, b, message, size, now)
}

// completeAt is when the event that a file ends with counts as complete: when nothing was added to it for a while.
func (s *Source) completeAt(f *file) time.Time {
	quiet, slow := f.grew.Add(s.entry.hold), f.held.Add(slowEvent*s.entry.hold)
	if slow.Before(quiet) {
		return slow
	}
	return quiet
}

// finished tells whether a file has been read to its end for good.
func (s *Source) finished(f *file, now time.Time) bool {
	if f.rotated.IsZero() {
		return false
	}
	return f.givenUp(now) || now.Sub(f.rotated) >= settle && now.Sub(f.grew) >= settle && f.atEnd()
}

// givenUp tells whether a file has given errors for so long that it will not be read any more.
func (f *file) givenUp(now time.Time) bool {
	return !f.failing.IsZero() && now.Sub(f.failing) > unreadable
}

// put turns a message into an event, or several if it is too long for one, and leaves its bytes behind. False: the batch
// is full, and what it did not take is still there.
func (s *Source) put(f *file, b *cloudwatch.LogBatch, message []byte, size int, now time.Time) bool {
	for n := cloudwatch.FirstPiece(message); n < len(message); n = cloudwatch.FirstPiece(message) {
		if !s.putEvent(f, b, message[:n], n, now) {
			return false
		}
		f.within = true
		s.counts.Pieces += 1
		message, size = message[n:], size-n
	}
	if !s.putEvent(f, b, message, size, now) {
		return false
	}
	f.within = false
	return true
}

func (s *Source) putEvent(f *file, b *cloudwatch.LogBatch, message []byte, size int, now time.Time) bool {
	at := now
	if s.entry.format != nil {
		at, message = s.timeOf(f, message, now)
	}
	switch {
	case len(message) == 0:
		s.counts.Blank += 1
	case !s.entry.wants(message):
		s.counts.Filtered += 1
	case !b.Add(at, message):
		return false
	default:
		s.counts.Events += 1
	}
	if s.unmarked == 0 {
		if s.since = s.earliest(now); !f.held.IsZero() && f.held.Before(s.since) {
			s.since = f.held
		}
	}
	f.take(size)
	s.counts.Bytes += int64(size)
	s.unmarked += int64(size)
	return true
}

// timeOf finds the time of an event: its own, else that of the event before it, else now. A time in the middle of a long
// message is not that of a piece: the pieces stay together.
func (s *Source) timeOf(f *file, message []byte, now time.Time) (at time.Time, _ []byte) {
	var from, to int
	var ok bool
	if !f.within {
		at, from, to, ok = s.entry.format.find(message, now)
	}
	switch {
	case ok:
		at = later(at, time.UnixMilli(0)) // too old for the service, but none it calls the whole request invalid for
		s.stamp = at
	case s.stamp.IsZero():
		return now, message
	default:
		return s.stamp, message
	}
	if s.entry.trim {
		message = slices.Concat(message[:from], message[to:])
	}
	return at, message
}
