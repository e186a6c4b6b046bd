package durable

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// lockPatience is how long a process that was killed may take to be gone before its lock counts as another agent's.
const lockPatience = 3 * time.Second

// Lock takes a state folder for this process; it is free again when the process ends, however it ends.
func Lock(dir string) (unlock func(), err error) {
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR|os.O_CREATE|noFollow, fileMode)
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

// Locked tells whether a process has taken a state folder.
func Locked(dir string) bool {
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR|noFollow, 0)
	if err != nil {
		return false // none ever has, or it is for somebody else to know
	}
	defer f.Close()
	return tryLock(f) != nil
}

// turnPatience is how long whoever has the turn may take: an agent that is told of its new configuration has its own time.
const turnPatience = 5 * time.Minute

// Turn takes a lock file for this process, and waits for whoever has it. busy, if any, is called once when it has to wait.
// The file stays; that it is free again when the process ends, however it ends, is what counts.
func Turn(ctx context.Context, path string, busy func()) (done func(), err error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|noFollow, fileMode)
	if err != nil {
		return nil, fmt.Errorf("take turn: %w", err)
	}
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	ctx, cancel := context.WithTimeout(ctx, turnPatience)
	defer cancel()
	for first := true; tryLock(f) != nil; first = false {
		if first && busy != nil {
			busy()
		}
		select {
		case <-ctx.Done():
			_ = f.Close()
			return nil, fmt.Errorf("take turn: somebody else holds %s: %w", path, ctx.Err())
		case <-again.C:
		}
	}
	return func() { _ = f.Close() }, nil
}
