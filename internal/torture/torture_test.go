package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nephoscope/nephoscope/local"
)

var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

// stored makes records of events that arrived in batches, a second apart.
func stored(batches ...[]int) (records []record) {
	for i, batch := range batches {
		for _, number := range batch {
			records = append(records, record{number, 100, noon.Add(time.Duration(i) * time.Second)})
		}
	}
	return records
}

func numbers(from, to int) (all []int) {
	for i := from; i <= to; i++ {
		all = append(all, i)
	}
	return all
}

func TestWhatIsStoredIsHeldAgainstWhatWasWritten(t *testing.T) {
	f := func(name string, written, allowed int, records []record, lost, extra, runs int, want string) {
		t.Helper()
		r := result{File: "f", Events: written, Allowed: allowed}
		r.judge(harvest{records: records})
		if r.Lost != lost || r.Extra != extra || r.Runs != runs {
			t.Errorf("%s: %d lost, %d repeated in %d, want %d, %d in %d", name, r.Lost, r.Extra, r.Runs, lost, extra, runs)
		}
		if got := strings.Join(r.problems, "\n"); !strings.Contains(got, want) || want == "" && got != "" {
			t.Errorf("%s: problems %q, want %q", name, got, want)
		}
	}
	f("all there", 5, 0, stored(numbers(1, 3), numbers(4, 5)), 0, 0, 0, "")
	f("one lost", 5, 0, stored(numbers(1, 2), numbers(4, 5)), 1, 0, 0, "1 events are lost, in 1 places: 3 to 3")
	f("the end lost", 5, 0, stored(numbers(1, 3)), 2, 0, 0, "4 to 5")
	f("nothing there", 2, 0, nil, 2, 0, 0, "1 to 2")
	f("a batch again after a kill", 6, 1, stored(numbers(1, 4), numbers(3, 6)), 0, 2, 1, "")
	f("a batch again for no reason", 6, 0, stored(numbers(1, 4), numbers(3, 6)), 0, 2, 1, "came again 1 times, and there were only 0")
	f("a batch three times", 4, 1, stored(numbers(1, 4), numbers(1, 4), numbers(1, 4)), 0, 8, 2, "came again 2 times, and there were only 1")
	f("a whole batch again", 10_000, 1, stored(numbers(1, 8000), numbers(1, 8000), numbers(8001, 10_000)), 0, 8000, 1, "")
	f("more bytes than a batch again", 9000, 1, stored(numbers(1, 9000), numbers(1, 9000)), 0, 9000, 1, "more than one batch came again, up to event 8323")
	f("out of order", 4, 9, stored([]int{1, 3, 2, 4}), 0, 1, 1, "event 2 is seen for the first time after event 3")
	f("never written", 2, 0, stored(numbers(1, 3)), 0, 0, 0, "event 3 was stored, and only 2 were written")

	small := stored(numbers(1, 10_001), numbers(1, 10_001))
	for i := range small {
		small[i].bytes = 1
	}
	f("more events than a batch again", 10_001, 1, small, 0, 10_001, 1, "more than one batch came again, up to event 10001")

	r := result{File: "f", Events: 1}
	r.judge(harvest{records: stored(numbers(1, 1)), mangled: []string{"half an ev"}})
	if r.Mangled != 1 || len(r.problems) != 1 {
		t.Errorf("a message that nobody wrote: %+v", r)
	}
}

// writers makes one of each kind in a folder.
func writers(t *testing.T) (tortured *torture) {
	t.Helper()
	dir := t.TempDir()
	tortured = &torture{options: options{files: 4, rate: 100}, dir: dir, sender: &sender{}, counts: counts{Rotations: map[string]int{}, Faults: map[string]int{}}}
	var err error
	if tortured.history, err = openHistory(filepath.Join(dir, "history.log")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(tortured.history.close)
	for i := range tortured.files {
		w, err := newWriter(dir, i, tortured)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = w.file.Close() }) // a test may have done so
		tortured.writers = append(tortured.writers, w)
	}
	return tortured
}

func TestEachEventIsKnownByItsMessage(t *testing.T) {
	for _, w := range writers(t).writers {
		several := 0
		for number := 1; number < 5000; number++ {
			var text bytes.Buffer
			lines := w.appendEvent(&text, number)
			if lines != strings.Count(text.String(), "\n") {
				t.Fatalf("%s: event %d has %d lines: %q", w.name, number, lines, text.String())
			}
			if lines > 1 {
				several++
			}
			message := strings.TrimSuffix(text.String(), "\n")
			if got, ok := w.read(message); !ok || got != number {
				t.Fatalf("%s: event %d was read as %d, %v: %q", w.name, number, got, ok, message)
			}
			for _, broken := range []string{message[:len(message)-1], message + "\nx", message[1:], ""} {
				if got, ok := w.read(broken); ok {
					t.Fatalf("%s: %q was taken for event %d", w.name, broken, got)
				}
			}
		}
		if w.several != (several > 500) {
			t.Errorf("%s: %d events of several lines", w.name, several)
		}
	}
}

