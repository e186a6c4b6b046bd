package awsapi

import (
	"io"
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
	first := true
	for millis, message := range b.Events() {
		if !first {
			buf = append(buf, ',')
		}
		first = false
		buf = append(buf, `{"timestamp":`...)
		buf = strconv.AppendInt(buf, millis, 10)
		buf = append(buf, `,"message":`...)
		buf = appendJSONString(buf, message)
		buf = append(buf, '}')
		if len(buf) >= encodeAhead {
			if _, err := w.Write(buf); err != nil {
				return buf, err
			}
			buf = buf[:0]
		}
	}
	buf = append(buf, "]}"...)
	_, err := w.Write(buf)
	return buf, err
}

// appendJSONString quotes valid UTF-8. Long runs that need no escape are copied whole.
func appendJSONString(dst, s []byte) []byte {
	dst = append(dst, '"')
	from := 0
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' {
			continue
		}
		dst = append(dst, s[from:i]...)
		from = i + 1
		switch c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\n':
			dst = append(dst, '\\', 'n')
		case '\t':
			dst = append(dst, '\\', 't')
		case '\r':
			dst = append(dst, '\\', 'r')
		default:
			const hex = "0123456789abcdef"
			dst = append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		}
	}
	return append(append(dst, s[from:]...), '"')
}
