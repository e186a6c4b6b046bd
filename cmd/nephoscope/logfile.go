package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"github.com/nephoscope/nephoscope/internal/durable"
)

const (
	maxLogBytes = 10 << 20
	maxLogFiles = 5
	// repeatLogTrouble is how often standard error is told that the log cannot be written.
	repeatLogTrouble = time.Hour
)

// logFile is the agent's own log: a file of at most maxBytes, and older ones beside it, named .1 (the youngest) to .4.
//
// It holds nothing that it could not find out before each line: where the file is and how long. So it goes on in a new file when
// somebody has moved or removed the old one, and needs no signal for that; and it sees a file that somebody has cut.
type logFile struct {
	path     string
	maxBytes int64
	trouble  io.Writer // where to say that the log cannot be written

	mu       sync.Mutex
	file     *os.File  // nil: none is open
	missed   int       // lines since the last one that was written
	torn     bool      // the last line was written in part
	restart  error     // why the file begins anew, until it has said so
	troubled time.Time // when the trouble was last told
}

// openLogFile returns an error if the log cannot be opened now. Later it reopens it for as long as it takes.
func openLogFile(path string, trouble io.Writer) (*logFile, error) {
	l := &logFile{path: path, maxBytes: maxLogBytes, trouble: trouble}
	if err := l.open(); err != nil {
		return nil, fmt.Errorf("open log: %w", durable.Cure(err, filepath.Dir(path)))
	}
	return l, nil
}

// Write takes one line. It never fails: what cannot be written is counted, and the log says so when it can be written again.
func (l *logFile) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	err := l.makeReady(len(line))
	if err == nil {
		var n int
		whole := append(l.notice(), line...)
		if n, err = l.file.Write(whole); err == nil {
			l.missed, l.torn, l.restart = 0, false, nil
			return len(line), nil
		}
		l.torn = l.torn || n > 0
	}
	l.missed++
	l.close() // it may be the file that is at fault
	l.complain(err)
	return len(line), nil
}

// notice is what has to be said before the next line.
func (l *logFile) notice() (lines []byte) {
	if l.torn {
		lines = append(lines, '\n')
	}
	now := time.Now().Format(time.RFC3339)
	if l.restart != nil {
		lines = fmt.Appendf(lines, "%s WARN this log begins anew, what was in it is gone: %v\n", now, l.restart)
	}
	if l.missed > 0 {
		lines = fmt.Appendf(lines, "%s WARN lines of this log could not be written: %d\n", now, l.missed)
	}
	return lines
}

func (l *logFile) complain(err error) {
	if time.Since(l.troubled) >= repeatLogTrouble {
		l.troubled = time.Now()
		fmt.Fprintf(l.trouble, "nephoscope: write log: %v; the agent goes on\n", err)
	}
}

// makeReady leaves a file open that has room for n more bytes, at the path.
func (l *logFile) makeReady(n int) error {
	if l.file != nil && l.isElsewhere() {
		l.close()
	}
	if l.file == nil {
		if err := l.open(); err != nil {
			return err
		}
	}
	info, err := l.file.Stat()
	if err != nil || info.Size() == 0 || info.Size()+int64(n) <= l.maxBytes {
		return err
	}
	return l.rotate()
}

// isElsewhere tells whether the file that is open is no longer the one at the path.
func (l *logFile) isElsewhere() bool {
	there, err := os.Lstat(l.path)
	if err != nil {
		return errors.Is(err, fs.ErrNotExist)
	}
	ours, err := l.file.Stat()
	return err != nil || !os.SameFile(there, ours)
}

// rotate moves every file to the next name, over the oldest, and opens a new one. Renaming replaces a symbolic link and does not
// follow it. Where it is not permitted, the file is emptied: losing old lines is better than a full disk.
func (l *logFile) rotate() error {
	l.close() // Windows renames no file that is open
	var failed error
	for i := maxLogFiles - 1; i > 0 && failed == nil; i-- {
		if err := os.Rename(l.name(i-1), l.name(i)); !errors.Is(err, fs.ErrNotExist) {
			failed = err
		}
	}
	if err := l.open(); err != nil || failed == nil {
		return err
	}
	l.restart = fmt.Errorf("rotate log: %w", failed)
	l.complain(l.restart)
	return l.file.Truncate(0)
}

func (l *logFile) name(i int) string {
	if i == 0 {
		return l.path
	}
	return l.path + "." + strconv.Itoa(i)
}

// open makes the file, or takes the one that is there. It follows no symbolic link: in a folder that others may write to, that
// could lead to any file of the system.
func (l *logFile) open() error {
	if err := os.MkdirAll(filepath.Dir(l.path), 0o755); err != nil {
		return err
	}
	const how = os.O_APPEND | os.O_WRONLY
	f, err := os.OpenFile(l.path, how|os.O_CREATE|os.O_EXCL, 0o640)
	if err == nil {
		l.file = f
		return nil
	}
	there, statErr := os.Lstat(l.path)
	if statErr != nil {
		return err
	}
	if !there.Mode().IsRegular() {
		return fmt.Errorf("%s is not a regular file (agent.logfile takes no symbolic link: name the file that it leads to)", l.path)
	}
	if f, err = os.OpenFile(l.path, how, 0); err != nil {
		return err
	}
	if ours, err := f.Stat(); err != nil || !os.SameFile(there, ours) {
		_ = f.Close()
		return fmt.Errorf("%s was replaced while it was being opened", l.path)
	}
	l.file = f
	return nil
}

func (l *logFile) close() {
	if l.file != nil {
		_ = l.file.Close() // every line has been written, or counted as missed
		l.file = nil
	}
}

// Close closes the file; a later line would open it again.
func (l *logFile) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.close()
	return nil
}
