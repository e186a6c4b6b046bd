package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"regexp"
	"strings"
	"time"

	"github.com/nephoscope/nephoscope/agent"
	"github.com/nephoscope/nephoscope/config"
	"github.com/nephoscope/nephoscope/internal/explain"
	"github.com/nephoscope/nephoscope/internal/install"
	"github.com/nephoscope/nephoscope/internal/output"
	"github.com/spf13/cobra"
)

type explainFlags struct {
	asJSON, all, freeTier bool
	policy                string // whose; policyOfHost: the host's own
	sample                time.Duration
	prices                string
	parameter, account    string
	mode, state, common   string
}

// policyOfHost is what --policy without a value stands for.
const policyOfHost = "true"

// policyFlag is a switch that may have a value. Only of switches does the help not print what stands for none.
type policyFlag string

func (p *policyFlag) String() string { return string(*p) }

func (p *policyFlag) Set(whose string) error {
	*p = policyFlag(whose)
	return nil
}

func (p *policyFlag) Type() string { return "bool" }

func newExplain() *cobra.Command {
	var f explainFlags
	cmd := &cobra.Command{
		Use:   "explain [FILE|DIR|- ...]",
		Short: "Say what a configuration would send from this host, which permissions that takes, and what it costs",
		Long: `Explain says, without starting anything:

  - every metric that this host would send, with its final name, dimensions, unit and interval
  - every log file that matches now, its group and stream, and where reading would start
  - limits of the service that would be hit
  - the bill for a month, estimated, with what costs most
  - the smallest IAM policy, and advice

It needs no credentials and asks no network, not even the metadata service: what only the instance knows is shown as
${aws:InstanceId} and {instance_id}. Nothing is written. Without a path, the installed configuration is explained.
Run it as the user that the agent runs as, and it finds the files that the agent would.

Exit status: 0 fine, 1 mistakes in the configuration (as check prints them), 2 something could not be read.
` + noJSON,
		Example: `  nephoscope explain config.json
  nephoscope explain --sample 30s --json config.json
  nephoscope explain --policy --account 111122223333 config.json > policy.json`,
		RunE: func(cmd *cobra.Command, paths []string) error { return f.run(cmd, paths) },
	}
	flags := cmd.Flags()
	flags.BoolVar(&f.asJSON, "json", false, "print one JSON document (docs/explain.md says what is in it)")
	flags.BoolVar(&f.all, "all", false, "list every series and every file")
	flags.Var((*policyFlag)(&f.policy), "policy", "print nothing but the smallest IAM policy for the host's own credentials, or with --policy=ARN for that role of the configuration")
	flags.Lookup("policy").NoOptDefVal = policyOfHost
	flags.StringVar(&f.account, "account", "", "the account's `number`, to be named in the policy (default any)")
	flags.StringVar(&f.parameter, "with-ssm", "", "the configuration is fetched from this `parameter` of Parameter Store: allow that too")
	flags.DurationVar(&f.sample, "sample", 0, "watch the log files grow for so long, instead of going by their sizes and ages")
	flags.StringVar(&f.prices, "prices", "", "a `file` with other prices than those of us-east-1")
	flags.BoolVar(&f.freeTier, "free-tier", false, "take off what is free for an account each month")
	flags.StringVar(&f.mode, "mode", string(agent.Auto), "where this host is: auto, ec2 or onPremise")
	flags.StringVar(&f.state, "state", "", "the agent's state `folder`, where it remembers how far it has read (default "+stateOf(install.Layout{})+")")
	flags.StringVar(&f.common, "common-config", "", "credentials and proxy `file`; it may name the region's profile (default "+(install.Layout{}).Common()+", if it is there)")
	addRoot(cmd)
	return cmd
}

var accountNumber = regexp.MustCompile(`^[0-9]{12}$`)

