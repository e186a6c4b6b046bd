package tailer

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"go.uber.org/zap"
)

// look finds out what the path leads to now: the same file, the same one truncated, another one, or none; and which of the
// files have grown.
func (s *Source) look(now time.Time) {
	earliest := s.earliest(now)
	defer func() { s.looked = now }()
	if !s.wake() || !s.regain() {
		s.holdPath()
		return
	}
	s.releasePath(now)
	s.hearLate(now)
	if len(s.files) == 0 {
		if !s.leftAt.IsZero() {
			s.readBetween(s.leftAt)
		}
		s.openPath(0)
		s.boundDeleted() // what it held is acknowledged
		return
	}
	last := len(s.files) - 1
	for _, f := range s.files[:last] {
		if f.spent {
			continue
		}
		if info, err := f.f.Stat(); err != nil {
			continue // reading it will tell what is wrong
		} else if !s.wasCutShort(f, info) {
			f.notice(info, now, earliest)
		}
	}
	s.lookAtPath(s.files[last], now, earliest)
	s.boundDeleted()
}

func (s *Source) lookAtPath(current *file, now, earliest time.Time) {
	var own os.FileInfo // nil: not known
	if !current.gone {
		own, _ = current.f.Stat()
	}
	if own != nil && !current.rotated.IsZero() && !current.spent && s.wasCutShort(current, own) {
		own = nil
	}
	anew := own != nil && current.rotated.IsZero() && current.beginsAnew(own)
	if own != nil && !anew {
		s.readUnseen(current, own)
		current.notice(own, now, earliest)
	}
	info, err := os.Stat(s.path)
	switch {
	case !current.rotated.IsZero(): // deleted while followed, or finished; has another one taken its place?
		s.readBetween(current.changed)
		if err == nil {
			s.openPath(0)
		}
	case anew:
		s.truncated(current)
	case errors.Is(err, fs.ErrNotExist):
		if own != nil && deleted(own) {
			current.rotated = now
		}
		// Renamed, and nothing in its place yet: whoever writes to it may go on doing so.
	case err != nil: // the folder cannot be read; the open file still can
	case !os.SameFile(info, current.info):
		current.rotated = now
		s.readBetween(current.changed)
		s.openPath(0)
	case s.superseded && s.entry.file.AutoRemoval:
		current.rotated = now // read to its end, then removed
	}
}

// wasCutShort tells whether a rotated file is shorter than what was read of it, and gives it up: nobody makes a copy of one.
func (s *Source) wasCutShort(f *file, info os.FileInfo) bool {
	if f.packed || info.Size() >= f.seen {
		return false
	}
	if lost := max(f.seen, f.size) - f.offset; lost > 0 {
		s.lose(Loss{Truncated: lost})
	}
	s.log.Error("a rotated log file was truncated; what followed its last acknowledged or shipped line is lost", zap.String("rotated", f.f.Name()), zap.Int64("offset", f.offset))
	s.entry.shelf.leave(f, s, nil)
	s.abandon(f, time.Now())
	s.filling.turned = true
	return true
}

// openPath begins to follow what the path leads to, if anything can be read there.
func (s *Source) openPath(offset int64) {
	f, err := s.open(s.path, offset)
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) {
			s.complain("open log file", err)
		}
		return
	}
	if s.follows(f.id, f.info) || !s.entry.shelf.take(f, s) {
		f.close() // it is still the file that was renamed a moment ago, or one that another path led to
		return
	}
	if s.complaint != "" {
		s.log.Info("log file can be read now")
	}
	s.complaint = ""
	s.opened = true
	s.files = append(s.files, f)
	if f.quiet = f.changed; f.head.Bytes == 0 {
		for _, n := range s.rotations(f.changed) {
			f.quiet = later(f.quiet, n.info.ModTime())
		}
	}
}

// open opens the path or a neighbour, unless that is reached by a link to where the operator did not point.
func (s *Source) open(path string, offset int64) (*file, error) {
	if err := s.entry.pattern.permits(path); err != nil {
		return nil, err
	}
	f, err := open(path, offset)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		s.unsure = err
	}
	return f, err
}

func (s *Source) follows(id identity, info os.FileInfo) bool {
	return slices.ContainsFunc(s.files, func(f *file) bool {
		return !f.gone && f.id.is(id) && os.SameFile(f.info, info)
	})
}

