package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"strings"
	"time"

	"github.com/nephoscope/nephoscope/agent"
	"github.com/nephoscope/nephoscope/internal/doctor"
	"github.com/nephoscope/nephoscope/internal/install"
	"github.com/nephoscope/nephoscope/internal/output"
	"github.com/spf13/cobra"
)

const (
	// checkTime is how long one check may take; they are done at the same time.
	checkTime = 9 * time.Second
	// findTime is how long it may take to find out what there is to check.
	findTime = 4 * time.Second
)

type doctorFlags struct {
	configs []string
	common  string
	mode    string
	state   string
	user    string
	only    []string
	offline bool
	asJSON  bool
	bundle  string

	agents struct {
		common, environment string // the files that the running agent was given
		home                string // with which it was started
	}
}

func newDoctor() *cobra.Command {
	var f doctorFlags
	cmd := &cobra.Command{
		Use:   "doctor [CONFIG ...]",
		Short: "Find what keeps the agent from working on this host, and say how to cure it",
		Long: `Doctor looks at the agent that runs with a state folder and at its configuration, or at the configurations that are named
(then the agent need not run): whether they are in order and are what runs, whether the agent's user may read every log file
that matches, state folder, disk, limits, clock, credentials, instance metadata, endpoints, proxies, certificates, and the
permissions that can be asked about without writing anything. It changes nothing, and takes fifteen seconds at most.

Checks: ` + strings.Join(doctor.IDs(), ", ") + `.
To see what the agent sees, be root.

Exit status: 0 nothing failed (there may be warnings), 1 something failed, 2 it could not be done.
` + noJSON,
		Example: `  sudo nephoscope doctor
  sudo nephoscope doctor --user cwagent /opt/aws/amazon-cloudwatch-agent/bin/config.json
  sudo nephoscope doctor --only files,permissions --json
  sudo nephoscope doctor --bundle report.tar.gz`,
		RunE: func(cmd *cobra.Command, configs []string) error {
			f.configs = configs
			return f.run(cmd)
		},
	}
	cmd.Flags().StringVar(&f.state, "state", "", "state `folder` of the agent (default "+askedState(install.Layout{})+")")
	cmd.Flags().StringVar(&f.common, "common-config", "", "credentials and proxy `file` (default the running agent's, else "+(install.Layout{}).Common()+", if it is there)")
	cmd.Flags().StringVar(&f.mode, "mode", "", "where this host is: auto, ec2 or onPremise (default the running agent's, else auto)")
	cmd.Flags().StringVar(&f.user, "user", "", "`name` of the user that the agent runs as (default the running agent's, else agent.run_as_user, else the one who asks)")
	cmd.Flags().StringSliceVar(&f.only, "only", nil, "do these `checks` alone")
	cmd.Flags().BoolVar(&f.offline, "offline", false, "ask nobody on the network")
	cmd.Flags().BoolVar(&f.asJSON, "json", false, "print one JSON document")
	cmd.Flags().StringVar(&f.bundle, "bundle", "", "write all of it, configuration, limits and the end of the agent's log, without secrets, to a new `file` (.tar.gz) for a bug report")
	return cmd
}

func (f *doctorFlags) run(cmd *cobra.Command) error {
	ctx := cmd.Context()
	if ctx == nil {
		ctx = context.Background()
	}
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt)
	defer stop()
	context.AfterFunc(ctx, stop) // asked twice, the process ends where it is
	w, err := f.world(ctx)
	if err != nil {
		return &exitError{exitUnread, err}
	}
	var archive *os.File
	if f.bundle != "" { // before anything takes its time
		if archive, err = newArchive(f.bundle); err != nil {
			return &exitError{exitUnread, err}
		}
	}
	t := doctorTable{w: cmd.OutOrStdout(), live: !f.asJSON && isTerminal(cmd.OutOrStdout())}
	o := doctor.Options{Only: f.only, Offline: f.offline, Timeout: checkTime}
	if !f.asJSON {
		t.header(w)
		o.Begin, o.Told = t.begin, t.result
	}
	results, err := doctor.Examine(ctx, w, o)
	if ctx.Err() != nil {
		err = errors.New("doctor: interrupted")
	}
	if err != nil {
		return &exitError{exitUnread, discard(archive, err)}
	}
	report := doctor.NewReport(w, results)
	if f.asJSON {
		_ = output.JSON(cmd.OutOrStdout(), report)
	} else {
		t.summary(report.Summary)
	}
	if archive != nil {
		out := cmd.OutOrStdout()
		if f.asJSON {
			out = cmd.ErrOrStderr()
		}
		if err := f.pack(out, archive, w, report); err != nil {
			return &exitError{exitUnread, discard(archive, err)}
		}
	}
	if report.Summary.Failed > 0 {
		return &exitError{status: exitMistakes}
	}
	return nil
}

func isTerminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0 && os.Getenv("TERM") != "dumb"
}

// doctorTable prints results as they come.
type doctorTable struct {
	w    io.Writer
	live bool // a terminal: the check that is waited for is shown
}

const titleWidth = 18

func (t *doctorTable) header(w *doctor.World) {
	what := "no configuration"
	if len(w.Sources) > 0 {
		what = strings.Join(w.Sources, ", ")
	}
	running := "no agent runs with " + w.State
	if errors.Is(w.NoStatus, fs.ErrPermission) {
		running = "the agent with " + w.State + " may not be asked"
	}
	if w.Status != nil {
		running = fmt.Sprintf("agent %d with %s", w.Status.PID, w.State)
	}
	t.say("%s; %s; user %s", what, running, w.User.Name)
}

func (t *doctorTable) begin(title string) {
	if t.live {
		fmt.Fprintf(t.w, "...   %s", title)
	}
}

func (t *doctorTable) result(r doctor.Result) {
	if t.live {
		fmt.Fprint(t.w, "\r\x1b[K")
	}
	mark := map[doctor.Outcome]string{doctor.Fine: "ok", doctor.Warning: "warn", doctor.Failed: "FAIL", doctor.Skipped: "-"}[r.Outcome]
	lines := &statusTable{w: t.w}
	lines.wrapped(fmt.Sprintf("%-5s %-*s ", mark, titleWidth, r.Title), t.headline(r))
	for _, f := range r.Findings {
		if r.Outcome == doctor.Fine || r.Outcome == doctor.Skipped {
			return
		}
		if f.What != t.headline(r) {
			lines.wrapped(fmt.Sprintf("      %-5s ", map[doctor.Outcome]string{doctor.Fine: "note", doctor.Warning: "warn", doctor.Failed: "FAIL"}[f.Outcome]), f.What)
		}
		if f.Cure != "" { // in one line, to be copied
			t.say("            → %s", f.Cure)
		}
	}
}

// headline is the finding itself where there is one, else how many there are.
func (t *doctorTable) headline(r doctor.Result) string {
	bad, warned := 0, 0
	for _, f := range r.Findings {
		switch f.Outcome {
		case doctor.Failed:
			bad++
		case doctor.Warning:
			warned++
		}
	}
	if bad+warned <= 1 {
		return r.Says
	}
	var parts []string
	if bad > 0 {
		parts = append(parts, fmt.Sprintf("%d failed", bad))
	}
	if warned > 0 {
		parts = append(parts, output.Count(warned, "warning"))
	}
	return strings.Join(parts, ", ")
}

// say prints a line that no terminal obeys, whatever the names in it are.
func (t *doctorTable) say(format string, args ...any) {
	fmt.Fprintln(t.w, output.Printable(strings.ReplaceAll(fmt.Sprintf(format, args...), "\n", "; ")))
}

func (t *doctorTable) summary(s doctor.Summary) {
	t.say("%d ok, %s, %d failed, %d not looked at", s.Fine, output.Count(s.Warnings, "warning"), s.Failed, s.Skipped)
}

// askStatus asks the agent of a state folder, and does not wait long.
func askStatus(ctx context.Context, state string) (*agent.Status, error) {
	ctx, cancel := context.WithTimeout(ctx, findTime/2)
	defer cancel()
	raw, err := agent.AskStatus(ctx, state, -1)
	if err != nil {
		return nil, err
	}
	var s agent.Status
	if err := json.Unmarshal(raw, &s); err != nil {
		return nil, fmt.Errorf("read status: %w (is the agent of another version?)", err)
	}
	return &s, nil
}
