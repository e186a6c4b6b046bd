package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// original leaves the state that the original agent leaves of a file of which it has shipped so much, when it stops: more than
// a second after the file was made, or it might be about the one before.
func (b *bed) original(name string, offset int) (stopped time.Time) {
	b.Helper()
	b.must(os.MkdirAll(b.path("original"), 0o755))
	path := b.path(name)
	state := filepath.Join(b.path("original"), strings.NewReplacer("/", "_", " ", "_", ":", "_").Replace(path))
	b.must(os.WriteFile(state, fmt.Appendf(nil, "%d\n%s\n0-%d", offset, path, offset), 0o644))
	info, err := os.Stat(path)
	b.must(err)
	stopped = info.ModTime().Add(time.Second + 10*time.Millisecond)
	b.must(os.Chtimes(state, time.Time{}, stopped))
	return stopped
}

func numbered(from, to int) (lines []string, text string) {
	for i := from; i < to; i++ {
		lines = append(lines, fmt.Sprint("line ", i))
	}
	return lines, strings.Join(lines, "\n") + "\n"
}

func TestSwitchOverShipsTheRestAndNothingTwice(t *testing.T) {
	b := newBed(t)
	b.config(oneLog)
	_, sent := numbered(0, 60)
	rest, text := numbered(60, 100)
	b.write("access.log", sent+text)
	b.original("access.log", len(sent))
	b.start("--adopt", b.path("original"))
	b.until("the rest", func() bool { return len(b.events("g", "s")) >= len(rest) })
	b.stop()
	if got := b.events("g", "s"); !slices.Equal(got, rest) {
		t.Errorf("got %d events from %q, want %d", len(got), got[0], len(rest))
	}
	if !b.said("going on where the original agent stopped") {
		t.Error("the log does not say so")
	}
	more, text := numbered(100, 110)
	b.write("access.log", text)
	b.start("--adopt", b.path("original"))
	b.until("more", func() bool { return len(b.events("g", "s")) >= len(rest)+len(more) })
	b.stop()
	if got, want := b.events("g", "s"), slices.Concat(rest, more); !slices.Equal(got, want) {
		t.Errorf("got %d events after another start, want %d", len(got), len(want))
	}
}

func TestSwitchOverAcrossARotation(t *testing.T) {
	b := newBed(t)
	b.config(oneLog)
	_, sent := numbered(0, 60)
	rest, text := numbered(60, 100)
	b.write("access.log", sent+text)
	stopped := b.original("access.log", len(sent))
	b.until("time passed", func() bool {
		b.write("clock", "tick\n")
		info, err := os.Stat(b.path("clock"))
		b.must(err)
		return info.ModTime().After(stopped)
	})
	b.must(os.Rename(b.path("access.log"), b.path("access.log.1")))
	next, text := numbered(100, 300) // longer than what was sent
	b.write("access.log", text)
	b.start("--adopt", b.path("original"))
	want := slices.Concat(rest, next)
	b.until("all", func() bool { return len(b.events("g", "s")) >= len(want) })
	b.stop()
	if got := b.events("g", "s"); !slices.Equal(got, want) {
		t.Errorf("got %d events from %q, want %d", len(got), got[0], len(want))
	}
}

func TestAdoptedFolderThatIsNotThere(t *testing.T) {
	b := newBed(t)
	b.config(oneLog)
	b.start("--adopt", b.path("nowhere"))
	err := <-b.ended
	b.cmd = nil
	if err == nil || !b.said("name the state folder of the Amazon CloudWatch agent") {
		t.Errorf("ended with %v", err)
	}
}
