//go:build unix

package durable

import (
	"io/fs"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// noFollow has opening fail where a link stands: the folder may be another user's, and this process root's.
const noFollow = syscall.O_NOFOLLOW | syscall.O_NONBLOCK

// syncDir makes the names in a folder durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// keepPrivate has nothing to do: the mode that a folder is made with has seen to it.
func keepPrivate(string) error { return nil }

// tryLock fails if another process has locked the file. The lock is gone when the process is, however it ends.
func tryLock(f *os.File) error { return unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) }

func inGroup(info fs.FileInfo, group int) bool {
	about, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(about.Gid) == group
}
