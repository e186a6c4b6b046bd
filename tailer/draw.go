package tailer

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"time"

	"github.com/nephoscope/nephoscope/cloudwatch"
	"go.uber.org/zap"
)

// pass reads each file to its end, oldest first. It returns true when the batch is full.
func (s *Source) pass(b *cloudwatch.LogBatch, now time.Time) (full bool) {
	s.passed = now
	if s.owed != (Loss{}) && b.Add(now, []byte("nephoscope: of "+s.path+" "+s.owed.String())) {
		s.telling, s.owed = s.owed, Loss{}
	}
	for i := 0; i < len(s.files); i++ {
		f := s.files[i]
		switch {
		case f.spent:
		case s.draw(f, b, now):
			return true
		case s.finished(f, now):
			if !s.finish(f, b, now) {
				return true
			}
			if i == len(s.files)-1 {
				s.look(now) // another may have taken its place
			}
		case !f.rotated.IsZero() && now.Sub(f.rotated) < patience:
			return false // its last lines come before the next file's first
		}
	}
	return false
}

// finish puts what a file ends with into the batch; false: the batch is full.
func (s *Source) finish(f *file, b *cloudwatch.LogBatch, now time.Time) bool {
	for f.win != nil {
		last := f.win.last(s.entry.start)
		if last.size == 0 {
			break
		}
		if s.entry.over != nil && f.win.p == f.win.r { // nothing but a part of a line
			s.passOver(f, last.size)
			break
		}
		if !s.put(f, b, last, now) {
			return false
		}
	}
	if f.givenUp(now) {
		lost := max(f.size-f.seen, 1)
		s.lose(Loss{Unreadable: lost})
		s.log.Error("a rotated log file cannot be read; what it still holds is lost", zap.String("rotated", f.f.Name()), zap.Int64("offset", f.offset), zap.Int64("lost_bytes_at_least", lost))
	}
	f.release()
	f.spent, s.filling.turned = true, true
	return true
}

// draw puts a file's complete events into the batch, and the one it ends with if that has waited long enough.
func (s *Source) draw(f *file, b *cloudwatch.LogBatch, now time.Time) (full bool) {
	for {
		for f.win != nil {
			found, ok := f.win.next(s.entry.start)
			if !ok {
				break
			}
			if !s.put(f, b, found, now) {
				return true
			}
			if f.within = found.cut; found.cut {
				s.filling.pieces++
			}
		}
		if s.filling.read.Bytes > passBytes {
			return true
		}
		_, err := f.more(s.entry.charset, s.earliest(now))
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
	if now.Before(s.completeAt(f)) && !s.hurried {
		return false
	}
	return !s.put(f, b, f.win.gathered(), now)
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
	return f.givenUp(now) || now.Sub(f.rotated) >= s.entry.quiet && now.Sub(f.grew) >= s.entry.quiet && f.atEnd()
}

// givenUp tells whether a file has given errors for so long that it will not be read any more.
func (f *file) givenUp(now time.Time) bool {
	return !f.failing.IsZero() && now.Sub(later(f.failing, f.rotated)) > unreadable
}

// put turns a message into an event, or several if it is too long for one, and leaves its bytes behind. False: the batch
// is full, and what it did not take is still there.
func (s *Source) put(f *file, b *cloudwatch.LogBatch, found piece, now time.Time) bool {
	for n := f.win.charset.firstPiece(found.message); n < len(found.message); n = f.win.charset.firstPiece(found.message) {
		if !s.putEvent(f, b, piece{message: found.message[:n], size: n, cut: true}, now) {
			return false
		}
		f.within = true
		s.filling.pieces++
		found.message, found.size = found.message[n:], found.size-n
	}
	if !s.putEvent(f, b, found, now) {
		return false
	}
	f.within = false
	return true
}

func (s *Source) putEvent(f *file, b *cloudwatch.LogBatch, found piece, now time.Time) bool {
	at, message := now, found.message
	if f.win.charset != nil {
		message = s.decode(f, found)
	}
	if s.entry.format != nil {
		at, message = s.timeOf(f, message, now)
	} else if own, event, ok := s.entry.stamped(message); ok {
		at, message = own, event
	} else {
		at = s.whenWritten(f, now)
	}
	amount := cloudwatch.Amount{Events: 1, Bytes: int64(found.size)}
	switch {
	case len(message) == 0:
		s.filling.blank.Add(amount)
	case !s.entry.wants(message):
		s.filling.filtered.Add(amount)
	case !b.Add(at, message):
		return false
	}
	if f.win.charset != nil && bytes.Contains(message, []byte(replacement)) {
		s.filling.replaced++
	}
	f.take(found.size)
	s.filling.read.Add(amount)
	s.filling.lines += int64(found.lines)
	return true
}

// decode makes UTF-8 of a message that was found in a file with a charset.
func (s *Source) decode(f *file, found piece) []byte {
	message := f.win.decode(found.message)
	if f.offset == 0 {
		message = bytes.TrimPrefix(message, []byte(byteOrderMark))
	}
	if found.cut {
		return message
	}
	return plainLineEnds(withoutLineEnd(message))
}

// whenWritten is the time of an event that has none of its own. It is never before that of the last one, so that sorting by
// time leaves their order alone: of a file that was found late less is known than of the one that took its place. If the clock
// was set back, it is.
func (s *Source) whenWritten(f *file, now time.Time) time.Time {
	at := f.tides.when(f.offset, now)
	if last := s.stamp.given; at.UnixMilli() < last && last <= now.UnixMilli() {
		return time.UnixMilli(last)
	}
	s.stamp.given = at.UnixMilli()
	return at
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
		s.stamp.found = at
	case s.stamp.found.IsZero():
		return s.whenWritten(f, now), message
	default:
		return s.stamp.found, message
	}
	if s.entry.trim {
		message = slices.Concat(message[:from], message[to:])
	}
	return at, message
}
