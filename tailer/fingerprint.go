package tailer

import (
	"fmt"
	"hash/fnv"
	"io"
	"os"
	"sync"
)

// identity is which file it is, whatever its path.
type identity struct {
	Device uint64 `json:"device"`
	Inode  uint64 `json:"inode"`
	// Birth is when the inode was made, in nanoseconds since the epoch, where the file system knows: it is used again as soon
	// as the file is gone. 0: not known.
	Birth int64 `json:"birth,omitempty"`
}

// is tells whether two identities are those of one file, as far as both are known.
func (i identity) is(other identity) bool {
	return i.Device == other.Device && i.Inode == other.Inode && (i.Birth == other.Birth || i.Birth == 0 || other.Birth == 0)
}

const headBytes = 1024

// fingerprint is a checksum of a file's first bytes: as many as there were, up to headBytes. It tells a file from one that
// got its inode, and from its own self after a truncation.
type fingerprint struct {
	Bytes int    `json:"head_bytes"`
	Sum   uint64 `json:"head"`
}

// headPool: every look at a file reads its head, and every checkpoint what precedes it.
var headPool = sync.Pool{New: func() any { return new([headBytes]byte) }}

func takeFingerprint(f io.ReaderAt, atMost int) (fingerprint, error) {
	buf := headPool.Get().(*[headBytes]byte)
	defer headPool.Put(buf)
	head := buf[:min(atMost, headBytes)]
	n, err := f.ReadAt(head, 0)
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF { // the end of what has been compressed so far
		return fingerprint{}, fmt.Errorf("read fingerprint: %w", err)
	}
	h := fnv.New64a()
	_, _ = h.Write(head[:n])
	return fingerprint{n, h.Sum64()}, nil
}

// tailSum is a checksum of the last bytes before an offset; 0: they cannot be read.
func tailSum(f io.ReaderAt, end int64) uint64 {
	buf := headPool.Get().(*[headBytes]byte)
	defer headPool.Put(buf)
	tail := buf[:min(end, headBytes)]
	if n, _ := f.ReadAt(tail, end-int64(len(tail))); n < len(tail) || n == 0 {
		return 0
	}
	h := fnv.New64a()
	_, _ = h.Write(tail)
	return max(h.Sum64(), 1)
}

// fits tells whether a file begins with the bytes that the fingerprint was taken of.
func (p fingerprint) fits(f io.ReaderAt) bool {
	now, err := takeFingerprint(f, p.Bytes)
	return err == nil && now == p
}

// openRegular opens a regular file for reading. Nothing else is even opened: who waits for the reader of a pipe must not
// take us for it.
func openRegular(path string) (*os.File, os.FileInfo, error) {
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return nil, nil, fmt.Errorf("open %s: not a regular file", path)
	}
	f, err := openShared(path)
	if err != nil {
		return nil, nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("open %s: not a regular file", path)
	}
	if err != nil {
		_ = f.Close()
		return nil, nil, err
	}
	return f, info, nil
}
