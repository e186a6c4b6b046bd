package durable

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestCureNamesTheFolderThatTheServiceMayNotWriteTo(t *testing.T) {
	dir := t.TempDir()
	refused := &fs.PathError{Op: "remove", Path: filepath.Join(dir, "a.log"), Err: syscall.EROFS}
	f := func(err error, dir string, words ...string) {
		t.Helper()
		got := Cure(err, dir)
		if !errors.Is(got, err) {
			t.Errorf("%v hides the cause", got)
		}
		for _, w := range words {
			if !strings.Contains(got.Error(), w) {
				t.Errorf("%v does not say %q", got, w)
			}
		}
	}
	t.Setenv("INVOCATION_ID", "0123")
	f(refused, dir, "systemctl edit amazon-cloudwatch-agent", "[Service] ReadWritePaths="+dir)
	f(refused, filepath.Join(dir, "none"), "make the folder, systemctl edit")
	t.Setenv("INVOCATION_ID", "")
	f(refused, dir, "remount,rw")
	if os.Geteuid() > 0 {
		f(fs.ErrPermission, dir, "setfacl -m u:", dir)
	}
	if got := Cure(syscall.ENOSPC, dir); got != syscall.ENOSPC {
		t.Errorf("got %v", got)
	}
}
