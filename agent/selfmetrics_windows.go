package agent

import (
	"syscall"
	"time"
)

// processTime is how long processors have worked for this process.
func processTime() time.Duration {
	var made, ended, kernel, user syscall.Filetime
	own, err := syscall.GetCurrentProcess()
	if err != nil || syscall.GetProcessTimes(own, &made, &ended, &kernel, &user) != nil {
		return 0
	}
	ticks := func(t syscall.Filetime) time.Duration {
		return time.Duration(t.HighDateTime)<<32 | time.Duration(t.LowDateTime)
	}
	return 100 * (ticks(kernel) + ticks(user)) // a tick is 100 ns
}
