//go:build !linux

package main

import (
	"fmt"
	"io/fs"
	"os"

	"github.com/nephoscope/nephoscope/config"
)

// becomeUser is for Linux: elsewhere the service manager has to start the agent as the user that it is to run as.
func (f *runFlags) becomeUser(c *config.Config, _ *environment) (notes []string, err error) {
	if name := f.userFor(c); name != "" {
		notes = append(notes, fmt.Sprintf("to run as %s is done on Linux alone; the agent runs as whoever has started it", name))
	}
	return notes, nil
}

// ownerOf is oneself where nobody becomes another user.
func ownerOf(fs.FileInfo) int { return os.Geteuid() }
