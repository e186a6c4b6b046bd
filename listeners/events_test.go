package listeners

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nephoscope/nephoscope/cloudwatch"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
)

// shelf is a spool of events in a folder of the test.
type shelf struct {
	*testing.T
	*EventSpool
	said *observer.ObservedLogs
}

func newShelf(t *testing.T) *shelf {
	t.Helper()
	core, said := observer.New(zap.InfoLevel)
	s := &shelf{t, NewEventSpool(filepath.Join(t.TempDir(), "a[b", "events"), zap.New(core)), said}
	s.Mend()
	t.Cleanup(s.EventSpool.Close)
	return s
}

func (s *shelf) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

// files is what all files hold, by name.
func (s *shelf) contents() (all []string) {
	s.Helper()
	for _, path := range s.files() {
		raw, err := os.ReadFile(path)
		s.must(err)
		all = append(all, string(raw))
	}
	return all
}

var cart = cloudwatch.LogStream{Group: "shop", Name: "cart", RetentionDays: -1}

func TestEventsAreLinesWithTheirTimesInAFolderForEachStream(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	if s.Waiting() {
		t.Error("something waits already")
	}
	other := cart
	other.Name = "../till"
	s.must(s.Write(cart, time.UnixMilli(1), []byte("one")))
	s.must(s.Write(cart, time.UnixMilli(2), []byte("two")))
	s.must(s.Write(other, time.UnixMilli(3), []byte("three")))
	if err := s.Write(cart, time.UnixMilli(4), []byte("a\nb")); err == nil {
		t.Error("an event of two lines was taken")
	}
	if got := strings.Join(s.contents(), "|"); got != "1 one\n2 two\n|3 three\n" && got != "3 three\n|1 one\n2 two\n" {
		t.Errorf("got %q", got)
	}
	named := map[cloudwatch.LogStream]bool{}
	for _, path := range s.files() {
		stream, err := s.Stream(path)
		s.must(err)
		if named[stream] = true; s.Finished(path) {
			t.Errorf("%s is said to be finished", path)
		}
	}
	if !named[cart] || !named[other] || !s.Waiting() {
		t.Errorf("got %v", named)
	}
	if n := s.State(); n.Written.Events != 3 || n.Streams != 2 || n.Bytes != 20 {
		t.Errorf("got %+v", n)
	}
}

func TestFileOfEventsIsFinishedWhenItIsFullOrIdleOrRoomIsScarce(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	s.Allow(16 << 10)
	large := []byte(strings.Repeat("x", 700))
	s.must(s.Write(cart, emfNoon, large))
	first := s.files()[0]
	s.must(s.Write(cart, emfNoon, large))
	if all := s.files(); len(all) != 2 || !s.Finished(first) || s.Finished(all[1]) {
		t.Errorf("a file that is full: %q", all)
	}
	if s.lookAfter(time.Now()) {
		t.Error("finished for no reason")
	}
	if !s.lookAfter(time.Now().Add(idleFile+time.Second)) || !s.Finished(s.files()[1]) {
		t.Error("an idle file is not finished")
	}
	for s.Write(cart, emfNoon, large) == nil {
	}
	if n := s.State(); !s.lookAfter(time.Now()) || n.Bytes > n.Most {
		t.Errorf("got %+v", n)
	}
	for _, path := range s.files() {
		if !s.Finished(path) {
			t.Error("room is scarce, and a file goes on")
		}
		s.must(os.Remove(path)) // as acknowledged
	}
	if s.lookAfter(time.Now()); s.Waiting() {
		t.Error("folders of streams without events stay")
	}
	s.must(s.Write(cart, emfNoon, large))
}

func TestEventsBeyondTheBoundsAreRefused(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	s.Allow(1000)
	if err := s.Write(cart, emfNoon, make([]byte, 1000)); !errors.Is(err, ErrEventsFull) {
		t.Errorf("got %v", err)
	}
	s.Allow(64 << 20)
	for i := range maxFolders {
		s.must(s.Write(cloudwatch.LogStream{Group: "g", Name: fmt.Sprint(i)}, emfNoon, []byte("x")))
	}
	if err := s.Write(cart, emfNoon, []byte("x")); !errors.Is(err, ErrManyStreams) {
		t.Errorf("got %v", err)
	}
	s.must(s.Write(cloudwatch.LogStream{Group: "g", Name: "7"}, emfNoon, []byte("x")))
}

