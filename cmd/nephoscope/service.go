package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/kardianos/service"
	"github.com/nephoscope/nephoscope/internal/install"
	"github.com/nephoscope/nephoscope/internal/output"
	"github.com/spf13/cobra"
)

// hostService is the agent's service on a host, or in an image under a root folder.
type hostService struct {
	root    string
	manager *manager
	running bool // the manager itself: not in a chroot, nor in an image
	program string
	dryRun  bool
	asJSON  bool
	out     io.Writer
	command func(ctx context.Context, name string, args ...string) (said string, err error)
}

func newService() *cobra.Command {
	var s hostService
	var chosen string
	cmd := &cobra.Command{
		Use:   "service",
		Short: "Install the agent as a service without a package, and start and stop it",
		Long: `Service is for those who unpacked an archive: it has this host's service manager run the agent, from boot on, as the package
does. On systemd that is the package's own unit; OpenRC, upstart, procd (OpenWrt), System V init, launchd (macOS) and Windows
have their equivalents. The service has the original's name, so that its control command and scripts for it work.

If the package is installed, install and uninstall leave everything to it.`,
		Example: `  sudo bin/nephoscope service install
  sudo nephoscope wizard
  sudo nephoscope ctl -a fetch-config -c file:/opt/aws/amazon-cloudwatch-agent/bin/config.json -s
  nephoscope service status`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) (err error) {
			s.root, s.program, s.out, s.command = layoutOf(cmd).Root, thisProgram(), cmd.OutOrStdout(), say
			if !cmd.HasSubCommands() {
				s.manager, s.running, err = findManager(s.root, chosen)
			}
			if err != nil {
				return &exitError{exitUnread, fmt.Errorf("service %s: %w", cmd.Name(), err)}
			}
			return nil
		},
	}
	cmd.PersistentFlags().StringVar(&chosen, "manager", "", "the service `manager`: "+strings.Join(managerNames(), ", ")+" (default: the one that is found)")
	_ = cmd.RegisterFlagCompletionFunc("manager", cobra.FixedCompletions(managerNames(), cobra.ShellCompDirectiveNoFileComp)) // the flag is there
	cmd.PersistentFlags().BoolVar(&s.asJSON, "json", false, "print one JSON document")
	cmd.AddCommand(
		s.changing("install", "Install the service, and have it start at boot", `Install makes what the package would: folders, the names of the original's commands as links in
/opt/aws/amazon-cloudwatch-agent/bin, nephoscope and amazon-cloudwatch-agent-ctl in /usr/local/bin, the user cwagent (on Linux), and the
service. It starts at boot; to start it now: nephoscope service start, or nephoscope ctl -a start.

A program that lies where others than root can write, such as a home folder, is copied to /usr/local/bin: whoever can replace
it would be root. Otherwise it stays where it is.

What install wrote is replaced when it is run again, or by a newer version; it does not restart an agent that runs. Another's
service of that name is left alone. With --root it goes into an image, and nothing is started.

Exit status: 0 it is installed, 1 it is not: something else is in the way, or the package is installed, 2 no service manager
was found, or the command line is wrong.`, s.install),
		s.changing("uninstall", "Stop the service, and remove what install made", `Uninstall removes what install made, and nothing else. State, configuration, logs and the user stay: it says where they are.

Exit status: 0 it is gone, 1 it is not, or the package is installed, 2 no service manager was found, or the command line is
wrong.`, s.uninstall),
		s.steering("start", "Start the service", s.start),
		s.steering("stop", "Stop the service", s.stop),
		s.steering("restart", "Stop the service and start it again", s.restart),
		s.steering("status", "Say whether the service is installed, starts at boot and runs", s.status),
	)
	return cmd
}

// changing is install or uninstall.
func (s *hostService) changing(name, short, long string, do func(context.Context) error) *cobra.Command {
	cmd := &cobra.Command{
		Use: name, Short: short, Long: long, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return s.do(cmd, do) },
	}
	cmd.Flags().BoolVar(&s.dryRun, "dry-run", false, "say what would be done, with the service's file, and do nothing")
	addRoot(cmd)
	return cmd
}

// steering is a command to a service that is installed.
func (s *hostService) steering(name, short string, do func(context.Context) error) *cobra.Command {
	long := short + ", by the service manager of this host.\n\nExit status: 0 fine, 1 the service manager refused or the service did not stay up, 2 no service manager was found."
	if name == "status" {
		long = short + `, which file it is of and which program it starts. What the agent itself
has to say is another command: nephoscope status.

Exit status: 0 it runs, 1 it is not installed or does not run, 2 that could not be found out.`
	}
	return &cobra.Command{
		Use: name, Short: short, Long: long, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return s.do(cmd, do) },
	}
}

