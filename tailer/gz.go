package tailer

import (
	"errors"
	"io"
	"os"
	"strings"

	"github.com/klauspost/compress/gzip"
)

// content is what a file holds: its bytes, or those that were compressed into it.
type content interface {
	io.ReaderAt
	io.Closer
	Stat() (os.FileInfo, error)
	Name() string
}

// gzipped tells whether a name is that of a file in which a rotation compressed another.
func gzipped(path string) bool { return strings.HasSuffix(path, ".gz") }

// unzipped is the content of a compressed file. It is read from front to back, as a file is that is being drained; reading
// before the place it has come to begins anew. One that is still being written ends with io.ErrUnexpectedEOF.
type unzipped struct {
	*os.File
	zip *gzip.Reader
	at  int64
	// Where reading failed, and the compressed size at which it did: what lies behind is not tried again before that changes.
	failed     int64
	failedSize int64
}

// ReadAt reads uncompressed bytes.
func (u *unzipped) ReadAt(p []byte, offset int64) (n int, err error) {
	info, err := u.Stat()
	if err != nil {
		return 0, err
	}
	if u.failedSize > 0 && info.Size() == u.failedSize && offset >= u.failed {
		return 0, io.ErrUnexpectedEOF
	}
	if u.zip == nil || offset < u.at {
		if u.zip, err = gzip.NewReader(io.NewSectionReader(u.File, 0, 1<<62)); err != nil {
			u.zip, u.failed, u.failedSize = nil, 0, info.Size()
			return 0, unfinished(err)
		}
		u.at = 0
	}
	skipped, err := io.CopyN(io.Discard, u.zip, offset-u.at)
	u.at += skipped
	if err == nil {
		n, err = io.ReadFull(u.zip, p)
		u.at += int64(n)
	}
	if err == io.ErrUnexpectedEOF && n > 0 && u.whole() {
		err = io.EOF
	}
	if err != nil && err != io.EOF {
		u.zip, u.failed, u.failedSize = nil, u.at, info.Size() // an error of the decompressor lasts; the next reading begins anew
	}
	return n, err
}

// whole tells whether the end that io.ReadFull met is that of the compressed file.
func (u *unzipped) whole() bool {
	n, err := u.zip.Read(make([]byte, 1))
	u.at += int64(n)
	return n == 0 && err == io.EOF
}

func unfinished(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF // not even a header yet
	}
	return err
}
