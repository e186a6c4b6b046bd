package explain

import (
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestPipeIsNotCalledUnreadable(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a.log")
	if err := syscall.Mkfifo(path, 0o644); err != nil {
		t.Fatal(err)
	}
	e := logsFrom(t, filepath.Dir(path), `{"file_path": "%DIR%/a.log"}`)
	if len(e.Files) != 1 || strings.Contains(e.Files[0].Problem, "everybody") || !strings.Contains(e.Files[0].Problem, "regular file") {
		t.Errorf("got %+v", e)
	}
}
