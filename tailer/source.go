package tailer

import (
	"context"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/nephoscope/nephoscope/cloudwatch"
	"go.uber.org/zap"
)

const (
	// settle is how long a rotated file must have been quiet before its last line counts as complete and the next file
	// is read. A writer that reopens its log does so well within it.
	settle = 3 * time.Second
	// patience is how long a rotated file that is still being written to holds up the one that took its place.
	patience = 30 * time.Second
	// unreadable is how long a rotated file may give errors before what it still holds is given up as lost.
	unreadable = 10 * time.Minute
	// longStep is how often a file that is being written to is looked at, or four times in a flush interval: far cheaper than
	// being woken for each write.
	longStep = time.Second
	// slowEvent is how many times as long an event that never ends may be gathered.
	slowEvent = 3
	// passBytes bounds how much is read, filtered out and not committed.
	passBytes = 64 << 20
)

// Source is one path on its way into one log stream: the file that the path leads to, and those that it led to before, until
// they are drained. Fill reads what is there; Commit remembers what has been acknowledged. It holds no memory while idle.
type Source struct {
	path   string
	stream cloudwatch.LogStream
	entry  *Entry
	log    *zap.Logger

	mu         sync.Mutex
	counts     Counts
	files      []*file // oldest first; the last is what the path leads to
	stamp      time.Time
	flushed    time.Time // when the last batch was full or due
	since      time.Time // no unmarked byte was written earlier, unless the agent was behind
	ended      time.Time // when the files were last read to their ends
	numbered   uint64
	marks      []mark
	drained    []position
	unmarked   int64 // bytes taken since the last mark
	complaint  string
	opened     bool // a file has been followed
	remembered bool // and a checkpoint says so
	closed     bool // nothing is followed any more
}

type mark struct {
	number uint64
	checkpoint
}

// Counts is the ledger of a source.
type Counts struct {
	Bytes     int64 // read into events or out of them
	Events    int64 // put into batches
	Filtered  int64 // events that a filter left out
	Blank     int64 // blank lines, which the service does not take
	Pieces    int64 // cuts through messages too long for one event
	Replaced  int64 // events with bytes that are not UTF-8, which became U+FFFD
	LostBytes int64 // truncated away before they were read, or unreadable; at least
	Gone      int64 // files that were gone when an earlier run had not read them to their end, for all it knew
}

// Stream is where the events go.
func (s *Source) Stream() cloudwatch.LogStream { return s.stream }

// Path is the path that is followed.
func (s *Source) Path() string { return s.path }

// Counts is the ledger of the source as it stands.
func (s *Source) Counts() Counts {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.counts
}

// Fill puts events into the batch until it is full, the flush interval has passed, or ctx is done. Mark 0 with an empty
// batch says that there is nothing to do until the file changes. An empty batch with a mark has nothing to send but
// something to commit.
func (s *Source) Fill(ctx context.Context, b *cloudwatch.LogBatch) (number uint64, err error) {
	s.remember()
	var wait *time.Timer
	for {
		s.mu.Lock()
		now := time.Now()
		full := !s.closed && s.pass(b, now)
		if !full {
			s.ended = now
		}
		next := s.nextMoment(b, now)
		due := full || !next.IsZero() && !next.After(now) && (b.Len() > 0 || s.unmarked > 0)
		if due || next.IsZero() || ctx.Err() != nil {
			if b.Len() > 0 || s.unmarked > 0 {
				number = s.mark(now)
				s.counts.Replaced += int64(b.Replaced())
			}
			if !full {
				s.release()
			}
			s.mu.Unlock()
			return number, nil
		}
		s.release()
		s.mu.Unlock()
		pause := min(max(next.Sub(now), time.Millisecond), s.entry.step)
		if wait == nil {
			wait = time.NewTimer(pause)
			defer wait.Stop()
		} else {
			wait.Reset(pause)
		}
		select {
		case <-ctx.Done():
		case <-wait.C:
		}
	}
}

