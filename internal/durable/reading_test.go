package durable

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

func TestReadingAJournalWritesNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "checkpoints")
	if _, err := ReadJournal(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("of no journal: %v", err)
	}
	lines := appendLine(appendLine(nil, "a", []byte("1")), "gone", []byte("2"))
	lines = appendLine(appendLine(lines, "gone", []byte("null")), "a", []byte("3"))
	lines = append(lines, []byte("deadbeef \"b\" 4\ntorn")...)
	if err := os.WriteFile(path, lines, 0o600); err != nil {
		t.Fatal(err)
	}
	held, err := ReadJournal(path)
	if err != nil || len(held) != 1 || string(held["a"]) != "3" {
		t.Errorf("got %q, %v", held, err)
	}
	after, _ := os.ReadFile(path)
	all, _ := os.ReadDir(dir)
	if !bytes.Equal(after, lines) || len(all) != 1 {
		t.Errorf("reading has written: %d files", len(all))
	}
}
