package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/nephoscope/nephoscope/agent"
	"github.com/spf13/cobra"
)

// worstFiles is how many log files are listed when there are more; --all lists all.
const worstFiles = 20

func newStatus() *cobra.Command {
	var state string
	var asJSON, all bool
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Say how the running agent is, and what became of every line and datum",
		Long: `Status asks the agent that runs with a state folder how it is: healthy or not and why, and for each log file what was
sent, what waits, how far it is behind and what was lost. Of many files it lists those that are farthest behind.

Exit status: 0 ok, 1 degraded or failing, 2 no agent answers.`,
		Example: "  sudo nephoscope status\n  nephoscope status --state /var/lib/nephoscope --json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if state == "" {
				state = defaultState()
			}
			query := ""
			if !all && !asJSON {
				query = fmt.Sprintf("?files=%d", worstFiles)
			}
			raw, err := askAgent(cmd.Context(), state, query)
			if err != nil {
				return &exitError{exitUnread, err}
			}
			var s agent.Status
			if err := json.Unmarshal(raw, &s); err != nil {
				return &exitError{exitUnread, fmt.Errorf("read status: %w (is the agent of another version?)", err)}
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
	cmd.Flags().StringVar(&state, "state", "", "state `folder` of the agent (default "+defaultState()+")")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print everything as one JSON document")
	cmd.Flags().BoolVar(&all, "all", false, "list all log files")
	return cmd
}

// askAgent asks the agent of a state folder.
func askAgent(ctx context.Context, state, query string) ([]byte, error) {
	path := agent.SocketPath(state)
	if err := agent.CheckSocketPath(path); err != nil {
		return nil, err
	}
	client := http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{Timeout: 5 * time.Second}).DialContext(ctx, "unix", path)
		},
	}}
	defer client.CloseIdleConnections()
	if ctx == nil {
		ctx = context.Background()
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://agent/status"+query, nil)
	if err != nil {
		return nil, fmt.Errorf("ask agent: %w", err)
	}
	answer, err := client.Do(r)
	if err != nil {
		return nil, fmt.Errorf("ask agent: %w (%s)", rootCause(err), whyNoAnswer(err, state))
	}
	defer answer.Body.Close()
	raw, err := io.ReadAll(answer.Body)
	if err != nil {
		return nil, fmt.Errorf("ask agent: %w", err)
	}
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("ask agent: %s", strings.TrimSpace(string(raw)))
	}
	return raw, nil
}

// rootCause leaves out the request that stands around what happened to the socket.
func rootCause(err error) error {
	if op, ok := errors.AsType[*net.OpError](err); ok {
		return op
	}
	return err
}

func whyNoAnswer(err error, state string) string {
	switch {
	case errors.Is(err, fs.ErrPermission):
		return "the socket is for the agent's own user: try sudo, or be that user"
	case errors.Is(err, fs.ErrNotExist) && os.Geteuid() > 0:
		return fmt.Sprintf("no agent runs with the state folder %s; name its folder with --state, and for an agent of root try sudo. If it does run, its log says why it has no socket", state)
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Sprintf("no agent runs with the state folder %s; name its folder with --state. If it does run, its log says why it has no socket", state)
	case errors.Is(err, syscall.ECONNREFUSED):
		return "an agent was there, and has ended without a word: is it being restarted? Its log may say why"
	}
	return "the agent is there but does not answer"
}
