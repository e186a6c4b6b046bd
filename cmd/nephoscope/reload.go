package main

import (
	"cmp"
	"errors"
	"fmt"

	"github.com/nephoscope/nephoscope/agent"
	"github.com/nephoscope/nephoscope/config"
	"github.com/nephoscope/nephoscope/internal/install"
	"github.com/nephoscope/nephoscope/internal/output"
	"github.com/spf13/cobra"
)

func newReload() *cobra.Command {
	var state string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "reload",
		Short: "Have the running agent read its configuration again, and wait until it has",
		Long: `Reload asks the agent of a state folder to read everything again: configuration, common-config.toml and env-config.json. It
waits until the new configuration is up. If that has mistakes or does not come up, the old one goes on, and the mistakes are
told here. systemctl reload does the same. (SIGHUP too, but nobody is told what came of it.)

Exit status: 0 it runs, 1 it was refused, 2 no agent could be asked.
` + noJSON,
		Example: "  sudo nephoscope reload\n  nephoscope reload --state ~/.local/state/nephoscope --json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			done, err := agent.Reload(cmd.Context(), cmp.Or(state, askedState(install.Layout{})))
			if err != nil {
				return &exitError{exitUnread, err}
			}
			if asJSON {
				if err := output.JSON(cmd.OutOrStdout(), done); err != nil || done.Applied {
					return err
				}
				return &exitError{exitMistakes, nil}
			}
			return tellReload(cmd, done)
		},
	}
	cmd.Flags().StringVar(&state, "state", "", "state `folder` of the agent (default "+askedState(install.Layout{})+")")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON document")
	return cmd
}

// tellReload says what came of a reload; the error, that it was refused and why.
func tellReload(cmd *cobra.Command, done agent.Reloaded) error {
	if !done.Applied {
		why := errors.New(done.Reason)
		if len(done.Problems) > 0 { // the reason is the first of them
			why = config.Problems(done.Problems)
		}
		return &exitError{exitMistakes, fmt.Errorf("the old configuration goes on; the new one was refused:\n%w", why)}
	}
	for _, p := range done.Problems {
		fmt.Fprintln(cmd.ErrOrStderr(), "warning: "+p.Error())
	}
	said := "what the agent does is the same as before"
	if done.Changed {
		said = fmt.Sprintf("the new configuration runs; of its tasks %d started, %d stopped, %d undisturbed", done.Started, done.Stopped, done.Undisturbed)
	}
	fmt.Fprintln(cmd.OutOrStdout(), said)
	return nil
}
