package durable

import (
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/windows"
)

// syncDir has nothing to do: NTFS journals its names.
func syncDir(string) error { return nil }

// Lock takes a state folder for this process; it is free again when the process ends, however it ends.
func Lock(dir string) (unlock func(), err error) {
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR|os.O_CREATE, fileMode)
	if err != nil {
		return nil, fmt.Errorf("lock state folder: %w", err)
	}
	const whole = 1
	flags := uint32(windows.LOCKFILE_EXCLUSIVE_LOCK | windows.LOCKFILE_FAIL_IMMEDIATELY)
	if err := windows.LockFileEx(windows.Handle(f.Fd()), flags, 0, whole, 0, new(windows.Overlapped)); err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("lock state folder: another agent is using %s (stop it, or give this one its own --state)", dir)
	}
	return func() { _ = f.Close() }, nil
}
