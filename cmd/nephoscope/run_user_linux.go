package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
	"unsafe"

	"github.com/nephoscope/nephoscope/config"
	"github.com/nephoscope/nephoscope/internal/install"
	"golang.org/x/sys/unix"
)

// becomeUser makes the process that of agent.run_as_user, or --user, for good, and hands over what the agent writes to. notes
// are for the log, which is opened only after that.
func (f *runFlags) becomeUser(c *config.Config, e *environment) (notes []string, err error) {
	name, by := f.userFor(c), "agent.run_as_user"
	if c.Agent.RunAsUser == "" {
		by = "--user"
	}
	if name == "" {
		return nil, nil
	}
	who, err := accountOf(name)
	if os.Geteuid() != 0 {
		if err != nil || who.uid != os.Geteuid() {
			notes = append(notes, fmt.Sprintf("%s is %s, but only root can become another user: the agent runs as %s", by, name, self()))
		}
		return notes, nil
	}
	switch {
	case err != nil && c.Agent.RunAsUser != "":
		return nil, config.Mistake(c.At(by), err.Error(), install.CreateUser(name)+", or name one that is there")
	case err != nil:
		return nil, fmt.Errorf("--user %s: %w (%s, or name one that is there; agent.run_as_user in the configuration counts before --user)", name, err, install.CreateUser(name))
	}
	if who.uid != 0 || belongsToAnother(f.state) {
		if err := handOverState(f.state, who); err != nil {
			return nil, fmt.Errorf("run as %s: %w", name, err)
		}
	}
	if note := handOverLog(f.logFor(c), f.layout, who); note != nil {
		notes = append(notes, note.Error())
	}
	if who.uid == 0 {
		return notes, nil
	}
	note, err := who.become(!f.noReadAll)
	if err != nil {
		return nil, fmt.Errorf("run as %s: %w", name, err)
	}
	if note != "" {
		notes = append(notes, note)
	}
	e.move("HOME", who.home)
	return notes, nil
}

// become gives up root for good. With readAll one capability stays, CAP_DAC_READ_SEARCH: the right to read any file.
//
// The kernel keeps user, groups and capabilities by thread. Go's Set… functions change all of them, and so does
// AllThreadsSyscall, which works without cgo alone: with it the capability is lost, and note says so.
func (who account) become(readAll bool) (note string, err error) {
	keep := readAll && permitted(unix.CAP_DAC_READ_SEARCH)
	if readAll && !keep {
		note = "CAP_DAC_READ_SEARCH is not there to keep: log files have to be readable by " + who.name
	}
	if keep {
		if err := keepOverSetuid(1); err != nil {
			keep, note = false, fmt.Sprintf("CAP_DAC_READ_SEARCH cannot be kept (%v): log files have to be readable by %s", err, who.name)
		}
	}
	if err := syscall.Setgroups(who.groups); err != nil {
		return "", fmt.Errorf("set groups: %w", err)
	}
	if err := syscall.Setgid(who.gid); err != nil {
		return "", fmt.Errorf("set group: %w", err)
	}
	if err := syscall.Setuid(who.uid); err != nil {
		return "", fmt.Errorf("set user: %w", err)
	}
	if keep {
		if err := keepOnly(unix.CAP_DAC_READ_SEARCH); err != nil {
			return "", fmt.Errorf("keep CAP_DAC_READ_SEARCH: %w", err)
		}
		if err := keepOverSetuid(0); err != nil {
			return "", fmt.Errorf("keep CAP_DAC_READ_SEARCH: %w", err)
		}
	}
	// No other process of this user is to look into this one, which can read more than they can, nor is a core of it to be
	// written. The kernel has seen to it by itself, unless fs.suid_dumpable says otherwise.
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		return "", fmt.Errorf("forbid dumps: %w", err)
	}
	if syscall.Setuid(0) == nil {
		return "", errors.New("root could be had back")
	}
	return note, nil
}

// keepOverSetuid decides whether capabilities outlive the change of user; 1: they do.
func keepOverSetuid(on uintptr) error {
	if _, _, errno := syscall.AllThreadsSyscall(unix.SYS_PRCTL, unix.PR_SET_KEEPCAPS, on, 0); errno != 0 {
		return errno
	}
	return nil
}

// permitted tells whether the process may use a capability.
func permitted(capability int) bool {
	head := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var sets [2]unix.CapUserData
	err := unix.Capget(&head, &sets[0])
	return err == nil && sets[capability/32].Permitted&(1<<(capability%32)) != 0
}

// keepOnly gives up all capabilities but one, which takes effect.
func keepOnly(capability int) error {
	head := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var sets [2]unix.CapUserData
	sets[capability/32] = unix.CapUserData{Permitted: 1 << (capability % 32), Effective: 1 << (capability % 32)}
	_, _, errno := syscall.AllThreadsSyscall(unix.SYS_CAPSET, uintptr(unsafe.Pointer(&head)), uintptr(unsafe.Pointer(&sets[0])), 0)
	if errno != 0 {
		return errno
	}
	return nil
}

func ownerOf(info fs.FileInfo) int {
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		return int(s.Uid)
	}
	return 0
}
