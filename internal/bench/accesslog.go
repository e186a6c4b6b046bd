package main

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"strconv"
	"time"
)

// accessLog makes the lines of a busy web server in Apache's combined format: the same lines in every run.
type accessLog struct {
	rnd  *rand.Rand
	at   time.Time
	line []byte
}

func newAccessLog() *accessLog {
	return &accessLog{rnd: rand.New(rand.NewPCG(1805, 2026)), at: time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC)}
}

// What visitors ask for, and with what: enough variety that a compressor finds what it finds in real logs.
var (
	sections = []string{"/", "/shop/", "/shop/cart/", "/api/v2/orders/", "/api/v2/customers/", "/static/img/", "/static/js/", "/blog/2026/", "/search"}
	endings  = []string{"", ".html", ".json", ".png", ".js", ".css", "?page=", "?q=cloud&ref=", "?session="}
	methods  = []string{"GET", "GET", "GET", "GET", "GET", "POST", "POST", "HEAD", "PUT", "DELETE"}
	statuses = []string{"200", "200", "200", "200", "200", "200", "304", "304", "302", "404", "500"}
	referers = []string{"-", "-", "https://www.example.com/", "https://www.example.com/shop/", "https://search.example.net/?q=nephoscope", "https://news.example.org/"}
	browsers = []string{
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36",
		"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Safari/605.1.15",
		"Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148",
		"Mozilla/5.0 (compatible; examplebot/2.1; +https://bot.example.com)",
		"curl/8.16.0",
	}
)

// next returns a line with its newline; it is valid until the next call. A line has about 202 bytes.
func (a *accessLog) next() []byte {
	r := a.rnd
	a.at = a.at.Add(time.Duration(r.IntN(20)) * time.Millisecond)
	b := a.line[:0]
	for i := range 4 {
		if i > 0 {
			b = append(b, '.')
		}
		b = strconv.AppendInt(b, int64(1+r.IntN(254)), 10)
	}
	b = append(b, ` - - [`...)
	b = a.at.AppendFormat(b, "02/Jan/2006:15:04:05 -0700")
	b = append(b, `] "`...)
	b = append(b, pick(r, methods)...)
	b = append(b, ' ')
	b = append(b, pick(r, sections)...)
	b = strconv.AppendInt(b, int64(r.IntN(1_000_000)), 10)
	b = append(b, pick(r, endings)...)
	if b[len(b)-1] == '=' {
		b = strconv.AppendUint(b, uint64(r.Uint32()), 16)
	}
	b = append(b, ` HTTP/1.1" `...)
	b = append(b, pick(r, statuses)...)
	b = append(b, ' ')
	b = strconv.AppendInt(b, int64(r.IntN(200_000)), 10)
	b = append(b, ` "`...)
	b = append(b, pick(r, referers)...)
	b = append(b, `" "`...)
	b = append(b, pick(r, browsers)...)
	a.line = append(b, "\"\n"...)
	return a.line
}

func pick(r *rand.Rand, from []string) string { return from[r.IntN(len(from))] }

// writeAccessLog makes a file of whole lines, the first to reach size bytes being its last. It is left in the page cache,
// and nothing of it waits to be written to the disk.
func writeAccessLog(path string, size int64) (lines, bytes int64, err error) {
	f, err := os.Create(path)
	if err != nil {
		return 0, 0, fmt.Errorf("make access log: %w", err)
	}
	defer f.Close()
	source, out := newAccessLog(), bufio.NewWriterSize(f, 1<<20)
	for bytes < size {
		n, err := out.Write(source.next())
		if err != nil {
			return 0, 0, fmt.Errorf("make access log: %w", err)
		}
		lines, bytes = lines+1, bytes+int64(n)
	}
	if err := out.Flush(); err != nil {
		return 0, 0, fmt.Errorf("make access log: %w", err)
	}
	if err := f.Sync(); err != nil {
		return 0, 0, fmt.Errorf("make access log: %w", err)
	}
	return lines, bytes, warm(path)
}

// warm reads a file once, so that no run pays for the disk.
func warm(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("warm page cache: %w", err)
	}
	defer f.Close()
	if _, err := io.CopyBuffer(io.Discard, struct{ io.Reader }{f}, make([]byte, 1<<20)); err != nil {
		return fmt.Errorf("warm page cache: %w", err)
	}
	return nil
}
