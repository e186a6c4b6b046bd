//go:build unix

package main

import (
	"os"

	"golang.org/x/sys/unix"
)

// console is a terminal that somebody types at, and how it was when it was found.
type console struct {
	fd     int
	before unix.Termios
}

// consoleOf finds the terminal behind a file; ok is false if it is none.
func consoleOf(f *os.File) (c console, ok bool) {
	mode, err := unix.IoctlGetTermios(int(f.Fd()), getTermios)
	if err != nil {
		return console{}, false
	}
	return console{int(f.Fd()), *mode}, true
}

// hide stops it from showing what is typed. If it does not obey, it shows it.
func (c console) hide() {
	quiet := c.before
	quiet.Lflag &^= unix.ECHO
	_ = unix.IoctlSetTermios(c.fd, setTermios, &quiet)
}

// restore makes it as it was.
func (c console) restore() { _ = unix.IoctlSetTermios(c.fd, setTermios, &c.before) }