func TestEventsOfAnEarlierRunAreKeptAndCounted(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	s.must(s.Write(cart, emfNoon, []byte("one")))
	old := s.files()[0]
	f, err := os.OpenFile(old, os.O_APPEND|os.O_WRONLY, 0)
	s.must(err)
	_, _ = f.WriteString("17 tor")
	s.must(f.Close())
	again := NewEventSpool(s.dir, zap.NewNop())
	again.Mend()
	t.Cleanup(again.Close)
	s.must(again.Write(cart, emfNoon, []byte("two")))
	want := fmt.Sprintf("%d one\n|%[1]d two\n", emfNoon.UnixMilli())
	if got := strings.Join(s.contents(), "|"); got != want || !again.Finished(old) {
		t.Errorf("got %q", got)
	}
	if n := again.State(); int(n.Bytes) != len(want)-1 || n.Streams != 1 {
		t.Errorf("got %+v", n)
	}
}

func TestDiskThatTakesNoEventsIsSaidOnce(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	s.must(os.MkdirAll(filepath.Dir(s.dir), 0o700))
	s.must(os.WriteFile(s.dir, nil, 0o600)) // no folder can be made
	for range 3 {
		if err := s.Write(cart, emfNoon, []byte("x")); err == nil || errors.Is(err, ErrEventsFull) {
			t.Errorf("got %v", err)
		}
	}
	if s.State().Failing == nil || s.said.Len() != 1 {
		t.Errorf("said %v", s.said.All())
	}
	s.failed = s.failed.Add(-failingFor) // nobody has sent anything since
	if err := s.State().Failing; err != nil {
		t.Errorf("it is not known that the disk still takes nothing: %v", err)
	}
	s.must(os.Remove(s.dir))
	s.must(s.Write(cart, emfNoon, []byte("x")))
	if s.State().Failing != nil || s.said.Len() != 2 {
		t.Errorf("said %v", s.said.All())
	}
}

// Somebody clears the state folder while the agent runs: nothing is written into files that nobody can find any more.
func TestSpoolThatIsTakenAwayIsMadeAnew(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	s.Allow(10_000)
	large := make([]byte, 600)
	for s.Write(cart, emfNoon, large) == nil {
	}
	s.must(os.RemoveAll(s.dir))
	s.lookAfter(time.Now().Add(time.Second))
	s.must(s.Write(cart, emfNoon, []byte("x")))
	if n := len(s.files()); n != 1 {
		t.Errorf("%d files can be found", n)
	}
	s.must(os.Remove(s.files()[0])) // this one alone
	s.lookAfter(time.Now().Add(time.Second))
	s.must(s.Write(cart, emfNoon, []byte("x")))
	if n := len(s.files()); n != 1 {
		t.Errorf("%d files can be found", n)
	}
}

// A stream of which the service takes nothing may keep room scarce for long: files of others are not made anew every second.
func TestFileThatHoldsLittleGoesOnThoughRoomIsScarce(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	s.Allow(160_000)
	for s.Write(cart, emfNoon, make([]byte, 900)) == nil {
	}
	small := cart
	small.Name = "small"
	s.must(s.Write(small, emfNoon, []byte("x")))
	path := s.open[small].path
	s.lookAfter(time.Now())
	if s.Finished(path) || len(s.open) != 1 {
		t.Errorf("%d files go on", len(s.open))
	}
	if s.lookAfter(time.Now().Add(idleFile)); !s.Finished(path) {
		t.Error("an idle file goes on")
	}
}

// The service takes nothing of two streams, of which more and more comes: that is no trouble of a third.
func TestStreamThatFillsTheSpoolLeavesRoomForOthers(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	s.Allow(100_000)
	till := cart
	till.Name = "till"
	for _, stream := range []cloudwatch.LogStream{till, cart, till} {
		for n := 0; s.Write(stream, emfNoon, make([]byte, 500)) == nil; n++ {
			if stream == till && n == 80 {
				break
			}
		}
	}
	late := cart
	late.Name = "late"
	s.must(s.Write(late, emfNoon, make([]byte, 500)))
	again := NewEventSpool(s.dir, zap.NewNop()) // as after a restart
	t.Cleanup(again.Close)
	again.Allow(100_000)
	if err := again.Write(cart, emfNoon, make([]byte, 500)); !errors.Is(err, ErrEventsFull) {
		t.Errorf("got %v", err)
	}
	for n := 0; again.Write(late, emfNoon, make([]byte, 500)) == nil; n++ {
		if n == 200 {
			t.Fatal("there is no bound")
		}
	}
	if n := again.State(); n.Bytes < 99_000 || n.Bytes > 100_000 {
		t.Errorf("got %+v", n)
	}
}
