package durable

import (
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// lockPatience is how long a process that was killed may take to be gone before its lock counts as another agent's.
const lockPatience = 3 * time.Second

// Lock takes a state folder for this process; it is free again when the process ends, however it ends.
func Lock(dir string) (unlock func(), err error) {
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR|os.O_CREATE, fileMode)
	if err != nil {
		return nil, fmt.Errorf("lock state folder: %w", err)
	}
	again := time.NewTicker(lockPatience / 30)
	defer again.Stop()
	for began := time.Now(); tryLock(f) != nil; <-again.C {
		if time.Since(began) > lockPatience {
			_ = f.Close()
			return nil, fmt.Errorf("lock state folder: another agent is using %s (stop it, or give this one its own --state)", dir)
		}
	}
	return func() { _ = f.Close() }, nil
}
