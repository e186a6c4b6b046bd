//go:build !linux && !darwin

package tailer

import (
	"os"
	"time"
)

// birth is not known. Windows has one, but gives a new file that of an old one of the same name.
func birth(string) time.Time { return time.Time{} }

// born is not known.
func born(*os.File) int64 { return 0 }
