//go:build man

package main

import (
	"github.com/nephoscope/nephoscope/packaging/manpage"
	"github.com/spf13/cobra"
)

// unshipped are commands for those who build packages: go run -tags man ./cmd/nephoscope-local man DIR
func unshipped(root *cobra.Command) []*cobra.Command {
	return []*cobra.Command{manpage.Command(root, "nephoscope-local "+version, nil)}
}
