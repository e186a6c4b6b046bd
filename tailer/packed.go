package tailer

import (
	"compress/bzip2"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// maxZstdWindow is how much of what it unpacked a decoder has to keep, and so about what one takes in memory. RFC 8878, section
// 3.1.1.1.2: "it's recommended for decoders to support at least 8 MB". Levels up to 19 stay within it; --ultra and --long may
// not. A log folder is not to be trusted with more: the file itself names the size.
const maxZstdWindow = 8 << 20

// content is what a file holds: its bytes, or those that were compressed into it.
type content interface {
	io.ReaderAt
	io.Closer
	Stat() (os.FileInfo, error)
	Name() string
}

// packed tells whether a name is that of a file in which a rotation compressed another, in a way that we can read.
func packed(path string) bool { return unpackerOf(path) != nil }

// unpackedName is the name of a file before a rotation compressed it.
func unpackedName(name string) string {
	if packed(name) {
		return name[:len(name)-len(filepath.Ext(name))]
	}
	return name
}

// unpackerOf is what reads a compressed file of that name; nil: it is not one. A decoder allocates little and bounded memory
// whatever its input says, and unpacks no further than it is read.
func unpackerOf(path string) func(io.Reader) (io.Reader, error) {
	switch filepath.Ext(path) {
	case ".gz":
		return func(r io.Reader) (io.Reader, error) { return gzip.NewReader(r) }
	case ".zst":
		return func(r io.Reader) (io.Reader, error) {
			return zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(maxZstdWindow))
		}
	case ".bz2":
		return func(r io.Reader) (io.Reader, error) { return bzip2.NewReader(r), nil }
	}
	return nil
}

// unpacked is the content of a compressed file, of all its members or frames. It is read from front to back, as a file is that
// is being drained; reading before the place it has come to begins anew. One that is still being written ends with
// io.ErrUnexpectedEOF.
type unpacked struct {
	*os.File
	in io.Reader // nil: to be begun
	at int64     // where in comes from next
	// Where reading ended, why, and the compressed size at which it did: what lies behind is not tried again before that changes.
	end     int64
	endSize int64
	why     error // nil: it has not ended
}

// unpack reads a compressed file.
func unpack(f *os.File) *unpacked { return &unpacked{File: f} }

// ReadAt reads uncompressed bytes.
func (u *unpacked) ReadAt(p []byte, offset int64) (n int, err error) {
	info, err := u.Stat()
	if err != nil {
		return 0, err
	}
	if u.why != nil && info.Size() == u.endSize && offset >= u.end {
		return 0, u.why
	}
	if u.in == nil || offset < u.at {
		err = u.begin(info.Size())
	}
	if err == nil {
		var skipped int64
		skipped, err = io.CopyN(io.Discard, u.in, offset-u.at)
		u.at += skipped
	}
	for n < len(p) && err == nil {
		var more int
		more, err = u.in.Read(p[n:])
		n += more
		u.at += int64(more)
	}
	if err != nil { // a decoder never recovers from an error, nor from the end; when the file has changed it begins anew
		u.in, u.end, u.endSize, u.why = nil, u.at, info.Size(), err
		if _, trouble := errors.AsType[*fs.PathError](err); trouble {
			u.why = nil // of the disk, which may recover
		}
	}
	return n, err
}

// begin starts at the first byte.
func (u *unpacked) begin(size int64) (err error) {
	u.in, u.at = nil, 0
	if size == 0 {
		return io.ErrUnexpectedEOF // nothing has been compressed into it yet
	}
	u.in, err = unpackerOf(u.Name())(io.NewSectionReader(u.File, 0, 1<<62))
	if err == io.EOF {
		err = io.ErrUnexpectedEOF // not even a header yet
	}
	return err
}
