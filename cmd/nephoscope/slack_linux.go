package main

import (
	"os"
	"path/filepath"
)

// timerSlack is how much later than asked for the kernel may end a sleep; it is 50 µs by itself. The Go runtime's monitor
// sleeps for 20 µs at a time while anything runs, and takes a seventh of the processor time of a log that is written to
// steadily. None of our own clocks is finer than this.
const timerSlack = "1000000" // ns

// relaxTimers sets the slack of all threads; those that come inherit it. Of other threads than the one that asks it takes
// CAP_SYS_NICE: without that the agent costs what it costs. (Under systemd TimerSlackNSec= does the same.)
func relaxTimers() {
	threads, _ := os.ReadDir("/proc/self/task") // none, and nothing is gained
	for _, t := range threads {
		_ = os.WriteFile(filepath.Join("/proc", t.Name(), "timerslack_ns"), []byte(timerSlack), 0)
	}
}
