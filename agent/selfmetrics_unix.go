//go:build unix

package agent

import (
	"syscall"
	"time"
)

// processTime is how long processors have worked for this process.
func processTime() time.Duration {
	var use syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &use) != nil {
		return 0
	}
	return time.Duration(use.Utime.Nano() + use.Stime.Nano())
}
