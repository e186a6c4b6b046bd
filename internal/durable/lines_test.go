package durable

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestLinesAreAppendedAndMendedWhereACrashToreThem(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.lines")
	l, err := CreateLines(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := CreateLines(path); err == nil {
		t.Error("made anew though it is there")
	}
	for _, line := range []string{"one\n", "two\n"} {
		if err := l.Append([]byte(line)); err != nil {
			t.Fatal(err)
		}
	}
	if l.Size() != 8 {
		t.Errorf("got size %d", l.Size())
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	f := func(content, want string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		cut, err := MendLines(path)
		got, _ := os.ReadFile(path)
		if err != nil || string(got) != want || int(cut) != len(content)-len(want) {
			t.Errorf("%d bytes: %d are left, %d cut off, %v", len(content), len(got), cut, err)
		}
	}
	f("one\ntwo\n", "one\ntwo\n")
	f("one\ntw", "one\n")
	f("one", "")
	f("", "")
	f("one\n"+strings.Repeat("x", 200_000), "one\n")
	f(strings.Repeat("x", 200_000), "")
	if _, err := MendLines(path + ".none"); err == nil {
		t.Error("mended what is not there")
	}
}

// full is a file on a disk that takes a few bytes more.
type full struct {
	*os.File
	room int
}

func (f *full) Write(b []byte) (int, error) {
	n, err := f.File.Write(b[:min(f.room, len(b))])
	if f.room -= n; n < len(b) && err == nil {
		err = syscall.ENOSPC
	}
	return n, err
}

// Whoever reads the file may have seen the part of a line: nothing is written in its place.
func TestFileThatEndsWithinALineTakesNoMore(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.lines")
	l, err := CreateLines(path)
	if err != nil {
		t.Fatal(err)
	}
	disk := &full{l.file.(*os.File), 4}
	l.file = disk
	if err := l.Append([]byte("one\n")); err != nil || l.Torn() {
		t.Error(err)
	}
	if err := l.Append([]byte("two\n")); !errors.Is(err, syscall.ENOSPC) || l.Torn() {
		t.Errorf("got %v, torn %v", err, l.Torn())
	}
	disk.room = 2
	if err := l.Append([]byte("three\n")); !errors.Is(err, syscall.ENOSPC) || !l.Torn() {
		t.Errorf("got %v, torn %v", err, l.Torn())
	}
	disk.room = 100
	if err := l.Append([]byte("four\n")); err == nil {
		t.Error("a file that ends within a line took another one")
	}
	if got, _ := os.ReadFile(path); string(got) != "one\nth" || l.Size() != 4 || l.Close() != nil {
		t.Errorf("got %q, size %d", got, l.Size())
	}
	if cut, err := MendLines(path); cut != 2 || err != nil {
		t.Errorf("got %d, %v", cut, err)
	}
}

func TestLineThatTheDiskDoesNotTakeIsNotThere(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.lines")
	l, err := CreateLines(path)
	if err != nil {
		t.Fatal(err)
	}
	_ = l.Append([]byte("one\n"))
	_ = l.file.Close()
	if err := l.Append([]byte("two\n")); err == nil {
		t.Error("the disk is gone, and yet")
	}
	if got, _ := os.ReadFile(path); string(got) != "one\n" || l.Size() != 4 {
		t.Errorf("got %q, size %d", got, l.Size())
	}
}
