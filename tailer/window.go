package tailer

import (
	"bytes"
	"io"
	"regexp"
	"sync"

	"github.com/nephoscope/nephoscope/cloudwatch"
)

const (
	windowBytes = 256 << 10 // as much as one read takes
	windowLimit = cloudwatch.MaxMessageBytes + windowBytes
)

// windowPool keeps buffers for the files that are being read; idle ones have none.
var windowPool = sync.Pool{New: func() any { return &window{buf: make([]byte, windowBytes)} }}

// window is the part of a file that is in memory, and the search for the next event in it. The file is the queue: a window
// that is given back is read again from the offset of its first byte that is in no event yet.
type window struct {
	buf  []byte
	r, w int // buf[r:w] is in no event yet
	p    int // buf[r:p] are whole lines of the event being gathered; the next line begins at p
	s    int // there is no line end in buf[p:s]
	n    int // how many lines buf[r:p] is, or more
}

func takeWindow() *window {
	v := windowPool.Get().(*window)
	v.r, v.w, v.p, v.s, v.n = 0, 0, 0, 0, 0
	return v
}

func (v *window) giveBack() {
	if len(v.buf) == windowBytes { // one that grew for a long event is not kept
		windowPool.Put(v)
	}
}

// read appends what the file holds at an offset, which must be that of buf[w]. It returns io.EOF for nothing yet.
func (v *window) read(f io.ReaderAt, at int64) (n int, err error) {
	if free := len(v.buf) - v.w; free < len(v.buf)/2 && v.r > 0 {
		copy(v.buf, v.buf[v.r:v.w])
		v.w, v.p, v.s, v.r = v.w-v.r, v.p-v.r, v.s-v.r, 0
	} else if free == 0 {
		v.buf = append(v.buf, make([]byte, min(len(v.buf), windowLimit))...)
	}
	n, err = f.ReadAt(v.buf[v.w:], at)
	v.w += n
	if n > 0 {
		err = nil
	}
	return n, err
}

// next finds the next event: message is its text, size how many bytes of the file it stands for. ok is false while the end
// of the event is not known. A message that fits no event comes in pieces (cut). An empty message is a blank line
// that belongs to no event. The message is valid until the next read; take makes the search go on behind it.
func (v *window) next(start startRule) (message []byte, size int, cut, ok bool) {
	for {
		i := bytes.IndexByte(v.buf[v.s:v.w], '\n')
		if i < 0 {
			v.s = v.w
			if v.w-v.r > cloudwatch.MaxMessageBytes+len("\r\n") {
				if v.p > v.r && start.matches(v.buf[v.p:v.w]) {
					return v.text(v.p), v.p - v.r, false, true
				}
				n := cloudwatch.FirstPiece(v.buf[v.r:v.w])
				return v.buf[v.r : v.r+n], n, true, true
			}
			return nil, 0, false, false
		}
		end := v.s + i
		switch {
		case v.p > v.r && start.matches(v.buf[v.p:end]):
			v.s = end
			return v.text(v.p), v.p - v.r, false, true
		case v.p == v.r && (end == v.p || end == v.p+1 && v.buf[v.p] == '\r'):
			v.p, v.s = end+1, end+1
			return nil, v.p - v.r, false, true
		}
		v.p, v.s, v.n = end+1, end+1, v.n+1
		if v.p-v.r > cloudwatch.MaxMessageBytes+len("\r\n") {
			n := cloudwatch.FirstPiece(v.buf[v.r : v.p-1])
			return v.buf[v.r : v.r+n], n, true, true
		}
	}
}

// gathered is the event whose end is not known, without an unterminated line.
func (v *window) gathered() (message []byte, size int) { return v.text(v.p), v.p - v.r }

// last is the next event of what is left of a file that has ended; an unterminated line is one.
func (v *window) last(start startRule) (message []byte, size int) {
	if v.p > v.r && v.w > v.p && start.matches(v.buf[v.p:v.w]) {
		return v.gathered()
	}
	return v.text(v.w), v.w - v.r
}

// take leaves size bytes behind.
func (v *window) take(size int) {
	v.r += size
	v.p, v.s = max(v.p, v.r), max(v.s, v.r)
	if v.p == v.r {
		v.n = 0
	}
}

// text is the message that stands in buf[r:end], without its final line end; line ends within are single newlines, unless it
// is to be cut into pieces, each of which stands for as many bytes of the file as it has.
func (v *window) text(end int) []byte {
	message := bytes.TrimSuffix(v.buf[v.r:end], []byte{'\n'})
	message = bytes.TrimSuffix(message, []byte{'\r'})
	if several := v.n > 1 || end > v.p; several && bytes.IndexByte(message, '\r') >= 0 && cloudwatch.FirstPiece(message) == len(message) {
		return bytes.ReplaceAll(message, []byte("\r\n"), []byte("\n"))
	}
	return message
}

// startRule tells which lines begin an event; the zero value is the original's default `^[\S]`: a line that begins with
// white space, or is blank, belongs to the event before it.
type startRule struct{ pattern *regexp.Regexp }

func (s startRule) matches(line []byte) bool {
	if s.pattern != nil {
		return s.pattern.Match(bytes.TrimSuffix(line, []byte{'\r'}))
	}
	if len(line) == 0 {
		return false
	}
	switch line[0] {
	case ' ', '\t', '\r', '\f', '\n':
		return false
	}
	return true
}