// nextMoment is when there is something to do even if the file does not change; zero: never.
func (s *Source) nextMoment(b *cloudwatch.LogBatch, now time.Time) (next time.Time) {
	sooner := func(t time.Time) {
		if next.IsZero() || t.Before(next) {
			next = t
		}
	}
	if b.Len() > 0 || s.unmarked > 0 {
		sooner(s.flushed.Add(s.entry.linger))
		sooner(s.since.Add(s.entry.linger))
	}
	for _, f := range s.files {
		if !f.held.IsZero() {
			sooner(s.completeAt(f))
		}
		if !f.rotated.IsZero() {
			sooner(later(now.Add(s.entry.step), later(f.rotated.Add(settle), f.grew.Add(settle))))
		}
	}
	return next
}

// earliest is when what is read now can have been written at the earliest: after the last look.
func (s *Source) earliest(now time.Time) time.Time { return later(s.ended, now.Add(-s.entry.step)) }

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func (s *Source) release() {
	for _, f := range s.files {
		f.release()
	}
}

// mark numbers what has been taken so far, for Commit.
func (s *Source) mark(now time.Time) uint64 {
	s.numbered++
	s.marks = append(s.marks, mark{s.numbered, s.checkpoint()})
	s.unmarked, s.flushed = 0, now
	return s.numbered
}

func (s *Source) checkpoint() checkpoint {
	cp := checkpoint{Drained: slices.Clone(s.drained)}
	for _, f := range s.files {
		cp.Files = append(cp.Files, f.position())
	}
	return cp
}

// remember makes it durable, before the first event is read, that the path is followed: if it is rotated away before
// anything has been acknowledged, a restart has to know whom to look for.
func (s *Source) remember() {
	s.mu.Lock()
	if !s.remembered && !s.closed && len(s.files) == 0 {
		s.look(time.Now())
	}
	// What has been read and not acknowledged must not be remembered: Commit speaks for it.
	if s.remembered || len(s.files) == 0 || s.unmarked > 0 || s.numbered > 0 {
		s.mu.Unlock()
		return
	}
	s.remembered = true
	cp := s.checkpoint()
	s.mu.Unlock()
	if err := s.entry.memory.save(s.path+s.entry.owner, cp); err != nil {
		s.log.Warn("this log file would be forgotten by a crash before its first event is acknowledged", zap.Error(err))
	}
}

// Commit makes it durable that everything up to a mark has been acknowledged.
func (s *Source) Commit(number uint64) error {
	s.mu.Lock()
	at := slices.IndexFunc(s.marks, func(m mark) bool { return m.number == number })
	if at < 0 {
		s.mu.Unlock()
		return nil
	}
	cp := s.marks[at].checkpoint
	s.marks = slices.Delete(s.marks, 0, at+1)
	s.mu.Unlock()
	return s.entry.memory.save(s.path+s.entry.owner, cp)
}

// hasEnded tells whether the path and every file it led to are gone, and all of it is acknowledged.
func (s *Source) hasEnded() bool {
	return s.opened && len(s.files) == 0 && len(s.marks) == 0 && s.unmarked == 0
}

// keepUp opens what the path leads to by now, though nothing is being read: while the service is down a file may come, be
// rotated away and be compressed.
func (s *Source) keepUp() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.look(time.Now())
	}
}

// changed tells whether there may be something to do: the safety net for file systems that announce nothing.
func (s *Source) changed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.files) == 0 {
		return true
	}
	current := s.files[len(s.files)-1]
	info, err := os.Stat(s.path)
	return err != nil || !os.SameFile(info, current.info) || info.Size() != current.seen || info.ModTime().After(current.grew)
}

// retire closes a source that has ended, for good. False: it has not.
func (s *Source) retire() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.hasEnded() {
		return false
	}
	s.close()
	return true
}

// Close closes the files. What has not been committed will be read again.
func (s *Source) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.close()
}

func (s *Source) close() {
	s.closed = true
	for _, f := range s.files {
		s.entry.shelf.leave(f, s, nil)
		f.close()
	}
	s.files = nil
}

// complain logs a lasting trouble once, not at every look.
func (s *Source) complain(what string, err error) {
	if s.complaint != err.Error() {
		s.complaint = err.Error()
		s.log.Warn(what+" failed; trying again until it works", zap.Error(err))
	}
}