// truncated handles copytruncate: what had not been read of the file stands in its copy, if there is one.
func (s *Source) truncated(f *file) {
	s.files = s.files[:len(s.files)-1]
	s.entry.shelf.leave(f, s, nil)
	f.release()
	if copied := s.findCopy(f); copied != nil {
		copied.rotated, copied.tides, copied.within = copied.grew, f.tides, f.within
		copied.committed -= f.offset - f.committed
		if copied.was = f.was; f.was == (identity{}) {
			copied.was = f.id
		}
		for _, m := range s.marks { // what was read of the one may have to be read again of the other
			for i := range m.reached {
				if m.reached[i].file == f {
					m.reached[i].file = copied
				}
			}
		}
		s.doubt.swap(f, copied)
		s.sending.swap(f, copied)
		s.files = append(s.files, copied)
		s.readBetween(copied.changed)
		s.log.Info("log file was truncated; reading the rest of it from its copy", zap.String("copy", copied.f.Name()), zap.Int64("offset", f.offset))
		s.openPath(0)
		f.close()
		return
	}
	if lost := max(f.seen, f.size) - f.offset; lost > 0 {
		s.lose(Loss{Truncated: lost})
		s.log.Error("log file was truncated, and no copy of it was found: what followed its last acknowledged or shipped line is lost", zap.Int64("offset", f.offset), zap.Int64("lost_bytes_at_least", lost))
	} else {
		s.log.Info("log file was truncated; reading from its beginning", zap.Int64("offset", f.offset))
	}
	if s.abandon(f, time.Now()); f.offset > f.committed { // a batch with the rest of it is on its way
		s.files = append(s.files, f)
	}
	s.readBetween(f.changed) // copies of what came after it
	s.openPath(0)
}

// findCopy looks among the neighbours for a file that begins like f and goes on where f was read up to. Of files that all
// begin alike the newest is the copy.
func (s *Source) findCopy(f *file) *file {
	if f.head.Bytes == 0 {
		return nil
	}
	// The plain ones first: one that is being compressed is whole, what it is compressed into is not yet.
	for _, zipped := range []bool{false, true} {
		for _, n := range slices.Backward(s.neighbours(func(name string) bool {
			return s.isRotation(name) || zipped && unpackedName(name) == filepath.Base(s.path) // a pattern may match rotated files
		})) {
			if packed(n.path) != zipped || f.info != nil && os.SameFile(n.info, f.info) {
				continue
			}
			if found := s.openIf(n.path, f.offset, func(c *file) bool { return c.isCopyOf(f) && s.entry.shelf.take(c, s) }); found != nil {
				found.head = f.head
				return found
			}
		}
	}
	return nil
}

// abandon closes a file of which nothing more can or will be read. What is on its way cannot be read again.
func (s *Source) abandon(f *file, now time.Time) {
	f.close()
	f.gone, f.spent = true, true
	s.leftAt = later(s.leftAt, f.changed)
	if f.rotated.IsZero() {
		f.rotated = now
	}
}

// readBetween follows files that came and went between two looks: rotated neighbours that were written to since a time, and are
// neither what the path leads to now nor a copy of anything that is followed.
func (s *Source) readBetween(since time.Time) {
	s.unsure = nil
	for _, n := range s.rotations(since) {
		if f := s.openIf(n.path, 0, s.isUnseen); f != nil {
			f.rotated = f.grew
			s.files, s.opened = append(s.files, f), true
			s.log.Info("reading a log file that was rotated away before it was seen", zap.String("rotated", n.path), zap.Int64("offset", f.offset))
		}
	}
	if s.unsure != nil { // the next look tries again
		s.searched = search{}
		s.complain("open rotated log file", s.unsure)
	}
}

// isUnseen tells whether a rotated file is one of which nothing has been read, and takes it.
func (s *Source) isUnseen(c *file) bool {
	if s.follows(c.id, c.info) || s.entry.shelf.isCopy(c.id) || s.entry.shelf.isDone(c) {
		return false
	}
	if madeFromNeighbour(c) || slices.ContainsFunc(s.files, func(f *file) bool { return !f.gone && f.hasCopy(c) }) {
		s.entry.shelf.copied(c.id)
		return false
	}
	return s.entry.shelf.take(c, s)
}

// readUnseen looks for what stood in a file that was followed when it was empty, and has been copied and truncated since: of
// such a file nothing is known by which its copy could be told, but that it is a rotation, and new.
func (s *Source) readUnseen(current *file, own os.FileInfo) {
	if current.seen > 0 || current.head.Bytes > 0 || own.ModTime().Equal(current.changed) {
		return
	}
	at := len(s.files) - 1
	s.readBetween(current.quiet)
	current.size = 0 // what there is now has come since
	s.files = append(slices.Delete(s.files, at, at+1), current)
}
