package local

import (
	"errors"
	"io"
	"net/http"
	"strings"

	"github.com/klauspost/compress/gzip"
)

// readBody reads and inflates a call's body. Both sizes are bounded: what is posted, and what it
// becomes, so that a small body cannot fill the memory.
func readBody(w http.ResponseWriter, r *http.Request, c *call) error {
	posted := &countingReader{from: http.MaxBytesReader(w, r.Body, maxPostedBytes)}
	defer func() { c.posted = posted.bytes }()

	var body io.Reader = posted
	switch encoding := strings.ToLower(strings.TrimSpace(r.Header.Get("Content-Encoding"))); encoding {
	case "", "identity", "aws-chunked":
	case "gzip":
		inflater, err := gzip.NewReader(posted)
		if err != nil {
			return malformed(c, errors.New("decode gzip: the body is not in that format"))
		}
		body = inflater
	default:
		return refuse(http.StatusUnsupportedMediaType, "UnsupportedMediaTypeException", "Content-Encoding %s is not supported", encoding)
	}

	content, err := readAll(io.LimitReader(body, maxInflatedBytes+1), r.ContentLength)
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge), len(content) > maxInflatedBytes:
		return requestTooLarge(max(posted.bytes, len(content)), maxPostedBytes)
	case err != nil:
		return malformed(c, errors.New("read body: it ends too early or is not what Content-Encoding says"))
	}
	c.body = content
	return nil
}

// requestTooLarge is answered with status 413: "Request size 47947 exceeded 40960 bytes" is how
// CloudWatch put it when its limit was smaller.
func requestTooLarge(size, limit int) *apiError {
	return refuse(http.StatusRequestEntityTooLarge, "RequestEntityTooLarge", "Request size %d exceeded %d bytes", size, limit)
}

// readAll is io.ReadAll that starts with room for an announced length.
func readAll(r io.Reader, announced int64) ([]byte, error) {
	content := make([]byte, 0, min(max(announced, 512), maxPostedBytes)+1)
	for {
		if len(content) == cap(content) {
			content = append(content, 0)[:len(content)]
		}
		n, err := r.Read(content[len(content):cap(content)])
		content = content[:len(content)+n]
		if err == io.EOF {
			return content, nil
		}
		if err != nil {
			return content, err
		}
	}
}

// A countingReader counts the bytes that pass.
type countingReader struct {
	from  io.Reader
	bytes int
}

func (c *countingReader) Read(p []byte) (int, error) {
	n, err := c.from.Read(p)
	c.bytes += n
	return n, err
}
