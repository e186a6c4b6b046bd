package tailer

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/nephoscope/nephoscope/cloudwatch"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"
)

// charset is how the bytes of a log file are text. nil is UTF-8, which is taken as it is. Lines are looked for in the bytes,
// and only what is an event is decoded, each for itself: offsets stay those of the file. A message too long for one event is cut
// between characters; in ISO-2022-JP, where characters depend on what stands before them, its later pieces may be garbled.
type charset struct {
	enc encoding.Encoding
	// newline is the line end, and its length that of a character at least: two bytes in UTF-16. In all others a byte 0x0A is
	// a line end wherever it stands: the second bytes of Shift_JIS, Big5, GBK and EUC begin at 0x30.
	newline []byte
	ascii   bool // bytes below 0x80 are ASCII wherever they stand alone
	marked  bool // UTF-16, and the mark at the beginning of the file tells which
}

// charsetOf is the charset of a name in the Encoding Standard (https://encoding.spec.whatwg.org/#names-and-labels), which the
// original looks names up in too.
func charsetOf(name string) (*charset, error) {
	enc, err := htmlindex.Get(strings.ReplaceAll(name, "_", "-"))
	if err != nil {
		enc, err = htmlindex.Get(name) // shift_jis
	}
	if err != nil || enc == encoding.Replacement {
		return nil, fmt.Errorf("there is no encoding %q", name)
	}
	canonical, err := htmlindex.Name(enc)
	switch {
	case err != nil:
		return nil, fmt.Errorf("there is no encoding %q", name)
	case canonical == "utf-8":
		return nil, nil
	case canonical == "utf-16be":
		return utf16(unicode.BigEndian), nil
	case canonical == "utf-16le":
		c := utf16(unicode.LittleEndian)
		c.marked = name != canonical
		return c, nil
	}
	return &charset{enc: enc, newline: []byte{'\n'}, ascii: canonical != "iso-2022-jp"}, nil
}

func utf16(order unicode.Endianness) *charset {
	c := &charset{enc: unicode.UTF16(order, unicode.IgnoreBOM), newline: []byte{'\n', 0}}
	if order == unicode.BigEndian {
		c.newline = []byte{0, '\n'}
	}
	return c
}

// of is the charset of one file.
func (c *charset) of(f io.ReaderAt) (*charset, error) {
	if c == nil || !c.marked {
		return c, nil
	}
	var mark [2]byte
	if n, err := f.ReadAt(mark[:], 0); n < len(mark) {
		return nil, endOf(err)
	}
	if mark == [2]byte{0xFE, 0xFF} {
		return utf16(unicode.BigEndian), nil
	}
	return utf16(unicode.LittleEndian), nil
}

// endOf makes the end of a file that is being unpacked the end of a file.
func endOf(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return io.EOF
	}
	return err
}

// lineEnd is where the first line end in text[from:] begins; text begins with a character. -1: there is none, and none begins
// before the place that is returned too.
func (c *charset) lineEnd(text []byte, from int) (at, searched int) {
	if c == nil || len(c.newline) == 1 {
		if i := bytes.IndexByte(text[from:], '\n'); i >= 0 {
			return from + i, 0
		}
		return -1, len(text)
	}
	for {
		i := bytes.Index(text[from:], c.newline)
		if i < 0 {
			return -1, max(len(text)-1, 0) &^ 1
		}
		if from += i; from%2 == 0 {
			return from, 0
		}
		from++
	}
}

// width is the length of a line end.
func (c *charset) width() int {
	if c == nil {
		return 1
	}
	return len(c.newline)
}

// lines counts line ends.
func (c *charset) lines(text []byte) (n int) {
	if c.width() == 1 {
		return bytes.Count(text, []byte{'\n'})
	}
	for at, _ := c.lineEnd(text, 0); at >= 0; at, _ = c.lineEnd(text, at+2) {
		n++
	}
	return n
}

// growth is how many bytes of UTF-8 one byte becomes at most, and so what a byte that is no text becomes: U+FFFD.
const growth = 3

// firstPiece tells how many bytes of a message fit into one event once they are decoded, without cutting a character.
func (c *charset) firstPiece(message []byte) int {
	if c == nil {
		return cloudwatch.FirstPiece(message)
	}
	const sure = cloudwatch.MaxMessageBytes / growth
	if len(message) <= sure || len(c.decode(nil, message)) <= cloudwatch.MaxMessageBytes {
		return len(message)
	}
	_, whole, _ := c.enc.NewDecoder().Transform(make([]byte, cloudwatch.MaxMessageBytes), message[:sure], false)
	if whole == 0 {
		return sure
	}
	return whole
}

// decode appends text in UTF-8 to dst. What is no text becomes U+FFFD.
func (c *charset) decode(dst, raw []byte) []byte {
	if c == nil || c.ascii && isASCII(raw) {
		return append(dst, raw...)
	}
	dst, _, _ = transform.Append(c.enc.NewDecoder(), dst, raw) // decoders know no errors
	return dst
}

func isASCII(text []byte) bool {
	for _, b := range text {
		if b >= 0x80 {
			return false
		}
	}
	return true
}

const (
	byteOrderMark = "\ufeff"
	replacement   = "\ufffd"
)
