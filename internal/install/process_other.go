//go:build !linux

package install

import (
	"errors"
	"os"
	"syscall"
	"time"
)

// processBehind is what the agent says of itself.
func processBehind(_ string, own int) (pid int, err error) {
	if own <= 0 {
		return 0, errors.New("the agent does not say which process it is")
	}
	return own, nil
}

// startOf is not known here.
func startOf(int) (began time.Time, ok bool) { return began, false }

func terminate(pid int) error {
	p, err := os.FindProcess(pid)
	if err != nil {
		return err
	}
	return p.Signal(syscall.SIGTERM)
}
