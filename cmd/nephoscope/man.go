//go:build man

package main

import (
	"github.com/nephoscope/nephoscope/packaging/manpage"
	"github.com/spf13/cobra"
)

// unshipped are commands for those who build packages: go run -tags man ./cmd/nephoscope man DIR
func unshipped(root *cobra.Command) []*cobra.Command {
	return []*cobra.Command{manpage.Command(root, "nephoscope "+version, map[string]string{
		ctlName:                                 "ctl",
		"amazon-cloudwatch-agent-config-wizard": "wizard",
	})}
}
