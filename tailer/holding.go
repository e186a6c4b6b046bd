package tailer

import (
	"os"
	"sync/atomic"
	"time"

	"go.uber.org/zap"
)

// Holding is what all sources together hold of the host, and may hold.
type Holding struct {
	mayOpen, mayDelete atomic.Int64

	resting atomic.Int64 // files that stay open
	deleted atomic.Int64 // bytes
	folders *folders
	unpack  chan struct{} // taken by those who look into a compressed file
}

// What a Holding allows unless the operator says otherwise.
const (
	DefaultOpen    = 1000
	DefaultDeleted = 1 << 30
)

// maxUnpack is how many compressed files are looked into at a time. A decoder may take maxZstdWindow and more, and after a rotation
// there may be thousands.
const maxUnpack = 16

// NewHolding allows open files that nobody writes to to stay open (one that is open is read to its end even when it is
// deleted), and deleted files to hold so many bytes of disk until they have been acknowledged.
func NewHolding(open int, deleted int64) *Holding {
	h := &Holding{folders: newFolders(), unpack: make(chan struct{}, maxUnpack)}
	h.mayOpen.Store(int64(open))
	h.AllowDeleted(deleted)
	return h
}

// AllowDeleted changes how many bytes of disk deleted files may hold.
func (h *Holding) AllowDeleted(bytes int64) { h.mayDelete.Store(bytes) }

// rest closes the file of a source that has nothing to do, if too many are open. It wakes as after a restart.
func (s *Source) rest() {
	if s.resting || len(s.files) != 1 || len(s.marks) > 0 {
		return
	}
	f, h := s.files[0], s.entry.holding
	if f.spent || !f.rotated.IsZero() || f.committed != f.offset || f.packed {
		return
	}
	if h.resting.Add(1) <= h.mayOpen.Load() {
		s.resting = true
		return
	}
	h.resting.Add(-1)
	s.asleep = &sleeper{f.position(), f.info, f.size, f.grew, f.changed, f.landmarks, f.landmarked}
	s.asleep.Landmarks = landmarks{} // the power has not gone since
	f.close()
	s.files = nil
}

// sleeper is a file that was closed because nobody writes to it.
type sleeper struct {
	position
	info          os.FileInfo
	size          int64
	grew, changed time.Time
	landmarks     landmarks
	landmarked    time.Time
}

// undisturbed tells whether the path still leads to the file, as it was.
func (z *sleeper) undisturbed(path string) bool {
	info, err := os.Stat(path)
	return err == nil && os.SameFile(info, z.info) && info.Size() == z.size && info.ModTime().Equal(z.changed)
}

// wake opens the file of a source that sleeps, wherever it is now. False: that cannot be told for the moment.
func (s *Source) wake() bool {
	if s.asleep == nil {
		return true
	}
	z := s.asleep
	f, known := s.find(z.position)
	if f == nil && !known {
		return false
	}
	s.asleep = nil
	if f == nil {
		// All of it was acknowledged, and whatever is written to it would have been heard of.
		s.log.Debug("a log file is gone that nobody was writing to")
		s.entry.shelf.forget(z.identity, s)
		s.leftAt = later(s.leftAt, z.changed)
		return true
	}
	f.landmarks, f.landmarked = z.landmarks, z.landmarked
	if f.grew = z.grew; !z.leadsTo(s.path) {
		f.rotated = f.grew
	}
	s.files = append(s.files, f)
	return true
}

// leadsTo tells whether a path leads to the file.
func (z *sleeper) leadsTo(path string) bool {
	info, err := os.Stat(path)
	return err == nil && os.SameFile(info, z.info)
}

// boundDeleted gives up the oldest deleted file when such files hold too much of the disk: the service has been away for too
// long.
func (s *Source) boundDeleted() {
	var held int64
	var oldest *file
	for _, f := range s.files {
		if f.deleted && !f.spent {
			held += max(f.size-f.committed, 0)
			if oldest == nil {
				oldest = f
			}
		}
	}
	total := s.entry.holding.deleted.Add(held - s.heldDeleted)
	s.heldDeleted = held
	if oldest == nil || total <= s.entry.holding.mayDelete.Load() {
		return
	}
	lost := max(oldest.size-oldest.offset, 0)
	s.lose(Loss{Evicted: lost})
	s.log.Error("deleted log files hold more of the disk than nephoscope.deleted_files_mib allows; the rest of this one is given up", zap.String("deleted_file", oldest.f.Name()), zap.Int64("offset", oldest.offset), zap.Int64("lost_bytes", lost), zap.Int64("allowed_bytes", s.entry.holding.mayDelete.Load()))
	s.entry.shelf.leave(oldest, s, nil)
	s.abandon(oldest, time.Now())
	s.filling.turned = true
}

// unhold gives back what a source holds.
func (s *Source) unhold() {
	s.entry.holding.deleted.Add(-s.heldDeleted)
	s.heldDeleted = 0
	if s.resting {
		s.resting = false
		s.entry.holding.resting.Add(-1)
	}
}