func (s *hostService) do(cmd *cobra.Command, do func(context.Context) error) error {
	err := do(contextOf(cmd))
	if err == nil {
		return nil
	}
	status := exitMistakes
	if own, ok := errors.AsType[*exitError](err); ok {
		if own.err == nil {
			return own
		}
		status, err = own.status, own.err
	}
	err = install.Denied(fmt.Errorf("service %s: %w", cmd.Name(), err))
	if s.asJSON {
		_ = output.JSON(s.out, struct {
			OK    bool   `json:"ok"`
			Error string `json:"error"`
		}{false, err.Error()})
		err = nil
	}
	return &exitError{status, err}
}

// start, stop and restart say what the service manager says when it refuses.
func (s *hostService) start(ctx context.Context) error   { return s.steer(ctx, actionStart) }
func (s *hostService) stop(ctx context.Context) error    { return s.steer(ctx, actionStop) }
func (s *hostService) restart(ctx context.Context) error { return s.steer(ctx, actionRestart) }

func (s *hostService) steer(ctx context.Context, a action) error {
	state, err := s.state(ctx)
	switch {
	case err != nil:
		return err
	case !state.Installed:
		return fmt.Errorf("%s has no service %s (install it: sudo nephoscope service install)", s.manager.title, s.manager.service)
	case !s.running:
		return fmt.Errorf("%s does not run here: is this a chroot or a container? (run the agent by yourself: nephoscope run)", s.manager.title)
	}
	if err := s.order(ctx, a); err != nil {
		return err
	}
	wanted := a != actionStop
	after, err := s.state(ctx)
	for look := 0; err == nil && wanted && after.Running && look < 10 && !s.configured(); look++ {
		time.Sleep(200 * time.Millisecond) // an agent without a configuration ends by itself
		after, err = s.state(ctx)
	}
	if err != nil {
		return err
	}
	if s.asJSON {
		err := output.JSON(s.out, struct {
			OK bool `json:"ok"`
			serviceState
		}{after.Running == wanted, after})
		if err == nil && after.Running != wanted {
			err = &exitError{status: exitMistakes}
		}
		return err
	}
	switch {
	case after.Running == wanted && a == actionStop:
		fmt.Fprintln(s.out, s.manager.service+" is stopped")
	case after.Running == wanted:
		fmt.Fprintln(s.out, s.manager.service+" runs; what it does: nephoscope status")
	case a == actionStop:
		return fmt.Errorf("%s still runs", s.manager.service)
	default:
		return s.ended()
	}
	return nil
}

// configured tells whether a configuration is stored, as far as it may be known.
func (s *hostService) configured() bool {
	names, err := (install.Layout{Root: s.root}).Stored()
	return err != nil || len(names) > 0
}

// ended says why a service may have ended as soon as it was started.
func (s *hostService) ended() error {
	if !s.configured() {
		return errors.New("it ended, as there is no configuration yet (make one: sudo nephoscope wizard; then sudo nephoscope ctl -a fetch-config -c file:" + (install.Layout{}).WizardConfig() + " -s)")
	}
	return errors.New("it did not stay up (see why: " + s.manager.log + ")")
}

// order has the service manager do something.
func (s *hostService) order(ctx context.Context, a action) error {
	line := s.manager.commands[a]
	if line == nil {
		own, err := s.library()
		if err == nil {
			err = service.Control(own, string(a))
		}
		return err
	}
	said, err := s.command(ctx, line[0], line[1:]...)
	if err == nil {
		return nil
	}
	said = cmp.Or(strings.TrimSpace(said), err.Error())
	hint := s.manager.log
	switch {
	case errors.Is(err, exec.ErrNotFound):
		return fmt.Errorf("%w (is %s this host's service manager? name another with --manager)", err, s.manager.title)
	case os.Geteuid() > 0:
		return fmt.Errorf("%s: %s (try sudo)", strings.Join(line, " "), said)
	case a == actionStop:
		hint = "nephoscope service status"
	}
	return fmt.Errorf("%s: %s (see why: %s)", strings.Join(line, " "), said, hint)
}

// say runs a command and returns all that it says.
func say(ctx context.Context, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = append(os.Environ(), "LC_ALL=C") // what it says is read here
	out, err := cmd.CombinedOutput()
	return string(out), err
}
