package main

import (
	"github.com/nephoscope/nephoscope/internal/install"
	"github.com/spf13/cobra"
)

// layoutOf is the installation that a command is about: this machine's, or the one under --root.
func layoutOf(cmd *cobra.Command) install.Layout {
	root, err := cmd.Flags().GetString("root")
	if err != nil {
		return install.Layout{}
	}
	return install.Layout{Root: root}
}

// addRoot gives a command the flag that layoutOf reads.
func addRoot(cmd *cobra.Command) {
	cmd.Flags().String("root", "", "work on the installation under `folder`: an image that is being made, or a copy to try things on")
}
