//go:build unix

package tailer

import (
	"os"
	"syscall"
)

// manyNames tells whether a file has further names: it may be written to under one in a folder that nobody watches.
func manyNames(info os.FileInfo) bool {
	st, ok := info.Sys().(*syscall.Stat_t)
	return ok && st.Nlink > 1
}

// folderIdentity is which folder it is, whatever its path.
func folderIdentity(info os.FileInfo) identity {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return identity{Device: uint64(st.Dev), Inode: uint64(st.Ino)}
	}
	return identity{}
}
