package tailer

import (
	"os"
	"syscall"
	"time"
)

// birth is when a file was made, under whatever name.
func birth(path string) time.Time {
	info, err := os.Stat(path)
	if err != nil {
		return time.Time{}
	}
	return time.Unix(info.Sys().(*syscall.Stat_t).Birthtimespec.Unix())
}

// born is not part of an identity here.
func born(*os.File) int64 { return 0 }
