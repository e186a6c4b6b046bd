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
	n    int // how many lines buf[r:p] is

	charset *charset // nil: UTF-8
	decoded []byte   // what decode returned last
}

func takeWindow() *window {
	v := windowPool.Get().(*window)
	v.r, v.w, v.p, v.s, v.n, v.charset = 0, 0, 0, 0, 0, nil
	return v
}

func (v *window) giveBack() {
	if len(v.buf) == windowBytes && cap(v.decoded) <= windowBytes { // one that grew for a long event is not kept
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

// piece is what was found in a window: an event, or a part of one that is too long.
type piece struct {
	message []byte // valid until the next read; empty: a blank line that belongs to no event
	size    int    // how many bytes of the file it stands for; 0: nothing was found
	lines   int    // how many of the file's lines end with it
	cut     bool   // the message goes on behind it
}

// next finds the next event. ok is false while the end of the event is not known. A message that fits no event comes in
// pieces. take makes the search go on behind it.
func (v *window) next(start startRule) (found piece, ok bool) {
	for {
		i, searched := v.charset.lineEnd(v.buf[v.p:v.w], v.s-v.p)
		if i < 0 {
			v.s = v.p + searched
			if v.w-v.r > cloudwatch.MaxMessageBytes+len("\r\n") {
				if v.p > v.r && v.starts(start, v.w) {
					return v.gathered(), true
				}
				return v.tooLong(v.w), true
			}
			return piece{}, false
		}
		end := v.p + i
		after := end + v.charset.width()
		switch {
		case v.p > v.r && v.starts(start, end):
			v.s = end
			return v.gathered(), true
		case v.p == v.r && v.blank(end):
			v.p, v.s = after, after
			return piece{size: v.p - v.r, lines: 1}, true
		}
		v.p, v.s, v.n = after, after, v.n+1
		if v.p-v.r > cloudwatch.MaxMessageBytes+len("\r\n") {
			return v.tooLong(end), true
		}
	}
}

// starts tells whether the line buf[p:end] begins an event.
func (v *window) starts(start startRule, end int) bool {
	if v.charset == nil {
		return start.matches(v.buf[v.p:end])
	}
	return start.matches(v.decode(v.buf[v.p:end]))
}

// blank tells whether there is nothing in the line buf[p:end].
func (v *window) blank(end int) bool {
	return end == v.p || end-v.p == v.charset.width() && bytes.IndexByte(v.buf[v.p:end], '\r') >= 0
}

// decode makes UTF-8 of text; it is valid until the next time.
func (v *window) decode(raw []byte) []byte {
	if v.charset == nil || v.charset.ascii && isASCII(raw) {
		return raw
	}
	v.decoded = v.charset.decode(v.decoded[:0], raw)
	return v.decoded
}

// tooLong is as much of buf[r:end] as fits an event.
func (v *window) tooLong(end int) piece {
	n := v.charset.firstPiece(v.buf[v.r:end])
	message := v.buf[v.r : v.r+n]
	return piece{message: message, size: n, lines: v.charset.lines(message), cut: true}
}

// gathered is the event whose end is not known, without an unterminated line.
func (v *window) gathered() piece { return piece{message: v.text(v.p), size: v.p - v.r, lines: v.n} }

// last is the next event of what is left of a file that has ended; an unterminated line is one.
func (v *window) last(start startRule) piece {
	if v.p > v.r && v.w > v.p && v.starts(start, v.w) {
		return v.gathered()
	}
	p := piece{message: v.text(v.w), size: v.w - v.r, lines: v.n}
	if v.w > v.p {
		p.lines++
	}
	return p
}

// take leaves size bytes behind.
func (v *window) take(size int) {
	v.r += size
	v.p, v.s = max(v.p, v.r), max(v.s, v.r)
	v.n = 0
	if v.p > v.r { // a part of what was gathered
		v.n = v.charset.lines(v.buf[v.r:v.p])
	}
}

// text is the message that stands in buf[r:end], without its final line end; line ends within are single newlines, unless it
// is to be cut into pieces, each of which stands for as many bytes of the file as it has. What has a charset is left as it is
// until it is decoded.
func (v *window) text(end int) []byte {
	if v.charset != nil {
		return v.buf[v.r:end]
	}
	message := withoutLineEnd(v.buf[v.r:end])
	if several := v.n > 1 || end > v.p; several && cloudwatch.FirstPiece(message) == len(message) {
		return plainLineEnds(message)
	}
	return message
}

func withoutLineEnd(message []byte) []byte {
	return bytes.TrimSuffix(bytes.TrimSuffix(message, []byte{'\n'}), []byte{'\r'})
}

func plainLineEnds(message []byte) []byte {
	if bytes.IndexByte(message, '\r') < 0 {
		return message
	}
	return bytes.ReplaceAll(message, []byte("\r\n"), []byte("\n"))
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
