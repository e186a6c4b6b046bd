//go:build unix

package durable

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

func TestPublicFolderIsPublicWhateverTheUmask(t *testing.T) {
	old := syscall.Umask(0o077) // of the process: no other test of this package may run beside it
	defer syscall.Umask(old)
	dir := t.TempDir()
	if err := MakePublicDir(filepath.Join(dir, "a", "b")); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"a", "a/b"} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Mode().Perm() != publicDirMode {
			t.Errorf("%s: got mode %v, %v", name, info.Mode(), err)
		}
	}
}

func TestLockThatIsALinkIsNotFollowed(t *testing.T) {
	dir := t.TempDir()
	made := filepath.Join(dir, "elsewhere")
	if err := os.Symlink(made, filepath.Join(dir, "lock")); err != nil {
		t.Fatal(err)
	}
	if _, err := Lock(dir); err == nil {
		t.Error("the state folder was locked by way of a link")
	}
	if _, err := Turn(t.Context(), filepath.Join(dir, "lock"), nil); err == nil {
		t.Error("a turn was taken by way of a link")
	}
	if _, err := os.Lstat(made); err == nil {
		t.Error("a file was made where the link leads")
	}
}
