package tailer

import (
	"os"

	"golang.org/x/sys/unix"
)

// birth is when a file's inode was made; 0: the file system or the kernel (before 4.11) does not say.
func birth(f *os.File) int64 {
	var st unix.Statx_t
	err := unix.Statx(int(f.Fd()), "", unix.AT_EMPTY_PATH, unix.STATX_BTIME, &st)
	if err != nil || st.Mask&unix.STATX_BTIME == 0 {
		return 0
	}
	return st.Btime.Sec*1e9 + int64(st.Btime.Nsec)
}
