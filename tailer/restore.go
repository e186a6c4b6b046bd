package tailer

import (
	"os"
	"path/filepath"
	"time"

	"go.uber.org/zap"
)

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

// certain is how much later a file is looked for again before it counts as gone. A rotation that moves .1 to .2 while the folder
// is being read hides it from whoever reads.
const certain = time.Second

// regain takes up the files of the checkpoint. False: it cannot be told where one of them is, for the folder is not there (its
// volume is mounted later), or cannot be read for the moment, or for now it seems to be gone. Nothing is read before that is known.
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

// holdPath opens what the path leads to while it cannot be told what came before: if it is deleted meanwhile, it can still be read.
func (s *Source) holdPath() {
	if s.ahead == nil {
		s.ahead, _ = s.open(s.path, 0)
	}
}

// releasePath closes that, unless it was deleted and nobody has it.
func (s *Source) releasePath(now time.Time) {
	f := s.ahead
	if f == nil {
		return
	}
	s.ahead = nil
	if info, err := f.f.Stat(); err != nil || !deleted(info) || s.follows(f.id, f.info) || !s.entry.shelf.take(f, s) {
		f.close()
		return
	}
	since := s.leftAt
	if n := len(s.files); n > 0 {
		since = s.files[n-1].changed
	}
	if !since.IsZero() { // what came before it, and after what is followed
		s.readBetween(since)
	}
	f.rotated, s.opened = now, true
	s.files = append(s.files, f)
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
	if f == nil && s.missed.IsZero() {
		s.missed = time.Now()
	}
	if f == nil && time.Since(s.missed) < certain {
		return nil, false
	}
	s.missed = time.Time{}
	if f == nil {
		s.leftAt, s.opened = later(s.leftAt, time.Unix(0, p.Quiet)), true
		// One that was empty, was written to and renamed is among those that were written to since; one of a spool is gone
		// because it was acknowledged.
		if (p.Offset > 0 || p.Bytes > 0) && s.entry.over == nil {
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

// findRenamed looks for a file under another name: those that a rotation gives first, for every other one has to be asked which
// file it is. Of an empty file only its name is known.
func (s *Source) findRenamed(p position, is func(*file) bool) *file {
	for _, n := range s.neighbours(s.isRotation) {
		if !mayBe(n.info, p.identity) {
			continue
		}
		if f := s.openIf(n.path, p.Offset, is); f != nil {
			return f
		}
	}
	if p.Bytes == 0 {
		return nil
	}
	for _, path := range s.folder().mayBe(p.identity) {
		if f := s.openIf(path, p.Offset, is); f != nil {
			return f
		}
	}
	return nil
}

// find opens the file of a position: behind the path, among its neighbours, or as a copy of it.
func (s *Source) find(p position) (found *file, known bool) {
	s.unsure = nil
	if _, err := os.Stat(filepath.Dir(s.path)); err != nil {
		s.complain("look for log file", err)
		return nil, false
	}
	is := func(c *file) bool {
		return c.id.is(p.identity) && p.fits(c.f) && c.info.Size() >= p.Offset && p.endsAlike(c)
	}
	f := s.openIf(s.path, p.Offset, is) // where nothing was rotated, the folder need not be read: there may be thousands of such files
	if f == nil {
		f = s.findRenamed(p, is)
	}
	if f == nil && s.ahead != nil && is(s.ahead) {
		f, s.ahead = s.ahead.from(p.Offset), nil
	}
	if f == nil {
		if f = s.findCopy(&file{head: p.fingerprint, offset: p.Offset}); f != nil {
			f.was = p.identity
		} else if s.unsure != nil {
			s.complain("look for log file", s.unsure)
			return nil, false
		} else {
			f = s.findCut(p)
		}
		return f, true
	}
	f.keep(p.Landmarks)
	if f.head = p.fingerprint; f.head.Bytes == 0 {
		f.quiet, f.changed = time.Unix(0, p.Quiet), time.Unix(0, p.Quiet)
	}
	return f, true
}

// findCut opens a file that has lost its end, and goes on from where it is as it was: what was sent of it after that may come
// again.
func (s *Source) findCut(p position) *file {
	var from int64
	f := s.openIf(s.path, 0, func(c *file) bool {
		if c.id.is(p.identity) && p.fits(c.f) {
			from = p.kept(c)
		}
		return from > 0
	})
	if f == nil {
		return nil
	}
	f.from(from).head = p.fingerprint
	f.keep(p.Landmarks)
	s.log.Warn("a log file has lost its end, as it does when the power goes before what was written is on the disk; reading on from where it is as it was, so that some lines may be sent again",
		zap.Int64("acknowledged", p.Offset), zap.Int64("size", f.size), zap.Int64("offset", from))
	return f
}
