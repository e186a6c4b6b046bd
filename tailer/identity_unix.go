//go:build unix

package tailer

import (
	"os"
	"syscall"
)

// openShared opens a file for reading, and keeps nobody from moving or removing it.
func openShared(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
}

func identify(f *os.File, info os.FileInfo) identity {
	st := info.Sys().(*syscall.Stat_t)
	return identity{uint64(st.Dev), uint64(st.Ino), born(f)}
}

// deleted tells whether no name leads to the file any more.
func deleted(info os.FileInfo) bool { return info.Sys().(*syscall.Stat_t).Nlink == 0 }

// mayBe tells, without opening it, whether a file may be that of an identity.
func mayBe(info os.FileInfo, id identity) bool {
	st := info.Sys().(*syscall.Stat_t)
	return uint64(st.Dev) == id.Device && uint64(st.Ino) == id.Inode
}
