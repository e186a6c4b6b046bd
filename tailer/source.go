package tailer

import (
	"math"
	"os"
	"slices"
	"sync"
	"sync/atomic"
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
	// fullBytes is how much unread is worth a batch before its time has come.
	fullBytes = cloudwatch.MaxMessageBytes
)

// Source is one path on its way into one log stream: the file that the path leads to, and those that it led to before, until
// all of them has been acknowledged. Fill reads what is there; Commit remembers what has been acknowledged; Rewind takes back
// what was not. The files are the queue: while nothing is due, nothing of them is in memory.
type Source struct {
	path   string
	stream cloudwatch.LogStream
	entry  *Entry
	from   []string // the entries that had the path before
	log    *zap.Logger

	// expected is until when nobody need be told that a file is being written to; nanoseconds since the epoch.
	expected atomic.Int64

	mu          sync.Mutex
	files       []*file   // oldest first; the last is what the path leads to
	full        bool      // the last batch did not take all that was read
	looked      time.Time // when it was found out last what the path leads to and whether it has grown
	barren      time.Time // when they were read in vain last
	passed      time.Time // when the files were read last
	flushed     time.Time // when the last batch was full or due
	since       time.Time // nothing that is unread was written earlier, unless the agent was behind; zero: nothing is
	stamp       stamp     // of what was read …
	stamped     stamp     // … and of what is acknowledged
	filling     taken     // since the last mark
	numbered    uint64
	marks       []mark
	drained     []position
	late        []*file          // drained lately, and open: somebody may write to them still
	leftAt      time.Time        // when what was drained last had been written to last, by its own word
	ledger      Ledger           // of what is committed, and of what is lost
	owed        Loss             // what the stream has not been told of …
	telling     Loss             // … and what the batch that is being filled tells it
	sending     *doubt           // the batch that is on the wire
	doubt       *doubt           // one that may have arrived
	edge        cloudwatch.Trace // of what is committed: the events that have the newest time
	missing     []position       // of the checkpoint, whose files are still to be found; nothing is read before
	missed      time.Time        // when the first of them was not found, though nothing hindered; zero: that was not so
	ahead       *file            // what the path leads to, held open until they are found
	unsure      error            // why a file could not be opened that may be the one that was looked for
	searched    search
	asleep      *sleeper
	resting     bool  // counts as one of those that may stay open
	heldDeleted int64 // bytes of disk
	complaint   string
	opened      bool       // a file has been followed
	superseded  bool       // another match is newer: this file is finished
	remembered  bool       // and a checkpoint says so
	blank       []identity // files that the checkpoint has as empty ones
	hurried     bool       // nothing waits for its time any more
	closed      bool       // nothing is followed any more
	removed     bool       // a spool's file: all of it is acknowledged, and it is gone
}

// stamp is the last time that was found in a message, and the last that was given to one without.
type stamp struct {
	found time.Time
	given int64 // milliseconds since the epoch
}

// Stream is where the events go.
func (s *Source) Stream() cloudwatch.LogStream { return s.stream }

// Path is the path that is followed.
func (s *Source) Path() string { return s.path }

// Fill puts events into an empty batch if that is due: a flush interval has passed since the last one, or there is enough for
// a full one. It does not wait. Mark 0: there is nothing to send or to commit. An empty batch with a mark has nothing to send
// but something to commit. next is when to ask again though nobody says that a file has changed; zero: never.
func (s *Source) Fill(now time.Time, b *cloudwatch.LogBatch) (number uint64, next time.Time) {
	s.expected.Store(0) // before looking: whatever is written from now on is told
	s.remember(now)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return 0, time.Time{}
	}
	s.look(now)
	if again := s.missed.Add(certain); len(s.missing) > 0 && again.After(now) {
		return 0, again
	}
	if len(s.missing) > 0 || len(s.files) == 0 && s.asleep != nil {
		return 0, now.Add(unsureNet)
	}
	if s.doubt != nil {
		return 0, time.Time{}
	}
	if next = s.due(now); next.IsZero() || next.After(now) {
		return 0, s.expect(now, next)
	}
	s.full = s.pass(b, now)
	if b.Len() > 0 || s.filling.any() {
		number = s.mark(b, now)
		s.expected.Store(math.MaxInt64) // Fill comes again, or Rewind
	}
	if s.full {
		return number, now
	}
	s.release()
	if number == 0 {
		s.barren = now
		return 0, s.expect(now, s.due(now))
	}
	return number, s.due(now)
}

