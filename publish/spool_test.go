package publish

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestSpoolTellsWhatWaits(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "spool")
	s, err := openSpool(dir, 64<<20)
	if err != nil {
		t.Fatal(err)
	}
	f := func(want SpoolState) {
		t.Helper()
		if got := s.state(); got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
	}
	at := func(seconds int64) time.Time { return time.Unix(seconds, 0) }
	f(SpoolState{})
	_ = s.put([]byte("one"), 1, ready, at(1))
	_ = s.put([]byte("two!"), 1, waiting, at(2))
	f(SpoolState{Batches: 2, Bytes: 7, Oldest: at(1)})
	s.postpone(s.entries[0]) // the oldest is not always the first
	f(SpoolState{Batches: 2, Bytes: 7, Oldest: at(1)})
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	_ = s.put([]byte("three"), 1, ready, at(3))
	f(SpoolState{Batches: 3, Bytes: 12, Oldest: at(1), InMemory: 1})
}
