package main

import "strconv"

// appendEvent appends one event as PutLogEvents has it. The floor's own escaping, in the plainest form that is fast; it
// must not become slower than the agent's, or the agent would look better than it is.
func appendEvent(dst []byte, millis int64, message []byte) []byte {
	dst = append(dst, `{"timestamp":`...)
	dst = strconv.AppendInt(dst, millis, 10)
	dst = append(dst, `,"message":"`...)
	from := 0
	for i, c := range message {
		if c >= ' ' && c != '"' && c != '\\' {
			continue
		}
		dst = append(dst, message[from:i]...)
		from = i + 1
		dst = appendEscape(dst, c)
	}
	dst = append(dst, message[from:]...)
	return append(dst, `"},`...)
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
