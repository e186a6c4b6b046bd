package main

import (
	"encoding/binary"
	"math/bits"
	"strconv"
)

// The floor's own encoding of events, in the plainest form that is fast. It must not become slower than the agent's, or the
// agent would look better than it is.

// eventPrefix is what stands before the message of every event of one time.
func eventPrefix(dst []byte, millis int64) []byte {
	dst = append(dst[:0], `{"timestamp":`...)
	dst = strconv.AppendInt(dst, millis, 10)
	return append(dst, `,"message":"`...)
}

// appendEvent appends one event as PutLogEvents has it: eight bytes are looked at at once, and whatever lies between two
// bytes that have to be escaped is copied at once.
func appendEvent(dst, prefix, message []byte) []byte {
	dst = append(dst, prefix...)
	from, i := 0, 0
	for ; i+8 <= len(message); i += 8 {
		for found := toEscape(binary.LittleEndian.Uint64(message[i:])); found != 0; found &= found - 1 {
			at := i + bits.TrailingZeros64(found)/8
			dst = appendEscape(append(dst, message[from:at]...), message[at])
			from = at + 1
		}
	}
	for ; i < len(message); i++ {
		if c := message[i]; c < ' ' || c == '"' || c == '\\' {
			dst = appendEscape(append(dst, message[from:i]...), c)
			from = i + 1
		}
	}
	return append(append(dst, message[from:]...), `"},`...)
}

// toEscape sets the highest bit of each of eight bytes that JSON does not take as it is, and no other bit. An addition to
// seven bits carries into the eighth where the sum says so, and never into the next byte.
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
