//go:build !linux

package main

import (
	"fmt"
	"io/fs"

	"github.com/nephoscope/nephoscope/config"
)

// becomeUser is for Linux: elsewhere the service manager has to start the agent as the user that it is to run as.
func (f *runFlags) becomeUser(c *config.Config, _ *environment) (notes []string, err error) {
	if name := c.Agent.RunAsUser; name != "" {
		notes = append(notes, fmt.Sprintf("agent.run_as_user %s is done on Linux alone; the agent runs as whoever has started it", name))
	}
	return notes, nil
}

func ownerOf(fs.FileInfo) int { return 0 }
