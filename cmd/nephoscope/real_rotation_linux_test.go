package main

import (
	"compress/gzip"
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// zip does what a rotation with compress does: the file is gone, its content and its time are another's.
func (b *bed) zip(from, to string) {
	b.Helper()
	raw, err := os.ReadFile(b.path(from))
	b.must(err)
	info, err := os.Stat(b.path(from))
	b.must(err)
	f, err := os.Create(b.path(to))
	b.must(err)
	w := gzip.NewWriter(f)
	_, err = w.Write(raw)
	b.must(err)
	b.must(w.Close())
	b.must(f.Close())
	b.must(os.Chtimes(b.path(to), info.ModTime(), info.ModTime()))
	b.must(os.Remove(b.path(from)))
}

func (b *bed) inode(name string) uint64 {
	b.Helper()
	info, err := os.Stat(b.path(name))
	b.must(err)
	return info.Sys().(*syscall.Stat_t).Ino
}

// createAs makes an empty file that has an inode which is free again, as file systems often do by themselves.
func (b *bed) createAs(name string, inode uint64) {
	b.Helper()
	for i := range 2000 {
		b.write(name, "")
		if b.inode(name) == inode {
			return
		}
		b.must(os.Rename(b.path(name), b.path(fmt.Sprint("taken ", i))))
	}
	b.Log("this file system does not give an inode twice")
	b.write(name, "")
}

// A file is seen when it is still empty, and is not read yet because the one before it is still being written to. Then the
// agent is stopped, and the file is filled, rotated and compressed; the log that comes after it gets its inode.
func TestFileSeenEmptyThatIsCompressedWhileStopped(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.config(oneLog)
	b.write("access.log", "a 1\na 2\n")
	b.start()
	b.until("two lines", func() bool { return len(b.events("g", "s")) == 2 })
	b.must(os.Rename(b.path("access.log"), b.path("access.log.1")))
	b.write("access.log", "")
	want := []string{"a 1", "a 2"}
	for i := range 3 { // the agent has looked at the path when it reads these
		line := fmt.Sprint("late ", i)
		b.write("access.log.1", line+"\n")
		want = append(want, line)
		b.until(line, func() bool { return slices.Contains(b.events("g", "s"), line) })
	}
	b.stop()
	inode := b.inode("access.log")
	b.write("access.log", "b 1\nb 2\n")
	b.zip("access.log.1", "access.log.2.gz")
	b.zip("access.log", "access.log.1.gz")
	b.createAs("access.log", inode)
	b.write("access.log", "c 1\nc 2\n")
	want = append(want, "b 1", "b 2", "c 1", "c 2")
	b.start()
	b.account("g", "s", func([]string) []string { return want }).clean(t, false)
}

// The agent looks while gzip has made its file and written nothing to it yet: it is the copy of the file that is being read,
// and nothing of it is to be sent again.
func TestCopyThatIsBeingCompressedIsNotReadAgain(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.config(oneLog)
	b.write("access.log", "a 1\na 2\n")
	b.start()
	b.until("two lines", func() bool { return len(b.events("g", "s")) == 2 })
	b.write("access.log.1.gz", "")
	b.must(os.Rename(b.path("access.log"), b.path("access.log.1")))
	b.write("access.log", "b 1\nb 2\n")
	b.until("the line before the last", func() bool { return slices.Contains(b.events("g", "s"), "b 1") })
	b.zip("access.log.1", "access.log.1.gz")
	want := []string{"a 1", "a 2", "b 1", "b 2"}
	b.write("access.log", "c 1\nc 2\n")
	want = append(want, "c 1", "c 2")
	b.account("g", "s", func([]string) []string { return want }).clean(t, false)
}

// A log is truncated, is seen empty, and is truncated again before any of it was read: the agent still waits for the end of
// the first copy.
func TestCopytruncateTwiceBeforeTheLogIsRead(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.config(oneLog)
	copytruncate := func() {
		b.write("access.log.1", strings.Join(b.linesOf(b.path("access.log")), "\n")+"\n")
		b.must(os.Truncate(b.path("access.log"), 0))
	}
	b.write("access.log", "a 1\na 2\n")
	b.start()
	b.until("two lines", func() bool { return len(b.events("g", "s")) == 2 })
	copytruncate()
	b.until("that it was truncated", func() bool { return b.said("reading the rest of it from its copy") })
	b.write("access.log", "b 1\nb 2\n")
	b.must(os.Rename(b.path("access.log.1"), b.path("access.log.2")))
	copytruncate()
	b.write("access.log", "c 1\nc 2\n")
	want := []string{"a 1", "a 2", "b 1", "b 2", "c 1", "c 2"}
	b.account("g", "s", func([]string) []string { return want }).clean(t, false)
}
