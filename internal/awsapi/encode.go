package awsapi

import (
	"bytes"
	"encoding/binary"
	"io"
	"math/bits"
	"strconv"

	"github.com/nephoscope/nephoscope/cloudwatch"
)

const encodeAhead = 32 << 10 // bytes that are gathered before they are written

// encodeLogEvents writes the body of a PutLogEvents request (AWS JSON 1.1): each message is escaped once, out of the batch.
func encodeLogEvents(w io.Writer, stream cloudwatch.LogStream, b *cloudwatch.LogBatch, scratch []byte) ([]byte, error) {
	buf := append(scratch[:0], `{"logGroupName":`...)
	buf = appendJSONString(buf, []byte(stream.Group))
	buf = append(buf, `,"logStreamName":`...)
	buf = appendJSONString(buf, []byte(stream.Name))
	buf = append(buf, `,"logEvents":[`...)
	var prefix []byte // of events of one time, which come in runs
	at := int64(-1)
	for millis, message := range b.Events() {
		if prefix == nil || millis != at {
			at = millis
			prefix = append(prefix[:0], `{"timestamp":`...)
			prefix = strconv.AppendInt(prefix, millis, 10)
			prefix = append(prefix, `,"message":`...)
		}
		buf = append(buf, prefix...)
		buf = appendJSONString(buf, message)
		buf = append(buf, "},"...)
		if len(buf) >= encodeAhead {
			if _, err := w.Write(buf[:len(buf)-1]); err != nil {
				return buf, err
			}
			buf = append(buf[:0], ',')
		}
	}
	buf = bytes.TrimSuffix(buf, []byte{','})
	buf = append(buf, "]}"...)
	_, err := w.Write(buf)
	return buf, err
}

// appendJSONString quotes valid UTF-8. Eight bytes are looked at at once, and what lies between two that have to be escaped
// is copied whole.
func appendJSONString(dst, s []byte) []byte {
	dst = append(dst, '"')
	from, i := 0, 0
	for ; i+8 <= len(s); i += 8 {
		for found := toEscape(binary.LittleEndian.Uint64(s[i:])); found != 0; found &= found - 1 {
			at := i + bits.TrailingZeros64(found)/8
			dst = appendEscape(append(dst, s[from:at]...), s[at])
			from = at + 1
		}
	}
	for ; i < len(s); i++ {
		if c := s[i]; c < ' ' || c == '"' || c == '\\' {
			dst = appendEscape(append(dst, s[from:i]...), c)
			from = i + 1
		}
	}
	return append(append(dst, s[from:]...), '"')
}

// toEscape sets the highest bit of each of eight bytes that JSON does not take as it is: control characters, quotes and
// backslashes. An addition to seven bits carries into the eighth, and never into the next byte.
func toEscape(eight uint64) uint64 {
	const ones, high = 0x0101010101010101, 0x8080808080808080
	low := eight &^ high
	printable := low + (0x80-' ')*ones
	noQuote := low ^ '"'*ones + (high - ones)
	noBackslash := low ^ '\\'*ones + (high - ones)
	return ^(printable&noQuote&noBackslash | eight) & high
}

func appendEscape(dst []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(dst, '\\', c)
	case '\n':
		return append(dst, '\\', 'n')
	case '\t':
		return append(dst, '\\', 't')
	case '\r':
		return append(dst, '\\', 'r')
	}
	const hex = "0123456789abcdef"
	return append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
}
