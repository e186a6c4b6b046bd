package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// logBed is a log of at most a hundred bytes a file, in a folder of its own.
type logBed struct {
	*testing.T
	*logFile
	dir     string
	trouble bytes.Buffer
}

func newLogBed(t *testing.T) *logBed {
	t.Helper()
	b := &logBed{T: t, dir: t.TempDir()}
	l, err := openLogFile(filepath.Join(b.dir, "agent.log"), &b.trouble)
	if err != nil {
		t.Fatal(err)
	}
	l.maxBytes = 100
	b.logFile = l
	t.Cleanup(func() { _ = l.Close() })
	return b
}

func (b *logBed) must(err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

// say logs lines of ten bytes.
func (b *logBed) say(from, to int) {
	b.Helper()
	for i := from; i < to; i++ {
		if n, err := fmt.Fprintf(b.logFile, "line %04d\n", i); n != 10 || err != nil {
			b.Fatalf("wrote %d, %v: nobody may be bothered with that", n, err)
		}
	}
}

func (b *logBed) read(name string) string {
	b.Helper()
	raw, err := os.ReadFile(filepath.Join(b.dir, name))
	b.must(err)
	return string(raw)
}

func (b *logBed) want(name, text string) {
	b.Helper()
	if got := b.read(name); got != text {
		b.Errorf("%s: got %q, want %q", name, got, text)
	}
}

func lines(from, to int) string {
	var s strings.Builder
	for i := from; i < to; i++ {
		fmt.Fprintf(&s, "line %04d\n", i)
	}
	return s.String()
}

func TestLogOfAnyLengthIsFiveFilesAtMost(t *testing.T) {
	b := newLogBed(t)
	b.say(0, 205)
	b.want("agent.log", lines(200, 205))
	for i := range maxLogFiles - 1 {
		b.want(fmt.Sprint("agent.log.", i+1), lines(190-10*i, 200-10*i))
	}
	if names, _ := os.ReadDir(b.dir); len(names) != maxLogFiles {
		t.Errorf("got %d files", len(names))
	}
	if b.trouble.Len() > 0 {
		t.Errorf("complained: %s", &b.trouble)
	}
}

func TestLogOfAnEarlierRunIsContinued(t *testing.T) {
	b := newLogBed(t)
	b.say(0, 8)
	b.must(b.Close())
	l, err := openLogFile(b.path, &b.trouble)
	b.must(err)
	l.maxBytes = 100
	b.logFile = l
	b.say(8, 12)
	b.must(b.Close())
	b.want("agent.log.1", lines(0, 10))
	b.want("agent.log", lines(10, 12))
}

func TestLogIsNotForEverybodyToRead(t *testing.T) {
	b := newLogBed(t)
	b.say(0, 11)
	for _, name := range []string{"agent.log", "agent.log.1"} {
		info, err := os.Stat(filepath.Join(b.dir, name))
		b.must(err)
		if info.Mode().Perm()&0o027 != 0 {
			t.Errorf("%s: %v", name, info.Mode())
		}
	}
}

func TestLogThatSomebodyElseRotates(t *testing.T) {
	b := newLogBed(t)
	b.say(0, 2)
	b.must(os.Rename(b.path, filepath.Join(b.dir, "moved")))
	b.say(2, 4)
	b.want("moved", lines(0, 2))
	b.want("agent.log", lines(2, 4))
	b.must(os.Remove(b.path))
	b.say(4, 6)
	b.want("agent.log", lines(4, 6))
	b.must(os.Truncate(b.path, 0)) // as copytruncate does
	b.say(6, 15)
	b.want("agent.log", lines(6, 15))
	b.must(os.RemoveAll(b.dir))
	b.say(15, 16)
	b.want("agent.log", lines(15, 16))
}

func TestLogFollowsNoSymbolicLink(t *testing.T) {
	b := newLogBed(t)
	victim := filepath.Join(t.TempDir(), "passwd")
	b.must(os.WriteFile(victim, []byte("root\n"), 0o600))
	b.must(os.Symlink(victim, b.path+".1"))
	b.say(0, 11) // over the link
	b.want("agent.log.1", lines(0, 10))
	b.must(os.Remove(b.path))
	b.must(os.Symlink(victim, b.path))
	b.say(11, 13)
	if _, err := openLogFile(b.path, &b.trouble); err == nil || !strings.Contains(err.Error(), "open log: ") || !strings.Contains(err.Error(), "symbolic link") {
		t.Errorf("opened a link: %v", err)
	}
	dangling := filepath.Join(b.dir, "dangling.log")
	b.must(os.Symlink(filepath.Join(b.dir, "target"), dangling))
	if _, err := openLogFile(dangling, &b.trouble); err == nil {
		t.Error("opened a link that leads to nothing")
	}
	if _, err := os.Stat(filepath.Join(b.dir, "target")); err == nil {
		t.Error("made what the link leads to")
	}
	raw, err := os.ReadFile(victim)
	b.must(err)
	if string(raw) != "root\n" {
		t.Errorf("wrote through a link: %q", raw)
	}
}

func TestLogThatCannotBeWrittenCountsWhatItMissed(t *testing.T) {
	b := newLogBed(t)
	b.say(0, 1)
	b.must(os.Rename(b.path, filepath.Join(b.dir, "away")))
	b.must(os.Mkdir(b.path, 0o700))
	b.say(1, 8)
	if got := b.trouble.String(); strings.Count(got, "\n") != 1 || !strings.Contains(got, "write log: ") {
		t.Errorf("standard error got %q", got)
	}
	b.must(os.Remove(b.path))
	b.say(8, 9)
	notice, line, _ := strings.Cut(b.read("agent.log"), "\n")
	if !strings.HasSuffix(notice, " WARN lines of this log could not be written: 7") || line != lines(8, 9) {
		t.Errorf("got %q, %q", notice, line)
	}
	b.must(os.Remove(b.path))
	b.say(9, 10)
	b.want("agent.log", lines(9, 10))
}

func TestLineAfterOneThatWasTornBeginsALine(t *testing.T) {
	b := newLogBed(t)
	b.say(0, 1)
	b.torn, b.missed = true, 1 // as a full disk leaves it
	b.say(1, 2)
	if got := strings.Split(b.read("agent.log"), "\n"); len(got) != 5 || got[0] != "line 0000" || got[1] != "" || got[3] != "line 0001" {
		t.Errorf("got %q", got)
	}
}

func TestLogThatCannotBeRotatedBeginsAnew(t *testing.T) {
	b := newLogBed(t)
	for i := range maxLogFiles - 1 {
		b.must(os.MkdirAll(fmt.Sprintf("%s.%d/in/the/way", b.path, i+1), 0o700))
	}
	b.say(0, 11)
	notice, rest, _ := strings.Cut(b.read("agent.log"), "\n")
	if !strings.Contains(notice, "begins anew") || rest != lines(10, 11) {
		t.Errorf("got %q, %q", notice, rest)
	}
	b.maxBytes = 1000 // the notice is long
	b.say(11, 1011)
	if size := len(b.read("agent.log")); size > 1200 {
		t.Errorf("the log has grown to %d bytes", size)
	}
	if got := b.trouble.String(); strings.Count(got, "\n") != 1 || !strings.Contains(got, "rotate log: ") {
		t.Errorf("standard error got %q", got)
	}
}
