package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/nephoscope/nephoscope/agent"
	"github.com/nephoscope/nephoscope/internal/doctor"
	"github.com/nephoscope/nephoscope/internal/migrate"
	"github.com/spf13/cobra"
)

// complete has shells offer the words that a flag takes, of whichever command has it, and refuses shells that there is no
// completion for: cobra prints its help instead, and ends well.
func complete(root *cobra.Command) {
	words := map[string][]string{
		"mode":      {string(agent.Auto), string(agent.EC2), string(agent.OnPremise)},
		"log-level": {"debug", "info", "warn", "error", "off"},
		"only":      doctor.IDs(),
		"from":      {migrate.FromOriginal, migrate.FromAwsLogs, migrate.FromFluentBit, migrate.FromTelegraf},
	}
	for _, cmd := range root.Commands() {
		for name, values := range words {
			if cmd.Flags().Lookup(name) != nil {
				_ = cmd.RegisterFlagCompletionFunc(name, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp)) // once for each
			}
		}
	}
	root.InitDefaultCompletionCmd()
	for _, cmd := range root.Commands() {
		if cmd.Name() == "completion" {
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
