package tailer

import (
	"bytes"
	"cmp"
	"errors"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"regexp"
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
		return
	}
	s.hearLate(now)
	if len(s.files) == 0 {
		if !s.leftAt.IsZero() {
			s.readBetween(s.leftAt)
		}
		s.openPath(0)
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

// isCopyOf tells whether a file begins like f and holds as much as has been read of it.
func (c *file) isCopyOf(f *file) bool {
	if !f.head.fits(c.f) {
		return false
	}
	if f.offset == 0 {
		return true
	}
	var one [1]byte
	n, _ := c.f.ReadAt(one[:], f.offset-1)
	return n == 1
}

// abandon closes a file of which nothing more can or will be read. What is on its way cannot be read again.
func (s *Source) abandon(f *file, now time.Time) {
	f.close()
	f.gone, f.spent = true, true
	if f.rotated.IsZero() {
		f.rotated = now
	}
}

// readBetween follows files that came and went between two looks: rotated neighbours that were written to since a time, and are
// neither what the path leads to now nor a copy of anything that is followed.
func (s *Source) readBetween(since time.Time) {
	for _, n := range s.rotations(since) {
		if f := s.openIf(n.path, 0, s.isUnseen); f != nil {
			f.rotated = f.grew
			s.files, s.opened = append(s.files, f), true
			s.log.Info("reading a log file that was rotated away before it was seen", zap.String("rotated", n.path), zap.Int64("offset", f.offset))
		}
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

// madeFromNeighbour tells whether a compressed file is not whole, and stands beside what it is being made from. That one is
// looked at itself; this one says nothing yet, and nothing new when it is whole.
func madeFromNeighbour(c *file) bool {
	if !c.packed {
		return false
	}
	if _, err := os.Lstat(unpackedName(c.f.Name())); err != nil {
		return false
	}
	_, err := io.Copy(io.Discard, io.NewSectionReader(c.f, 0, math.MaxInt64))
	return err != nil
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

// rotations are the neighbours that a rotation made of the path's file and that were not written to for the last time before
// a time, oldest first. The same time says nothing: some file systems keep seconds.
func (s *Source) rotations(since time.Time) []neighbour {
	if s.isAsItWas(since) {
		return nil
	}
	current, _ := os.Stat(s.path)
	return slices.DeleteFunc(s.neighbours(s.isRotation), func(n neighbour) bool {
		return n.info.ModTime().Before(since) || current != nil && os.SameFile(n.info, current)
	})
}

func (s *Source) isRotation(name string) bool { return rotatedName(s.path, name) }

// isAsItWas tells whether the folder has been searched twice for the same and no name has come or gone since. Twice, because
// its time of change may be a few milliseconds behind.
func (s *Source) isAsItWas(since time.Time) bool {
	info, err := os.Stat(filepath.Dir(s.path))
	if err != nil {
		return false
	}
	now := search{since, info.ModTime(), 1}
	if last := s.searched; last.since.Equal(now.since) && last.changed.Equal(now.changed) {
		now.times = last.times + 1
	}
	s.searched = now
	return now.times > 2
}

// search is what the folder was searched for last.
type search struct {
	since, changed time.Time
	times          int
}

// hasCopy tells whether c holds the beginning of f and nothing else: files that only begin alike differ where c ends. Of
// compressed files that is not known before all of it has been compared.
func (f *file) hasCopy(c *file) bool {
	size := c.info.Size()
	if size == 0 || !f.head.fits(c.f) {
		return false
	}
	if f.packed || c.packed {
		return beginsWith(f.f, c.f)
	}
	end := make([]byte, min(size, headBytes))
	same := make([]byte, len(end))
	_, err := c.f.ReadAt(end, size-int64(len(end)))
	_, missing := f.f.ReadAt(same, size-int64(len(end)))
	return err == nil && missing == nil && bytes.Equal(end, same)
}

// beginsWith tells whether all of part, which is not empty, is what whole begins with.
func beginsWith(whole, part io.ReaderAt) bool {
	a, b := make([]byte, 32<<10), make([]byte, 32<<10)
	for at := int64(0); ; {
		n, err := part.ReadAt(b, at)
		if m, _ := whole.ReadAt(a[:n], at); m < n || !bytes.Equal(a[:n], b[:n]) {
			return false
		}
		if at += int64(n); err != nil {
			return err == io.EOF && at > 0
		}
	}
}

// restore opens what a checkpoint speaks of, wherever it is now. What came after that is left to the first look: another
// source may be about to restore it.
func (s *Source) restore(cp checkpoint) {
	s.drained, s.edge, s.doubt = cp.Drained, cp.Edge, cp.Wire
	s.entry.shelf.recall(cp.Drained)
	if cp.Left != 0 {
		s.leftAt = later(s.leftAt, time.Unix(0, cp.Left))
	}
	s.missing = cp.Files
	s.regain()
}

// regain takes up the files of the checkpoint. False: it cannot be told where one of them is, for the folder is not there (its
// volume is mounted later), or cannot be read for the moment. Nothing is read before that is known.
func (s *Source) regain() bool {
	if len(s.missing) == 0 {
		return true
	}
	for len(s.missing) > 0 {
		f, known := s.findAgain(s.missing[0])
		if !known {
			return false
		}
		if s.missing = s.missing[1:]; f != nil {
			s.files, s.opened = append(s.files, f), true
		}
	}
	if len(s.files) == 0 {
		s.filling.turned = true // the checkpoint is to be forgotten
	}
	return true
}

// findAgain finds the file of a position and takes it; nil: it is gone, or followed already. Nobody was looking: unless the path
// leads to it, it counts as rotated when it was written to last.
func (s *Source) findAgain(p position) (f *file, known bool) {
	f, known = s.find(p)
	if f != nil && s.follows(f.id, f.info) {
		f.close()
		return nil, true
	}
	if f == nil && !known {
		return nil, false
	}
	if f == nil {
		s.leftAt, s.opened = later(s.leftAt, time.Unix(0, p.Quiet)), true
		if p.Offset > 0 || p.Bytes > 0 { // else it was empty; if it was written to and renamed, it is among those that were written to since
			s.lose(Loss{Files: 1})
			s.log.Warn("a log file that was being read is gone; what was written to it last cannot be sent", zap.Uint64("inode", p.Inode), zap.Int64("offset", p.Offset))
		}
		return nil, true
	}
	s.entry.shelf.take(f, s)
	if info, err := os.Stat(s.path); err != nil || !os.SameFile(info, f.info) {
		f.rotated = f.grew
	}
	return f, true
}

// find opens the file of a position: behind the path, among its neighbours, or as a copy of it.
func (s *Source) find(p position) (found *file, known bool) {
	s.unsure = nil
	if _, err := os.Stat(filepath.Dir(s.path)); err != nil {
		s.complain("look for log file", err)
		return nil, false
	}
	is := func(c *file) bool { return c.id.is(p.identity) && p.fits(c.f) && c.info.Size() >= p.Offset }
	f := s.openIf(s.path, p.Offset, is) // where nothing was rotated, the folder need not be read: there may be thousands of such files
	if f == nil {
		for _, n := range s.neighbours(nil) {
			if !mayBe(n.info, p.identity) || p.Bytes == 0 && !rotatedName(s.path, n.path) { // of an empty file only its name is known
				continue
			}
			if f = s.openIf(n.path, p.Offset, is); f != nil {
				break
			}
		}
	}
	if f == nil {
		if f = s.findCopy(&file{head: p.fingerprint, offset: p.Offset}); f != nil {
			f.was = p.identity
		} else if s.unsure != nil {
			s.complain("look for log file", s.unsure)
			return nil, false
		}
		return f, true
	}
	if f.head = p.fingerprint; f.head.Bytes == 0 {
		f.quiet, f.changed = time.Unix(0, p.Quiet), time.Unix(0, p.Quiet)
	}
	return f, true
}

// openIf opens a file and closes it again if it is not the one that is looked for.
func (s *Source) openIf(path string, offset int64, wanted func(*file) bool) *file {
	f, err := s.open(path, offset)
	if err != nil {
		return nil
	}
	return f.onlyIf(wanted)
}

func openIf(path string, offset int64, wanted func(*file) bool) *file {
	f, err := open(path, offset)
	if err != nil {
		return nil
	}
	return f.onlyIf(wanted)
}

func (f *file) onlyIf(wanted func(*file) bool) *file {
	if !wanted(f) {
		f.close()
		return nil
	}
	return f
}

type neighbour struct {
	path string
	info os.FileInfo
}

// neighbours are the other regular files of the folder, oldest first; those with a wanted name, if that is asked.
func (s *Source) neighbours(wanted func(name string) bool) (all []neighbour) {
	dir := filepath.Dir(s.path)
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		if !e.Type().IsRegular() || path == s.path || wanted != nil && !wanted(e.Name()) || compressed(path) && !packed(path) {
			continue
		}
		if info, err := e.Info(); err == nil {
			all = append(all, neighbour{path, info})
		}
	}
	slices.SortStableFunc(all, func(a, b neighbour) int { return cmp.Compare(a.info.ModTime().UnixNano(), b.info.ModTime().UnixNano()) })
	return all
}

// dated is what logrotate and its kin put behind or into a name: .1, -20261120, .2026-11-20-10, _003
var dated = regexp.MustCompile(`^[-._]?[0-9][-._:T0-9]*$`)

// rotatedName tells whether a name is what a rotation makes of the path's.
func rotatedName(path, name string) bool {
	base, rotated := filepath.Base(path), unpackedName(filepath.Base(name))
	if len(rotated) > len(base) && rotated[:len(base)] == base {
		return dated.MatchString(rotated[len(base):])
	}
	ext := filepath.Ext(base)
	stem := base[:len(base)-len(ext)]
	if len(rotated) > len(base) && rotated[:len(stem)] == stem && filepath.Ext(rotated) == ext {
		return dated.MatchString(rotated[len(stem) : len(rotated)-len(ext)])
	}
	return false
}
