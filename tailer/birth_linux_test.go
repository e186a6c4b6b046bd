package tailer

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestBirthOutlivesRenamesAndWrites(t *testing.T) {
	dir := t.TempDir()
	path, other := filepath.Join(dir, "a"), filepath.Join(dir, "b")
	before := time.Now().Add(-time.Second) // the kernel's clock is coarse
	if err := os.WriteFile(path, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	born := birth(path)
	if born.Before(before) || born.After(time.Now()) {
		t.Errorf("got %v", born)
	}
	if err := os.Chtimes(path, time.Time{}, before.Add(-time.Hour)); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path, other); err != nil {
		t.Fatal(err)
	}
	if again := birth(other); !again.Equal(born) {
		t.Errorf("got %v, then %v", born, again)
	}
	if gone := birth(path); !gone.IsZero() {
		t.Errorf("got %v of no file", gone)
	}
}
