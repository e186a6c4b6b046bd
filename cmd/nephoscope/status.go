package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/nephoscope/nephoscope/agent"
	"github.com/nephoscope/nephoscope/internal/install"
	"github.com/spf13/cobra"
)

// worstFiles is how many log files are listed when there are more; --all lists all.
const worstFiles = 20

// probePatience is how long a probe waits for an answer: those who ask for it have little themselves.
const probePatience = 10 * time.Second

func newStatus() *cobra.Command {
	var state string
	var asJSON, all, probe bool
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Say how the running agent is, and what became of every line and datum",
		Long: `Status asks the agent that runs with a state folder how it is: healthy or not and why, and for each log file what was
sent, what waits, how far it is behind and what was lost. Of many files it lists those that are farthest behind.

Exit status: 0 ok, 1 degraded or failing, 2 no agent answers.

With --probe it answers those who watch a container: 0 while something gets through, 1 if nothing does or no agent answers. It
then prints why, and else nothing.
` + noJSON,
		Example: "  sudo nephoscope status\n  nephoscope status --state /var/lib/nephoscope --json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if state == "" {
				state = askedState(layoutOf(cmd))
			}
			files := worstFiles
			if all || asJSON {
				files = -1
			}
			ctx := cmd.Context()
			if probe {
				files = 0
				limited, cancel := context.WithTimeout(ctx, probePatience)
				defer cancel()
				ctx = limited
			}
			raw, err := agent.AskStatus(ctx, state, files)
			if err != nil && probe {
				return &exitError{exitMistakes, err}
			}
			if err != nil {
				return &exitError{exitUnread, err}
			}
			var s agent.Status
			if err := json.Unmarshal(raw, &s); err != nil {
				return &exitError{exitUnread, fmt.Errorf("read status: %w (is the agent of another version?)", err)}
			}
			if probe {
				return probed(s)
			}
			if asJSON {
				var out bytes.Buffer
				_ = json.Indent(&out, raw, "", "  ") // it has been read
				_, _ = out.WriteTo(cmd.OutOrStdout())
			} else {
				(&statusTable{w: cmd.OutOrStdout(), s: s, now: time.Now()}).print()
			}
			if s.Health != agent.OK {
				return &exitError{status: exitMistakes}
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&state, "state", "", "state `folder` of the agent (default "+askedState(install.Layout{})+")")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print everything as one JSON document")
	cmd.Flags().BoolVar(&all, "all", false, "list all log files")
	cmd.Flags().BoolVar(&probe, "probe", false, "print nothing while something gets through, and exit with 0: a container's health check")
	addRoot(cmd)
	return cmd
}

// probed is an error if the agent is failing. What is degraded is none of a restart's business.
func probed(s agent.Status) error {
	if s.Health != agent.Failing {
		return nil
	}
	var why []string
	for _, r := range s.Reasons {
		why = append(why, r.What)
	}
	return &exitError{exitMistakes, fmt.Errorf("the agent is failing: %s", strings.Join(why, "; "))}
}
