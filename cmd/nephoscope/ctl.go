package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/nephoscope/nephoscope/agent"
	"github.com/nephoscope/nephoscope/config"
	"github.com/nephoscope/nephoscope/internal/awsapi"
	"github.com/nephoscope/nephoscope/internal/install"
	"github.com/spf13/cobra"
)

func newCtl() *cobra.Command {
	return &cobra.Command{
		Use:   "ctl -a ACTION [-m MODE] [-c SOURCE] [-s] ...",
		Short: "Store configurations, and start, stop and ask the agent: amazon-cloudwatch-agent-ctl",
		Long:  install.Usage("nephoscope ctl"),
		// The original's options come in clusters and with values of their own kind.
		DisableFlagParsing: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			name := cmd.CommandPath()
			if calledBy(os.Args[0]) == ctlName {
				name = ctlName
			}
			o, err := install.ParseOptions(args)
			if err != nil {
				fmt.Fprintf(cmd.ErrOrStderr(), "%v\nSee %s -h.\n", err, name)
				return &exitError{status: exitMistakes}
			}
			if o.Help {
				fmt.Fprint(cmd.OutOrStdout(), install.Usage(name))
				return nil
			}
			ctl := controlOf(o)
			ctl.Out, ctl.Err = cmd.OutOrStdout(), cmd.ErrOrStderr()
			if err := ctl.Do(contextOf(cmd), o); err != nil {
				fmt.Fprintln(ctl.Err, err)
				return &exitError{status: exitMistakes}
			}
			return nil
		},
	}
}

func contextOf(cmd *cobra.Command) context.Context {
	if ctx := cmd.Context(); ctx != nil {
		return ctx
	}
	return context.Background()
}

// controlOf is the control command of an installation, with everything that it needs of the world.
func controlOf(o install.Options) *install.Control {
	layout := install.Layout{Root: o.Root}
	ctl := &install.Control{
		Layout: layout, State: cmp.Or(o.State, layout.State()), Version: version, Program: runProgram(),
		Status: statusOf, Reload: agent.Reload,
		Check: func(c *config.Config, err error) ([]config.Problem, error) {
			problems, err := problemsOf(c, err)
			return onThisHost(context.Background(), layout, c, problems, lenient), err
		},
		Fetch: func(ctx context.Context, name string, mode agent.Mode) (string, error) {
			return parameter(ctx, layout, name, mode, o.Dualstack)
		},
	}
	// What sd_booted(3) asks. An image under a root folder is no running system.
	if _, err := os.Stat("/run/systemd/system"); err == nil && o.Root == "" {
		ctl.Systemctl = systemctl
	} else if o.Root == "" {
		ctl.Systemctl = inPlaceOfSystemctl()
	}
	return ctl
}

// runProgram is what to type for this command's run.
func runProgram() string {
	program := thisProgram()
	if base := filepath.Base(program); base != "nephoscope" && base != agentName {
		return "nephoscope"
	}
	return program
}

// thisProgram is this program's file.
func thisProgram() string {
	path, err := os.Executable()
	if err != nil { // no /proc
		path, _ = exec.LookPath(os.Args[0])
		path, _ = filepath.EvalSymlinks(path)
		path, _ = filepath.Abs(path)
	}
	return cmp.Or(path, "nephoscope")
}

func systemctl(ctx context.Context, args ...string) (string, error) {
	out, err := exec.CommandContext(ctx, "systemctl", args...).CombinedOutput()
	return string(out), err
}

// statusOf asks the agent of a state folder.
func statusOf(ctx context.Context, state string) (s agent.Status, err error) {
	if agent.CheckSocketPath(agent.SocketPath(state)) != nil {
		return s, agent.ErrNotRunning // none can have been made
	}
	raw, err := agent.AskStatus(ctx, state, 0)
	if err == nil {
		err = json.Unmarshal(raw, &s)
	}
	return s, err
}

// parameter reads one from SSM Parameter Store, with the credentials, proxies and variables that the agent has.
func parameter(ctx context.Context, layout install.Layout, name string, mode agent.Mode, dualstack bool) (string, error) {
	beside, err := readFilesBeside(layout, "", "")
	if err != nil {
		return "", err
	}
	for _, w := range beside.warnings {
		fmt.Fprintln(os.Stderr, "warning: "+w.Error())
	}
	if dualstack {
		_ = os.Setenv("AWS_USE_DUALSTACK_ENDPOINT", "true")
	}
	account, err := regional(ctx, cloud{beside.common, mode})
	if err != nil {
		return "", err
	}
	return account.Parameters().Get(ctx, name)
}

// regional is an account with a region: what is set, else the instance's.
func regional(ctx context.Context, way cloud) (awsapi.Account, error) {
	account, err := way.open(ctx, agent.Destination{})
	if err != nil || account.Region() != "" {
		return account, err
	}
	region := account.FallbackRegion()
	if region == "" && way.mode == agent.OnPremise {
		return account, errors.New("the region is not known (set AWS_REGION, or a region in the profile " + onPremiseProfile + ")")
	}
	if region == "" {
		i, err := account.EC2().Instance(ctx)
		if err != nil {
			return account, fmt.Errorf("find out the region: %w (set AWS_REGION or a region in the profile; on EC2 the metadata service tells it)", err)
		}
		region = i.Region
	}
	return way.open(ctx, agent.Destination{Region: region})
}
