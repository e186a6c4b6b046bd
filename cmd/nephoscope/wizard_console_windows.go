package main

import (
	"os"

	"golang.org/x/sys/windows"
)

// console is a terminal that somebody types at, and how it was when it was found.
type console struct {
	handle windows.Handle
	before uint32
}

// consoleOf finds the terminal behind a file; ok is false if it is none.
func consoleOf(f *os.File) (c console, ok bool) {
	c.handle = windows.Handle(f.Fd())
	return c, windows.GetConsoleMode(c.handle, &c.before) == nil
}

// hide stops it from showing what is typed. If it does not obey, it shows it.
func (c console) hide() { _ = windows.SetConsoleMode(c.handle, c.before&^windows.ENABLE_ECHO_INPUT) }

// restore makes it as it was.
func (c console) restore() { _ = windows.SetConsoleMode(c.handle, c.before) }
