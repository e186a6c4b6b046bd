package tailer

import (
	"slices"
	"time"

	"go.uber.org/zap"
)

const (
	// lateness is how long a rotated file that has been read to its end is still listened to. A process that was not told of
	// the rotation (an old child of Apache with a long request) may write one more line.
	lateness = 5 * time.Minute
	// maxLate is how many of them.
	maxLate = 2
	// maxLateDeleted is how much disk one may hold that has been deleted: who deletes a large log wants its room.
	maxLateDeleted = 16 << 20
)

// keepLate keeps a drained file open for a while.
func (s *Source) keepLate(f *file) {
	if f.packed || f.deleted && f.size > maxLateDeleted {
		f.close()
		return
	}
	f.release()
	f.drained = time.Now()
	if s.late = append(s.late, f); len(s.late) > maxLate {
		s.late[0].close()
		s.late = slices.Delete(s.late, 0, 1)
	}
}

// hearLate takes up the drained files that somebody has written to.
func (s *Source) hearLate(now time.Time) {
	s.expireLate(now)
	s.late = slices.DeleteFunc(s.late, func(f *file) bool {
		if !f.hasGrown() {
			return false
		}
		if !s.entry.shelf.take(f, s) { // another path leads to it by now
			f.close()
			return true
		}
		f.spent, f.ended = false, false
		s.files = slices.Insert(s.files, 0, f)
		s.log.Info("a rotated log file was written to after all of it had been read", zap.String("rotated", f.f.Name()), zap.Int64("offset", f.offset))
		return true
	})
}

// expireLate closes those that nobody has written to for long.
func (s *Source) expireLate(now time.Time) {
	s.late = slices.DeleteFunc(s.late, func(f *file) bool {
		if now.Sub(f.drained) <= lateness || f.hasGrown() {
			return false
		}
		f.close()
		return true
	})
}

// hasGrown tells whether there is more in the file than has been read.
func (f *file) hasGrown() bool {
	info, err := f.f.Stat()
	return err == nil && info.Size() > f.offset
}
