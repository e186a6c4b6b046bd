package main

import "golang.org/x/sys/unix"

// The requests that get and set a terminal's mode.
const (
	getTermios = unix.TCGETS
	setTermios = unix.TCSETS
)