func (f *explainFlags) run(cmd *cobra.Command, paths []string) error {
	o, beside, err := f.options(layoutOf(cmd))
	if err != nil {
		return &exitError{exitUnread, err}
	}
	if len(paths) == 0 {
		installed, err := installedConfigs(layoutOf(cmd))
		if err != nil {
			return &exitError{exitUnread, fmt.Errorf("explain: %w; name a file, a folder of them, or - for standard input", err)}
		}
		paths = []string{installed}
	}
	c, err := config.Load(paths...)
	problems, err := problemsOf(c, err)
	if err != nil {
		return &exitError{exitUnread, err}
	}
	problems = withUser(c, problems)
	if mistakes := len(onlyMistakes(problems)); mistakes > 0 {
		if f.asJSON {
			printJSON(cmd.OutOrStdout(), problems, mistakes)
		} else {
			printProblems(cmd.OutOrStdout(), problems, mistakes)
		}
		return &exitError{status: exitMistakes}
	}
	c.Warnings = append(beside, problems...)
	_ = os.Setenv("AWS_EC2_METADATA_DISABLED", "true") // the SDK would ask for the region, if AWS_DEFAULTS_MODE is auto
	ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt)
	defer stop()
	context.AfterFunc(ctx, stop) // asked twice, the process ends where it is
	done := sayBusy(cmd.ErrOrStderr(), f.sample)
	r, err := explain.Explain(ctx, c, o)
	done()
	if errors.Is(err, context.Canceled) {
		return &exitError{exitUnread, errors.New("explain: interrupted")}
	}
	if err != nil {
		return &exitError{exitUnread, fmt.Errorf("explain: %w", err)}
	}
	err = f.print(cmd.OutOrStdout(), r)
	if _, own := errors.AsType[*exitError](err); err != nil && !own {
		return &exitError{exitUnread, fmt.Errorf("explain: %w", err)}
	}
	return err
}

// options also returns the warnings of what stands beside the configuration.
func (f *explainFlags) options(l install.Layout) (o explain.Options, warnings []config.Problem, err error) {
	mode, err := agent.ParseMode(f.mode)
	switch {
	case err != nil:
		return o, nil, err
	case f.account != "" && !accountNumber.MatchString(f.account):
		return o, nil, fmt.Errorf("--account %s: an account's number has twelve digits", f.account)
	case f.sample < 0 || f.sample > time.Hour:
		return o, nil, fmt.Errorf("--sample %s: from 1s to 1h", f.sample)
	}
	if f.prices != "" {
		if o.Prices, err = explain.ReadPrices(f.prices); err != nil {
			return o, nil, err
		}
	}
	beside, err := readFilesBeside(l, f.common, "")
	if err != nil {
		return o, nil, err
	}
	o.Env, o.FreeTier, o.Sample, o.Account, o.Parameter = f.env(l, mode, beside.common), f.freeTier, f.sample, f.account, f.parameter
	return o, beside.warnings, nil
}

// env is where the agent of an installation keeps what it remembers, and finds its region.
func (f *explainFlags) env(l install.Layout, mode agent.Mode, common config.CommonConfig) agent.Env {
	return agent.Env{StateDir: cmp.Or(f.state, stateOf(l)), Adopt: l.OriginalState(), Mode: mode, Cloud: cloud{common, mode}}
}

func (f *explainFlags) print(w io.Writer, r *explain.Report) error {
	switch {
	case f.policy != "":
		return f.printPolicy(w, r)
	case f.asJSON:
		return output.JSON(w, r)
	}
	return r.Write(w, f.all)
}

func (f *explainFlags) printPolicy(w io.Writer, r *explain.Report) error {
	role := f.policy
	if role == policyOfHost {
		role = ""
	}
	var others []string
	for _, p := range r.Permissions {
		if p.Role == role {
			return output.JSON(w, p.Policy)
		}
		if p.Role != "" {
			others = append(others, "--policy="+p.Role)
		}
	}
	if role == "" {
		return &exitError{exitMistakes, errors.New("this configuration needs no permission: it sends nothing")}
	}
	return &exitError{exitUnread, fmt.Errorf("--policy=%s: the configuration names no such role (there is %s)", role, cmp.Or(strings.Join(others, ", "), "none"))}
}

// sayBusy tells somebody at a terminal that there is something to wait for, when it takes long. done ends that.
func sayBusy(w io.Writer, sample time.Duration) (done func()) {
	info, err := os.Stderr.Stat()
	if err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return func() {}
	}
	ended, quiet := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(quiet)
		began, tick := time.Now(), time.NewTicker(time.Second)
		defer tick.Stop()
		for said := false; ; said = true {
			select {
			case <-ended:
				if said {
					fmt.Fprint(w, "\r\x1b[K")
				}
				return
			case <-tick.C:
				text := "looking at this host"
				if left := sample - time.Since(began); left > 0 {
					text = fmt.Sprintf("watching the log files grow, %s left", left.Round(time.Second))
				}
				fmt.Fprintf(w, "\r\x1b[K%s …", text)
			}
		}
	}()
	return func() {
		close(ended)
		<-quiet
	}
}

// previewOf is what the wizard shows of a configuration that it has made: what will be sent, and what that costs.
func previewOf(ctx context.Context, mode string, src []byte) (string, error) {
	where, err := agent.ParseMode(mode)
	if err != nil {
		return "", err
	}
	return explain.Preview(ctx, "the configuration", src, explain.Options{
		Env: agent.Env{StateDir: stateOf(install.Layout{}), Adopt: install.Layout{}.OriginalState(), Mode: where},
	})
}