// expect says when Fill comes again: if a file is being written to, by the next look.
func (s *Source) expect(now, next time.Time) time.Time {
	if next.IsZero() {
		s.rest()
		return next
	}
	next = sooner(next, now.Add(s.entry.step))
	s.expected.Store(next.UnixNano())
	return next
}

// expects tells whether there will be a look by itself soon, so that nobody need be told of a write.
func (s *Source) expects(now time.Time) bool { return now.UnixNano() < s.expected.Load() }

// due is when there is something to read, or an event complete, or a file finished; zero: not before something is written.
func (s *Source) due(now time.Time) (next time.Time) {
	if s.full || s.filling.turned {
		return now
	}
	if s.hurried {
		return s.hasMore(now)
	}
	var unread int64
	for _, f := range s.files {
		if f.spent {
			continue
		}
		if !f.ended {
			unread += max(f.size-f.seen, 1)
		}
		if !f.held.IsZero() {
			next = sooner(next, s.completeAt(f))
		}
		if !f.failing.IsZero() {
			next = sooner(next, s.passed.Add(s.entry.step))
		}
		if !f.rotated.IsZero() {
			next = sooner(next, later(later(f.rotated.Add(s.entry.quiet), f.grew.Add(s.entry.quiet)), s.passed.Add(s.entry.step)))
			if now.Sub(f.rotated) < patience {
				break // its last lines come before the next file's first
			}
		}
	}
	if s.owed != (Loss{}) {
		next = sooner(next, s.flushed.Add(s.entry.linger))
	}
	if unread == 0 {
		s.since = time.Time{}
		return next
	}
	if s.since.IsZero() {
		s.since = s.earliest(now)
	}
	if unread >= fullBytes {
		return now
	}
	// What was read in vain (a line without an end) is not read again for each byte more.
	return sooner(next, later(sooner(s.flushed.Add(s.entry.linger), s.since.Add(s.entry.linger)), s.barren.Add(s.entry.step)))
}

// Hurry has everything filled that is there, at once: the agent is about to stop, and perhaps the host.
func (s *Source) Hurry() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hurried = true
}

// hasMore is now if there is anything in the files that Fill could take, else zero.
func (s *Source) hasMore(now time.Time) time.Time {
	for _, f := range s.files {
		if f.spent {
			continue
		}
		if !f.ended || !f.held.IsZero() {
			return now
		}
		if !f.rotated.IsZero() && now.Sub(f.rotated) < patience && !s.finished(f, now) {
			break // its last lines come before the next file's first
		}
	}
	return time.Time{}
}

// earliest is when what is found now can have been written at the earliest: after the last look.
func (s *Source) earliest(now time.Time) time.Time { return later(s.looked, now.Add(-s.entry.step)) }

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// sooner is the earlier of two times, of which zero is never.
func sooner(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

func (s *Source) release() {
	for _, f := range s.files {
		f.release()
	}
}

// supersede says whether there is a newer match than the path; it returns whether that is news.
func (s *Source) supersede(by bool) (news bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	news, s.superseded = by != s.superseded, by
	return news
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
	if s.expireLate(time.Now()); slices.ContainsFunc(s.late, (*file).hasGrown) {
		return true
	}
	if s.asleep != nil {
		return !s.asleep.undisturbed(s.path)
	}
	if len(s.files) == 0 {
		return true
	}
	current := s.files[len(s.files)-1]
	info, err := os.Stat(s.path)
	return err != nil || !current.ended || !os.SameFile(info, current.info) || info.Size() != current.size || !info.ModTime().Equal(current.changed)
}

// hasEnded tells whether the path and every file it led to are gone, and all of it is acknowledged.
func (s *Source) hasEnded() bool {
	return s.opened && s.asleep == nil && s.ahead == nil && len(s.files)+len(s.marks)+len(s.missing)+len(s.late) == 0 && !s.filling.turned && s.doubt == nil && s.owed == Loss{}
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
	s.unhold()
	for _, f := range s.files {
		if !f.gone {
			s.entry.shelf.leave(f, s, nil)
		}
		f.close()
	}
	for _, f := range s.late {
		f.close()
	}
	if s.ahead != nil {
		s.ahead.close()
	}
	s.files, s.late, s.ahead = nil, nil, nil
}

// complain logs a lasting trouble once, not at every look.
func (s *Source) complain(what string, err error) {
	if s.complaint != err.Error() {
		s.complaint = err.Error()
		s.log.Warn(what+" failed; trying again until it works", zap.Error(err))
	}
}
