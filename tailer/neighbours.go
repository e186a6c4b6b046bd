package tailer

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"time"
)

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

// openIf opens a file and closes it again if it is not the one that is looked for.
func (s *Source) openIf(path string, offset int64, wanted func(*file) bool) *file {
	if packed(path) {
		s.entry.holding.unpack <- struct{}{}
		defer func() { <-s.entry.holding.unpack }()
	}
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

// neighbours are the other regular files of the folder whose names begin like the path's and are wanted, oldest first.
func (s *Source) neighbours(wanted func(name string) bool) []neighbour {
	return s.folder().neighbours(s.path, wanted)
}

// folder is what stands in the folder of the path.
func (s *Source) folder() *reading {
	r, err := s.entry.folders.read(filepath.Dir(s.path))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		s.unsure = err
	}
	return r
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
