package main

import "github.com/spf13/cobra"

func newWizard() *cobra.Command { return &cobra.Command{Use: "wizard", Short: "stand-in"} }
