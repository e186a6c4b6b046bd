package tailer

import (
	"io"
	"os"
	"time"
)

// file is one file on its way into a log stream: open, and read up to some offset.
type file struct {
	f      content
	info   os.FileInfo // as it was opened; for os.SameFile
	id     identity
	head   fingerprint
	offset int64     // first byte that is in no event yet
	seen   int64     // end of what has been read, offset or behind it
	size   int64     // the largest that the file has been found to be
	grew   time.Time // when it last had bytes that had not been seen
	held   time.Time // when the event that is being gathered was first seen; zero: none is
	within bool      // the byte at offset continues a message that began in an earlier event
	// rotated is when the path was found to lead elsewhere (or nowhere); zero while it leads here.
	rotated time.Time
	failing time.Time // when reading it began to fail; zero: it works
	win     *window   // nil while nothing is in memory
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
	return &file{f: f, info: info, id: identify(raw, info), head: head, offset: offset, seen: offset, size: info.Size(), grew: grew}, nil
}

func (f *file) close() {
	f.release()
	_ = f.f.Close()
}

// release forgets what is in memory and in no event; it will be read again.
func (f *file) release() {
	if f.win != nil {
		f.win.giveBack()
		f.win = nil
	}
}

// more reads on. It returns io.EOF for nothing yet.
func (f *file) more(now time.Time) (n int, err error) {
	if f.win == nil {
		f.win = takeWindow()
	}
	at := f.offset + int64(f.win.w-f.win.r)
	n, err = f.win.read(f.f, at)
	if end := at + int64(n); end > f.seen {
		if f.seen >= f.info.Size() { // what was there when the file was opened is as old as its last change says
			f.grew = now
		}
		f.seen = end
		f.extendHead() // at once: a truncation before the next look would have it taken of other bytes
	}
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

// wasTruncated tells whether the file is shorter than what has been read of it, or begins anew. One that cannot be read now
// tells nothing.
func (f *file) wasTruncated() bool {
	info, err := f.f.Stat()
	if err != nil {
		return false
	}
	f.size = max(f.size, info.Size())
	head, err := takeFingerprint(f.f, f.head.Bytes)
	return info.Size() < f.seen || err == nil && head != f.head
}

// extendHead takes the fingerprint of more bytes while the file is short. Only bytes that have been read count: they are
// the ones a checkpoint speaks of.
func (f *file) extendHead() {
	if f.head.Bytes >= headBytes || f.seen <= int64(f.head.Bytes) {
		return
	}
	if longer, err := takeFingerprint(f.f, int(min(f.seen, headBytes))); err == nil && f.head.fits(f.f) {
		f.head = longer
	}
}

func (f *file) position() position { return position{f.id, f.head, f.offset} }
