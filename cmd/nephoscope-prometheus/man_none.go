//go:build !man

package main

import "github.com/spf13/cobra"

// unshipped are no commands at all, unless manual pages are being written (man.go).
func unshipped(*cobra.Command) []*cobra.Command { return nil }
