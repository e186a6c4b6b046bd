package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// complete has shells offer YAML files where one is named, and refuses shells that there is no completion for: cobra prints
// its help instead, and ends well.
func complete(root *cobra.Command) {
	root.InitDefaultCompletionCmd()
	for _, cmd := range root.Commands() {
		switch cmd.Name() {
		case "check":
			cmd.ValidArgsFunction = func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
				return []string{"yaml", "yml"}, cobra.ShellCompDirectiveFilterFileExt
			}
		case "scrape":
			_ = cmd.MarkFlagFilename("config", "yaml", "yml")
			_ = cmd.MarkFlagFilename("settings", "json")
		case "completion":
			cmd.RunE = func(_ *cobra.Command, shells []string) error {
				if len(shells) == 0 {
					return errors.New("completion: name a shell: bash, zsh, fish or powershell")
				}
				return fmt.Errorf("completion: there is none for %q: name bash, zsh, fish or powershell", strings.Join(shells, " "))
			}
			cmd.Args = cobra.ArbitraryArgs
		}
	}
}
