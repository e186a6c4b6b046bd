package main

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// The paths on which the original agent loses lines that only the whole agent can show; the others stand in the files of the same
// name in tailer and publish.

// refusing answers with a failure if the body, uncompressed, holds a text, and lets the service answer all else.
func (b *bed) refusing(text string, status int, failure string) {
	b.answer(func(w http.ResponseWriter, r *http.Request) {
		raw, err := io.ReadAll(r.Body)
		if err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		if bytes.Contains(plain(raw), []byte(text)) {
			w.WriteHeader(status)
			_, _ = io.WriteString(w, failure)
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(raw))
		b.service.ServeHTTP(w, r)
	})
}

func plain(body []byte) []byte {
	z, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		return body
	}
	raw, err := io.ReadAll(z)
	if err != nil {
		return body
	}
	return raw
}

// It drops the batch when it is stopped while it tries again, and remembers it as sent.
func TestL01StopWhileABatchIsRetriedLosesNothing(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.config(oneLog)
	b.write("access.log", "a\nb\n")
	b.refusing("", http.StatusBadRequest, `{"__type":"ThrottlingException","message":"slower"}`)
	for _, line := range []string{"c\n", "d\n"} {
		b.start()
		said := strings.Count(b.output.String(), "trying again")
		b.until("another attempt", func() bool { return strings.Count(b.output.String(), "trying again") > said })
		b.stop()
		b.write("access.log", line)
	}
	b.answer(nil)
	b.start()
	want := []string{"a", "b", "c", "d"}
	b.until("all lines", func() bool { return len(b.events("g", "s")) >= len(want) })
	b.stop()
	if got := b.events("g", "s"); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// It drops all of a request for one event in it that the service calls invalid.
func TestL02InvalidEventCostsNoOther(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.config(oneLog)
	b.refusing("poison", http.StatusBadRequest, `{"__type":"InvalidParameterException","message":"no"}`)
	var want []string
	for i := range 1000 {
		if i == 617 {
			b.write("access.log", "poison\n")
		}
		want = append(want, fmt.Sprint("line ", i))
		b.write("access.log", want[i]+"\n")
	}
	b.start()
	b.until("all lines but one", func() bool { return len(b.events("g", "s")) >= len(want) })
	b.stop()
	if got := b.events("g", "s"); !slices.Equal(got, want) {
		t.Errorf("got %d events, want %d", len(got), len(want))
	}
	if !b.said(`"invalid": 1`) {
		t.Error("the event that was dropped is not counted")
	}
}

// It keeps 20,000 events of a burst and drops the oldest of the rest.
func TestL08BurstBeyondAnyQueueDuringAnOutageArrivesWhole(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.config(oneLog)
	b.refusing("", http.StatusServiceUnavailable, "")
	b.start()
	var want []string
	for part := range 20 {
		var text strings.Builder
		for i := range 3000 {
			want = append(want, fmt.Sprintf("line %d of part %d", i, part))
			text.WriteString(want[len(want)-1] + "\n")
		}
		b.write("access.log", text.String())
	}
	b.until("a complaint", func() bool { return b.said("trying again") })
	b.answer(nil)
	b.until("all lines", func() bool { return len(b.events("g", "s")) >= len(want) })
	b.stop()
	if got := b.events("g", "s"); !slices.Equal(got, want) {
		t.Errorf("got %d events, want %d", len(got), len(want))
	}
}

// It takes a response that names refused events for one that names none, and logs an index for a count.
func TestL09RefusedEventsAreCountedByReason(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.config(strings.Replace(oneLog, `"file_path"`, `"timestamp_format": "%Y-%m-%dT%H:%M:%S", "timezone": "UTC", "file_path"`, 1))
	now := time.Now().UTC()
	for _, at := range []struct {
		ago   time.Duration
		lines int
	}{{20 * 24 * time.Hour, 3}, {-3 * time.Hour, 2}, {time.Hour, 5}} {
		for i := range at.lines {
			b.write("access.log", fmt.Sprintf("%s line %d of %v\n", now.Add(-at.ago).Format("2006-01-02T15:04:05"), i, at.ago))
		}
	}
	b.start()
	b.until("what is in time", func() bool { return len(b.events("g", "s")) >= 5 })
	b.stop()
	if got := len(b.events("g", "s")); got != 5 || !b.said(`"too_new": 2, "too_old": 3`) {
		t.Errorf("%d events arrived, want 5, and 3 and 2 counted as too old and too new", got)
	}
}
