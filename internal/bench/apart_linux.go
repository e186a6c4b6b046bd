package main

import (
	"errors"
	"fmt"
	"os/exec"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// What a measurement may have for itself.
const (
	ofMounts  = syscall.CLONE_NEWNS
	ofNetwork = syscall.CLONE_NEWNET
)

// apart does something with mounts, or with a network, of its own: so does what is started meanwhile. The thread is not used
// again.
func apart(namespaces int, do func() error) error {
	result := make(chan error)
	go func() {
		runtime.LockOSThread()
		result <- func() error {
			if err := syscall.Unshare(namespaces); errors.Is(err, syscall.EPERM) {
				return errors.New("this measurement needs mounts or a network of its own: run it as root")
			} else if err != nil {
				return fmt.Errorf("be apart: %w", err)
			}
			if namespaces&ofMounts != 0 {
				if err := syscall.Mount("none", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil {
					return fmt.Errorf("be apart: %w", err)
				}
			}
			if namespaces&ofNetwork != 0 {
				if err := loopbackUp(); err != nil {
					return fmt.Errorf("be apart: %w", err)
				}
			}
			return do()
		}()
	}()
	return <-result
}

func loopbackUp() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	lo, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	lo.SetUint16(unix.IFF_UP)
	return unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, lo)
}

// mount puts a file in place of another, for whoever is apart.
func mount(file, over string) error {
	if err := syscall.Mount(file, over, "", syscall.MS_BIND, ""); err != nil {
		return fmt.Errorf("mount over %s: %w", over, err)
	}
	return nil
}

// asGroup has a command and all that it starts end together.
func asGroup(cmd *exec.Cmd) (stop func()) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	return func() { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) } // it may be gone
}
