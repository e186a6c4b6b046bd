//go:build unix

package tailer

import (
	"os"
	"syscall"
)

const openFlags = syscall.O_NONBLOCK | syscall.O_CLOEXEC

func identify(f *os.File, info os.FileInfo) identity {
	st := info.Sys().(*syscall.Stat_t)
	return identity{uint64(st.Dev), uint64(st.Ino), born(f)}
}

// deleted tells whether no name leads to the file any more.
func deleted(info os.FileInfo) bool { return info.Sys().(*syscall.Stat_t).Nlink == 0 }