func TestWriterWritesEachNumberOnceThroughItsRotations(t *testing.T) {
	tortured := writers(t)
	for _, w := range tortured.writers {
		w.mu.Lock()
		w.write(500)
		w.mu.Unlock()
		if _, err := tortured.moveAway(w, false); err != nil {
			t.Fatal(err)
		}
		reopened := w.reopenIn(0)
		w.mu.Lock()
		w.write(1000) // to the file that was renamed
		w.reopen()
		w.write(1500)
		w.mu.Unlock()
		<-reopened
		rotated, err := filepath.Glob(w.path + "?*")
		if err != nil || len(rotated) != 1 {
			t.Fatal(rotated, err)
		}
		if err := tortured.compress(w, rotated[0]); err != nil {
			t.Fatal(err)
		}
		var want bytes.Buffer
		for _, path := range []string{rotated[0] + ".gz", w.path} {
			file, err := os.Open(path)
			if err != nil {
				t.Fatal(err)
			}
			defer file.Close()
			var from io.Reader = file
			if strings.HasSuffix(path, ".gz") {
				if from, err = gzip.NewReader(file); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := io.Copy(&want, from); err != nil {
				t.Fatal(err)
			}
		}
		if n := strings.Count(want.String(), "\n"); n != w.lines || w.lines < 1500 || int64(want.Len()) != w.bytes {
			t.Errorf("%s: %d lines and %d bytes in files, %d and %d were written", w.name, n, want.Len(), w.lines, w.bytes)
		}
		for i := 1; i <= w.events; i++ {
			if n := strings.Count(want.String(), fmt.Sprintf("#%010d %s", i, w.name)); n != 1 {
				t.Fatalf("%s: event %d is there %d times", w.name, i, n)
			}
		}
	}
}

func TestNumberedFilesMoveOn(t *testing.T) {
	w := writers(t).writers[0]
	for _, name := range []string{".1", ".2.gz", ".10"} {
		if err := os.WriteFile(w.path+name, []byte(name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if name, err := w.rotatedName(); err != nil || name != w.path+".1" {
		t.Fatal(name, err)
	}
	left, err := filepath.Glob(w.path + ".*")
	if want := []string{w.path + ".11", w.path + ".2", w.path + ".3.gz"}; err != nil || !slices.Equal(left, want) {
		t.Errorf("files %v, want %v", left, want)
	}
}

// serving starts a service for a test.
func serving(t *testing.T, tortured *torture) *service {
	t.Helper()
	s, err := startService(filepath.Join(tortured.dir, "store"), tortured.history)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.close)
	tortured.service = s
	return s
}

// post makes a call over HTTP, in gzip as the agent does; it returns status 0 when the connection is lost.
func post(t *testing.T, s *service, operation, body string) int {
	t.Helper()
	var zipped bytes.Buffer
	zip := gzip.NewWriter(&zipped)
	_, _ = io.WriteString(zip, body) // into memory
	_ = zip.Close()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.url, &zipped)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-Amz-Target", "Logs_20140328."+operation)
	r.Header.Set("Content-Encoding", "gzip")
	r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=a/20261120/eu-west-1/logs/aws4_request, SignedHeaders=host, Signature=0")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0
	}
	_ = answer.Body.Close()
	return answer.StatusCode
}

func send(t *testing.T, s *service, w *writer, number int) int {
	t.Helper()
	text, _ := w.content(number)
	return post(t, s, "PutLogEvents", fmt.Sprintf(`{"logGroupName":%q,"logStreamName":%q,"logEvents":[{"timestamp":%d,"message":%q}]}`,
		w.group, w.name, time.Now().UnixMilli(), text))
}

func create(t *testing.T, s *service, w *writer) {
	t.Helper()
	post(t, s, "CreateLogGroup", fmt.Sprintf(`{"logGroupName":%q}`, w.group))
	if status := post(t, s, "CreateLogStream", fmt.Sprintf(`{"logGroupName":%q,"logStreamName":%q}`, w.group, w.name)); status != 200 {
		t.Fatalf("create stream: status %d", status)
	}
}

func TestRequestsThatMayHaveLandedUnansweredAreCounted(t *testing.T) {
	tortured := writers(t)
	s, w := serving(t, tortured), tortured.writers[0]
	create(t, s, w)
	f := func(rule local.Fault, wantStatus, wantUnanswered, wantNewest int) {
		t.Helper()
		s.loses.Store(rule.Do == local.FaultLoseAnswer)
		if err := s.SetFaults(rule); err != nil {
			t.Fatal(err)
		}
		newest, err := s.newest(w)
		if err != nil {
			t.Fatal(err)
		}
		if got := send(t, s, w, newest+1); got != wantStatus {
			t.Errorf("%s: status %d, want %d", rule.Do, got, wantStatus)
		}
		s.door.Lock() // until the call has left
		unanswered := s.unanswered[w.name]
		s.door.Unlock()
		if unanswered != wantUnanswered {
			t.Errorf("%s: %d unanswered, want %d", rule.Do, unanswered, wantUnanswered)
		}
		if got, err := s.newest(w); err != nil || got != wantNewest {
			t.Errorf("%s: newest %d %v, want %d", rule.Do, got, err, wantNewest)
		}
	}
	one := func(do local.FaultKind) local.Fault { return local.Fault{Operation: "PutLogEvents", Do: do, Times: 1} }
	f(one(local.FaultReset), 0, 0, 0)
	f(local.Fault{Operation: "PutMetricData", Do: local.FaultReset}, 200, 0, 1)
	f(one(local.FaultLoseAnswer), 0, 1, 2)
	f(local.Fault{Operation: "PutLogEvents", Do: local.FaultStatus, Status: 503}, 503, 1, 2)
	s.refuses.Store(true)
	http.DefaultClient.CloseIdleConnections()
	f(one(local.FaultReset), 0, 1, 2)
}

func TestWhatAGroupHeldIsTakenOutBeforeItIsDeleted(t *testing.T) {
	tortured := writers(t)
	s := serving(t, tortured)
	first, second := tortured.writers[0], tortured.writers[2]
	create(t, s, first)
	create(t, s, second)
	for i := 1; i <= 3; i++ {
		send(t, s, first, i)
	}
	send(t, s, second, 1)
	if err := s.destroy(first.group, []*writer{first}, true); err != nil {
		t.Fatal(err)
	}
	if status := send(t, s, first, 4); status != 400 {
		t.Errorf("to a group that was deleted: status %d", status)
	}
	create(t, s, first)
	send(t, s, first, 4)
	if err := s.destroy(second.group, []*writer{second}, false); err != nil {
		t.Fatal(err)
	}
	for w, want := range map[*writer]int{first: 4, second: 1} {
		w.events = want
		if got, err := s.newest(w); err != nil || got != want {
			t.Errorf("%s: newest %d %v", w.name, got, err)
		}
	}
	tortured.writers = []*writer{first, second}
	results, err := tortured.verify()
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range results {
		if len(r.problems) > 0 {
			t.Error(r.problems)
		}
	}
	path := filepath.Join(tortured.dir, "arrivals.log")
	if err := writeArrivals(path, results); err != nil {
		t.Fatal(err)
	}
	if arrivals, err := os.ReadFile(path); err != nil || !strings.Contains(string(arrivals), first.name) || !strings.Contains(string(arrivals), " to 4\n") || !strings.Contains(string(arrivals), second.name+" 1 to 1\n") {
		t.Errorf("arrivals %q %v", arrivals, err)
	}
}

func TestMistakesOnTheCommandLineAreSaid(t *testing.T) {
	for _, c := range []struct{ args, want string }{
		{"--duration 1s", "read --duration: 1s is below 5s"},
		{"--files 0", "read --files: 0 is not from 1 to 100"},
		{"--files 101", "read --files: 101 is not from 1 to 100"},
		{"--rate 0", "read --rate: 0 is not from 1 to 1000000"},
		{"now", `"now" is surplus`},
	} {
		if err := command(context.Background(), strings.Fields(c.args)); err == nil || !strings.Contains(err.Error(), c.want) && !strings.Contains(err.Error(), "it needs Linux") {
			t.Errorf("%s: %v, want %q", c.args, err, c.want)
		}
	}
}

func TestRunThatDidTooLittleIsAProblem(t *testing.T) {
	r := &report{}
	r.goal("kills", 9, 50, 2*time.Minute)
	r.goal("kills", 10, 50, 2*time.Minute)
	r.goal("kills", 50, 50, time.Hour)
	if want := []string{"only 9 kills, where 10 are the goal"}; !slices.Equal(r.Problems, want) {
		t.Errorf("problems %q, want %q", r.Problems, want)
	}
}

func TestDocumentsAreHeldAgainstWhatWasAccepted(t *testing.T) {
	s := &sender{sent: 9, kept: map[int]bool{1: true, 2: true, 3: true}}
	f := func(h harvest, lost, repeated, problems int) {
		t.Helper()
		if r := s.result(h); r.Lost != lost || r.Extra != repeated || len(r.problems) != problems {
			t.Errorf("got %+v", r)
		}
	}
	f(harvest{records: stored(numbers(1, 3))}, 0, 0, 0)
	f(harvest{records: stored(numbers(1, 5), numbers(4, 5))}, 0, 2, 0) // it is not known whether 4 and 5 were accepted
	f(harvest{records: stored(numbers(2, 3))}, 1, 0, 1)
	f(harvest{records: stored(numbers(1, 3), numbers(10, 10))}, 0, 0, 1)
	f(harvest{records: stored(numbers(1, 3)), mangled: []string{"half a doc"}}, 0, 0, 1)
	if n, ok := s.read(s.content(199)); n != 199 || !ok {
		t.Errorf("got %d, %v", n, ok)
	}
	if _, ok := s.read(s.content(199)[1:]); ok {
		t.Error("a part of a document passes")
	}
	if n := s.missing(); n != 6 {
		t.Errorf("%d missing", n)
	}
}
