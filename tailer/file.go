package tailer

import (
	"io"
	"os"
	"time"
)

// file is one file on its way into a log stream: open, and read up to some offset.
type file struct {
	f         content
	packed    bool        // compressed: offset and seen count what was compressed, size what it became
	info      os.FileInfo // as it was opened; for os.SameFile
	id        identity
	was       identity // of what it is a copy of; zero: it is no copy
	head      fingerprint
	committed int64 // acknowledged up to here
	offset    int64 // first byte that is in no event yet
	seen      int64 // end of what has been read, offset or behind it
	size      int64 // the largest that the file has been found to be
	ended     bool  // reading came to the end of what there is
	opened    time.Time
	changed   time.Time // when it was, by its own word, when it was looked at last
	quiet     time.Time // of one that was empty when it was opened: nothing of the path's was written to later than this, by its own word
	grew      time.Time // when it last had bytes that had not been seen
	held      time.Time // when the event that is being gathered was first seen; zero: none is
	within    bool      // the byte at offset continues a message that began in an earlier event
	// rotated is when the path was found to lead elsewhere (or nowhere); zero while it leads here.
	rotated    time.Time
	deleted    bool      // no path leads to it any more
	spent      bool      // read to its end for good; kept until that is committed
	drained    time.Time // when that was committed
	gone       bool      // spent, closed, and what was read of it cannot be read again
	failing    time.Time // when reading it began to fail; zero: it works
	tides      tides
	landmarks  landmarks // those that stay
	landmarked time.Time // when the last of them was taken
	win        *window   // nil while nothing is in memory
	charset    *charset  // nil: UTF-8, or not known yet
}

// open makes a file of a path, to be read from an offset. One that a rotation compressed is read uncompressed.
func open(path string, offset int64) (*file, error) {
	raw, info, err := openRegular(path)
	if err != nil {
		return nil, err
	}
	var f content = raw
	if packed(path) {
		f = unpack(raw)
	}
	head, err := takeFingerprint(f, headBytes)
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	now := time.Now()
	grew := now.Add(-max(now.Sub(info.ModTime()), 0)) // on the clock that nobody sets
	return (&file{f: f, packed: packed(path), info: info, id: identify(raw, info), head: head, size: info.Size(), opened: now, changed: info.ModTime(), grew: grew}).from(offset), nil
}

// from makes reading begin at an offset.
func (f *file) from(offset int64) *file {
	f.committed, f.offset, f.seen = offset, offset, offset
	return f
}

func (f *file) close() {
	f.release()
	if !f.gone {
		_ = f.f.Close()
	}
}

// release forgets what is in memory and in no event; it will be read again.
func (f *file) release() {
	if f.win != nil {
		f.win.giveBack()
		f.win = nil
	}
}

// rewind goes back to what is acknowledged.
func (f *file) rewind() {
	if f.gone {
		return
	}
	f.release()
	if u, ok := f.f.(*unpacked); ok {
		u.in = nil // a decoder is large
	}
	f.offset, f.within, f.held = f.committed, false, time.Time{}
	f.spent, f.ended = false, false
}

// notice finds out from info, which has just been asked, whether the file has grown since it was looked at last, which cannot
// have been before earliest.
func (f *file) notice(info os.FileInfo, now, earliest time.Time) {
	f.changed = info.ModTime()
	earliest = later(earliest, f.opened)
	if size := info.Size(); size > f.size {
		if !f.packed {
			f.tides.rise(f.size, size, earliest, now)
		}
		f.size, f.ended, f.grew = size, false, earliest
		f.extendHead(size) // at once: a truncation before the next look would have it taken of other bytes
	}
	if !f.rotated.IsZero() {
		f.deleted = deleted(info)
	}
}

// more reads on. It returns io.EOF for nothing yet. What it finds cannot have been written before earliest.
func (f *file) more(c *charset, earliest time.Time) (n int, err error) {
	if f.win == nil {
		f.win = takeWindow()
	}
	if c != nil && f.charset == nil {
		if f.charset, err = c.of(f.f); err != nil {
			return 0, err
		}
	}
	f.win.charset = f.charset
	at := f.offset + int64(f.win.w-f.win.r)
	n, err = f.win.read(f.f, at)
	if end := at + int64(n); end > f.seen {
		if end > f.size && !f.packed {
			f.grew = earliest
		}
		f.seen = end
		f.extendHead(f.seen)
	}
	f.ended = err != nil
	return n, err
}

func (f *file) take(size int) {
	f.win.take(size)
	f.offset += int64(size)
	f.held = time.Time{}
}

// atEnd tells whether the file holds nothing that has not been seen.
func (f *file) atEnd() bool {
	var one [1]byte
	n, err := f.f.ReadAt(one[:], f.seen)
	return n == 0 && err == io.EOF
}

// beginsAnew tells whether the file, of which info has just been asked, is shorter than what has been read of it or begins
// with other bytes. One that cannot be read now tells nothing.
func (f *file) beginsAnew(info os.FileInfo) bool {
	head, err := takeFingerprint(f.f, f.head.Bytes)
	return info.Size() < f.seen || err == nil && head != f.head
}

// extendHead takes the fingerprint of more bytes while the file is short; there are so many.
func (f *file) extendHead(size int64) {
	if f.head.Bytes >= headBytes || size <= int64(f.head.Bytes) {
		return
	}
	if longer, err := takeFingerprint(f.f, int(min(size, headBytes))); err == nil && f.head.fits(f.f) {
		f.head = longer
	}
}

func (f *file) position() position { return f.positionAt(f.offset) }

func (f *file) positionAt(offset int64) position {
	p := position{identity: f.id, fingerprint: f.head, Offset: offset, Quiet: f.changed.UnixNano()}
	if f.head.Bytes == 0 {
		p.Quiet = f.quiet.UnixNano()
	}
	if f.spent && !f.packed {
		p.Tail = tailSum(f.f, offset)
	}
	p.Landmarks = f.landmarksTo(offset)
	return p
}
