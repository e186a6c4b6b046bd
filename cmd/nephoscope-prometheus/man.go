//go:build man

package main

import (
	"github.com/nephoscope/nephoscope/packaging/manpage"
	"github.com/spf13/cobra"
)

// unshipped are commands for those who build packages: go run -tags man ./cmd/nephoscope-prometheus man DIR
func unshipped(root *cobra.Command) []*cobra.Command {
	return []*cobra.Command{manpage.Command(root, "nephoscope-prometheus "+version, nil)}
}
