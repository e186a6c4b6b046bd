package durable

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// Lines is a file that lines are appended to, each by one write: kill -9 does not lose one of which Append has returned, a power
// loss may lose those since the last Sync.
type Lines struct {
	file interface {
		io.WriteCloser
		Sync() error
	}
	size int64
	torn bool
}

// CreateLines makes a file that must not be there yet, and makes its name durable.
func CreateLines(path string) (*Lines, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL|os.O_APPEND|noFollow, fileMode)
	if err != nil {
		return nil, fmt.Errorf("create %s: %w", filepath.Base(path), err)
	}
	if err := syncDir(filepath.Dir(path)); err != nil {
		_ = f.Close()
		_ = os.Remove(path)
		return nil, fmt.Errorf("create %s: %w", filepath.Base(path), err)
	}
	return &Lines{file: f}, nil
}

// Append adds a line with its line end. After an error it is not in the file, but a part of it may be.
func (l *Lines) Append(line []byte) error {
	if l.torn {
		return errors.New("append: the file ends within a line")
	}
	n, err := l.file.Write(line)
	if err != nil {
		l.torn = n > 0
		return fmt.Errorf("append: %w", err)
	}
	l.size += int64(n)
	return nil
}

// Torn tells that a write that failed has left a part of its line. The file takes no more: what somebody may have read already
// is not changed under them.
func (l *Lines) Torn() bool { return l.torn }

// Size is how many bytes have been appended.
func (l *Lines) Size() int64 { return l.size }

// Sync has what was appended survive a power loss.
func (l *Lines) Sync() error { return l.file.Sync() }

// Close makes what was appended durable and closes the file.
func (l *Lines) Close() error { return errors.Join(l.file.Sync(), l.file.Close()) }

// MendLines cuts off what follows the last line end of a file: a crash came in the middle of a write of which nobody was told
// that it had succeeded.
func MendLines(path string) (cut int64, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("mend %s: %w", filepath.Base(path), err)
		}
	}()
	f, err := os.OpenFile(path, os.O_RDWR|noFollow, 0)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	end, block := info.Size(), make([]byte, 64<<10)
	for end > 0 {
		from := max(end-int64(len(block)), 0)
		n, err := f.ReadAt(block[:end-from], from)
		if err != nil && err != io.EOF {
			return 0, err
		}
		if at := bytes.LastIndexByte(block[:n], '\n'); at >= 0 {
			end = from + int64(at) + 1
			break
		}
		end = from
	}
	if end == info.Size() {
		return 0, nil
	}
	if err := f.Truncate(end); err != nil {
		return 0, err
	}
	return info.Size() - end, f.Sync()
}
