package tailer

import (
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// birth is when a file was made, under whatever name; zero: the file system does not say.
func birth(path string) time.Time {
	var st unix.Statx_t
	if err := unix.Statx(unix.AT_FDCWD, path, 0, unix.STATX_BTIME, &st); err != nil || st.Mask&unix.STATX_BTIME == 0 {
		return time.Time{}
	}
	return time.Unix(st.Btime.Sec, int64(st.Btime.Nsec))
}

// born is when the inode of an open file was made, in nanoseconds since the epoch; 0: the file system does not say.
func born(f *os.File) int64 {
	var st unix.Statx_t
	if f == nil || unix.Statx(int(f.Fd()), "", unix.AT_EMPTY_PATH, unix.STATX_BTIME, &st) != nil || st.Mask&unix.STATX_BTIME == 0 {
		return 0
	}
	return st.Btime.Sec*1e9 + int64(st.Btime.Nsec)
}
