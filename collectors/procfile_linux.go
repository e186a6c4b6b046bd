package collectors

import (
	"bytes"
	"errors"
	"io/fs"
	"syscall"
)

// procFile reads one file of /proc again and again into memory of its own. os.ReadFile would have each opening registered
// with the poller, which these files do not need, and make the text anew: at one collection a second that is most of the work.
type procFile struct {
	path string
	text []byte
}

// firstRead holds most files of /proc whole: what fits is made and copied by the kernel in one go.
const firstRead = 4 << 10

// read returns the whole text, which is good until the next read.
func (f *procFile) read() ([]byte, error) {
	if f.text == nil {
		f.text = make([]byte, 0, firstRead)
	}
	f.text = f.text[:0]
	fd, err := again(func() (int, error) { return syscall.Open(f.path, syscall.O_RDONLY|syscall.O_CLOEXEC, 0) })
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: f.path, Err: err}
	}
	defer syscall.Close(fd) // nothing was written
	for {
		n, err := again(func() (int, error) { return syscall.Read(fd, f.text[len(f.text):cap(f.text)]) })
		if err != nil {
			return nil, &fs.PathError{Op: "read", Path: f.path, Err: err}
		}
		if n <= 0 {
			return f.text, nil
		}
		f.text = f.text[:len(f.text)+n]
		if len(f.text) == cap(f.text) {
			f.text = append(f.text, 0)[:len(f.text)]
		}
	}
}

// again repeats a call that a signal interrupted.
func again(call func() (int, error)) (int, error) {
	for {
		if n, err := call(); !errors.Is(err, syscall.EINTR) {
			return n, err
		}
	}
}

// nextLine cuts the first line off a text; the line comes without its end.
func nextLine(text []byte) (line, rest []byte) {
	line, rest, _ = bytes.Cut(text, []byte{'\n'})
	return line, rest
}

// nextWord cuts the first word off a line, at spaces and tabs.
func nextWord(line []byte) (word, rest []byte) {
	from := 0
	for from < len(line) && (line[from] == ' ' || line[from] == '\t') {
		from++
	}
	to := from
	for to < len(line) && line[to] != ' ' && line[to] != '\t' {
		to++
	}
	return line[from:to], line[to:]
}

// number reads decimal digits, and nothing else.
func number(word []byte) (n uint64, ok bool) {
	for _, c := range word {
		d := uint64(c - '0')
		if d > 9 || n > (1<<64-1-9)/10 {
			return 0, false
		}
		n = n*10 + d
	}
	return n, len(word) > 0
}
