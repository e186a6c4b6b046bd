package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
)

const readBack = `{"nephoscope": {"read_back": true}, "logs": {"force_flush_interval": 1, "logs_collected": {"files": {"collect_list": [
	{"file_path": "%DIR%/access.log", "log_group_name": "g", "log_stream_name": "s"}]}}}}`

// losesAnswers has the service do what it is asked, and the next so many answers to PutLogEvents get lost.
func (b *bed) losesAnswers(n int64, lost func()) {
	var left atomic.Int64
	left.Store(n)
	b.answer(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasSuffix(r.Header.Get("X-Amz-Target"), "PutLogEvents") || left.Add(-1) < 0 {
			b.service.ServeHTTP(w, r)
			return
		}
		body, _ := io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(body))
		b.service.ServeHTTP(httptest.NewRecorder(), r)
		lost()
		panic(http.ErrAbortHandler)
	})
}

func TestAnswerThatIsLostRepeatsNothingWhenItIsReadBack(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.config(readBack)
	b.write("access.log", "first\n")
	b.start()
	b.until("the stream", func() bool { return len(b.events("g", "s")) == 1 })
	b.losesAnswers(2, func() {})
	want := []string{"first"}
	for i := range 25_000 {
		want = append(want, fmt.Sprint("line ", i))
	}
	b.write("access.log", strings.Join(want[1:], "\n")+"\n")
	b.until("all lines", func() bool { return len(b.events("g", "s")) >= len(want) })
	b.write("access.log", "more\nand more\n")
	want = append(want, "more", "and more")
	b.until("the last line", func() bool { return slices.Contains(b.events("g", "s"), "and more") })
	if got := b.events("g", "s"); !slices.Equal(got, want) {
		t.Errorf("got %d events, want %d", len(got), len(want))
	}
	if !b.said(`"arrived": true`) {
		t.Error("nothing was looked up")
	}
	b.stop()
}

func TestKillNineWhileABatchIsOnTheWireRepeatsNothingWhenItIsReadBack(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.config(readBack)
	var want []string
	for round := range 4 {
		for range 12_000 {
			want = append(want, fmt.Sprint("line ", len(want)))
		}
		b.write("access.log", strings.Join(want[round*12_000:], "\n")+"\n")
		landed := make(chan bool, 100)
		b.losesAnswers(1, func() { landed <- true; <-b.over }) // it never comes
		b.start()
		<-landed
		b.kill()
	}
	b.answer(nil)
	b.start()
	b.until("all lines", func() bool { return len(b.events("g", "s")) >= len(want) })
	b.stop()
	if got := b.events("g", "s"); !slices.Equal(got, want) {
		t.Errorf("got %d events, want %d", len(got), len(want))
	}
}

func TestReadingBackThatIsDeniedIsSaidAndSendsAgain(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.config(readBack)
	var lost atomic.Bool
	b.answer(func(w http.ResponseWriter, r *http.Request) {
		switch target := r.Header.Get("X-Amz-Target"); {
		case strings.HasSuffix(target, "GetLogEvents"):
			w.WriteHeader(http.StatusBadRequest)
			_, _ = io.WriteString(w, `{"__type":"AccessDeniedException","message":"no"}`)
		case strings.HasSuffix(target, "PutLogEvents") && !lost.Swap(true):
			panic(http.ErrAbortHandler)
		default:
			b.service.ServeHTTP(w, r)
		}
	})
	b.write("access.log", "a\nb\nc\n")
	b.start()
	b.until("all lines", func() bool { return slices.Equal(b.events("g", "s"), []string{"a", "b", "c"}) })
	if !b.said("logs:GetLogEvents") {
		t.Error("the permission is not named")
	}
	b.stop()
}
