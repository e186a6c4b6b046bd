package scrape

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
)

// bodies is the memory that all bodies may have.
type bodies struct{ used atomic.Int64 }

// take reserves n bytes; false: there are not that many.
func (b *bodies) take(n int64) bool {
	if b.used.Add(n) > allBodies {
		b.used.Add(-n)
		return false
	}
	return true
}

func (b *bodies) give(n int64) { b.used.Add(-n) }

// body is what a target has answered. Its bytes are counted until it is released.
type body struct {
	data  []byte
	kind  string // Content-Type
	taken int64
	of    *bodies
}

func (b *body) release() {
	b.of.give(b.taken)
	b.data, b.taken = nil, 0
}

// failure is why a scrape failed: its reason is a key of the counts.
type failure struct {
	reason string
	err    error
}

func (f *failure) Error() string { return f.err.Error() }
func (f *failure) Unwrap() error { return f.err }

// Why scrapes fail.
const (
	failedRequest   = "request"
	failedStatus    = "status"
	failedBody      = "body_size_limit"
	failedMemory    = "memory"
	failedMalformed = "malformed"
	failedSamples   = "sample_limit"
	failedLabels    = "label_limit"
)

func failed(reason, format string, args ...any) error {
	return &failure{reason, fmt.Errorf(format, args...)}
}

// fetch asks a target for its exposition.
func fetch(ctx context.Context, t *target, of *bodies) (_ *body, err error) {
	response, err := t.client.get(ctx, t.url, t.timeout, t.job.compression)
	if err != nil {
		return nil, &failure{failedRequest, err}
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, failed(failedStatus, "it answered %s%s", strings.TrimSpace(fmt.Sprint(response.StatusCode, " ", http.StatusText(response.StatusCode))), statusHint(response.StatusCode))
	}
	reader := io.Reader(response.Body)
	if strings.EqualFold(response.Header.Get("Content-Encoding"), "gzip") {
		unpacked, err := gzip.NewReader(reader)
		if err != nil {
			return nil, failed(failedMalformed, "it says that it is compressed and is not")
		}
		reader = unpacked
	}
	limit := t.job.bodyLimit
	if limit == 0 {
		limit = defaultBody
	}
	b := &body{kind: response.Header.Get("Content-Type"), of: of}
	if err := b.read(reader, limit, t.size.Load()); err != nil {
		b.release()
		return nil, err
	}
	t.size.Store(int64(len(b.data)))
	return b, nil
}

func statusHint(status int) string {
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden:
		return ": is there basic_auth or authorization in the job?"
	case http.StatusNotFound:
		return ": is metrics_path right?"
	case http.StatusMovedPermanently, http.StatusFound, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		return ": follow_redirects is off"
	}
	return ""
}

// firstPiece is little, for as many targets as there may be can be slow at once.
const firstPiece = 4 << 10

// read takes all of it, in one piece of the size that it had last time if it has it again.
func (b *body) read(from io.Reader, limit, expected int64) error {
	grow := func(n int64) error {
		if !b.of.take(n) {
			return failed(failedMemory, "all bodies together are larger than %d MiB: there are too many large targets at once", allBodies>>20)
		}
		b.taken += n
		return nil
	}
	if err := grow(min(max(expected+expected/8, firstPiece), limit+1)); err != nil {
		return err
	}
	b.data = make([]byte, 0, b.taken)
	for {
		n, err := from.Read(b.data[len(b.data):cap(b.data)])
		b.data = b.data[:len(b.data)+n]
		switch {
		case int64(len(b.data)) > limit:
			return failed(failedBody, "its body is larger than %d bytes: raise body_size_limit if that is meant", limit)
		case err == io.EOF:
			return nil
		case errors.Is(err, gzip.ErrChecksum), errors.Is(err, gzip.ErrHeader):
			return failed(failedMalformed, "its compressed body is damaged")
		case err != nil:
			return &failure{failedRequest, blame(err)}
		}
		if len(b.data) == cap(b.data) {
			more := min(int64(cap(b.data)), limit+1-int64(cap(b.data)))
			if err := grow(more); err != nil {
				return err
			}
			larger := make([]byte, len(b.data), b.taken)
			copy(larger, b.data)
			b.data = larger
		}
	}
}

// line is the number of the line that begins at an offset.
func (b *body) line(offset int) int {
	return 1 + bytes.Count(b.data[:min(offset, len(b.data))], []byte{'\n'})
}
