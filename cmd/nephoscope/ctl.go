package main

import "github.com/spf13/cobra"

func newCtl() *cobra.Command { return &cobra.Command{Use: "ctl", Short: "stand-in"} }
