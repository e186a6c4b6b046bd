//go:build unix

package install

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// Whoever opens a pipe that nobody writes to waits for ever.
func TestPipesAreNotWaitedFor(t *testing.T) {
	h := newHost(t)
	pipe := filepath.Join(h.layout.Root, "pipe")
	if err := syscall.Mkfifo(pipe, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := h.ctl("-a", "fetch-config", "-c", "file:"+pipe); err == nil || !strings.Contains(err.Error(), pipe+" is no regular file") {
		t.Errorf("source: %v", err)
	}
	if err := os.MkdirAll(h.layout.Etc(), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(pipe, h.layout.Environment()); err != nil {
		t.Fatal(err)
	}
	if err := h.ctl("-a", "set-env", "-e", "A=b"); err == nil || !strings.Contains(err.Error(), "env-config.json: it is no regular file") {
		t.Errorf("set-env: %v", err)
	}
	if err := h.ctl("-a", "status"); err != nil || !strings.Contains(h.err.String(), "env-config.json: it is no regular file") {
		t.Errorf("status: %v\n%s", err, &h.err)
	}
}
