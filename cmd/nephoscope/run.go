package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"syscall"
	"time"

	"github.com/kardianos/service"
	"github.com/nephoscope/nephoscope/agent"
	"github.com/nephoscope/nephoscope/config"
	"github.com/nephoscope/nephoscope/internal/install"
	"github.com/spf13/cobra"
	"go.uber.org/zap"
)

type runFlags struct {
	layout    install.Layout
	configs   []string
	common    string
	envConfig string
	mode      string
	state     string
	adopt     string
	logLevel  string
	patience  time.Duration // of a reload
	strict    bool
	noReadAll bool
	user      string // who to be if the configuration does not say
	logFile   string // where to log, the same

	typed []config.Document // what standard input said
}

func newRun() *cobra.Command {
	var f runFlags
	var usual install.Layout
	cmd := &cobra.Command{
		Use:   "run [--config] FILE|DIR ...",
		Short: "Run the agent in the foreground, or under a service manager",
		Long: `Run collects and ships until it is asked to stop (SIGTERM, Ctrl-C). What the service has not acknowledged by then is
sent by the next run.

SIGHUP, or nephoscope ctl, has it read everything again: configuration, common-config.toml and env-config.json. What did not
change goes on undisturbed. If there are mistakes, or the new configuration is not up within --reload-timeout, the old one
goes on; nephoscope status says why. A service that is away is no reason.

A configuration with mistakes at the start is replaced by the last one that came up, loudly; --strict refuses instead.

Started as root with agent.run_as_user, or --user, it becomes that user before it opens anything, and keeps one thing of root's:
reading any file (CAP_DAC_READ_SEARCH), so that log files need no other permissions. --no-read-all gives that up as well.

Under systemd it says when it is up, what it does and when it stops, and pings the watchdog while it works (Type=notify). Without
any configuration it says there how to make one, and ends well.

AWS_ENDPOINT_URL and AWS_ENDPOINT_URL_*, AWS_EC2_METADATA_SERVICE_ENDPOINT, AWS_CA_BUNDLE, HTTPS_PROXY and everything else
that the AWS SDK reads is honoured, in the process's environment and in env-config.json.`,
		Example: "  nephoscope run --config /etc/nephoscope/config.json --state /var/lib/nephoscope",
		RunE: func(cmd *cobra.Command, more []string) error {
			f.configs = append(f.configs, more...)
			f.layout = layoutOf(cmd)
			err := f.run()
			if err != nil {
				managerOf(os.Getenv).tell(statusLine("not running: " + err.Error()))
			}
			return err
		},
	}
	cmd.Flags().StringArrayVar(&f.configs, "config", nil, "configuration `file`, or folder of them; may be repeated (default "+usual.Configs()+")")
	cmd.Flags().StringVar(&f.common, "common-config", "", "credentials and proxy `file` (default "+usual.Common()+", if it is there)")
	cmd.Flags().StringVar(&f.envConfig, "env-config", "", "environment variables `file` (default "+usual.Environment()+", if it is there)")
	cmd.Flags().StringVar(&f.mode, "mode", string(agent.Auto), "where this host is: auto, ec2 or onPremise")
	cmd.Flags().StringVar(&f.state, "state", "", "`folder` for checkpoints and spooled metrics (default "+stateOf(usual)+")")
	cmd.Flags().StringVar(&f.adopt, "adopt", usual.OriginalState(), "state `folder` of the Amazon CloudWatch agent: files that are new to us go on where it stopped, if it is there; \"\" for none")
	cmd.Flags().StringVar(&f.logLevel, "log-level", "", "debug, info, warn, error or off (default: "+config.LogLevelVariable+", else debug if the configuration says so, else info)")
	cmd.Flags().DurationVar(&f.patience, "reload-timeout", 30*time.Second, "how long a new configuration may take to come up")
	cmd.Flags().BoolVar(&f.strict, "strict", false, "refuse to start with mistakes, rather than with the last good configuration")
	cmd.Flags().BoolVar(&f.noReadAll, "no-read-all", false, "as agent.run_as_user, read only what that user may read")
	cmd.Flags().StringVar(&f.user, "user", "", "`name` of the user to be if agent.run_as_user is not set; for root alone")
	cmd.Flags().StringVar(&f.logFile, "log-file", "", "`file` to log to if agent.logfile is not set (default standard error)")
	addRoot(cmd)
	return cmd
}

// userFor is who the agent is to be; "": whoever has started it.
func (f *runFlags) userFor(c *config.Config) string { return cmp.Or(c.Agent.RunAsUser, f.user) }

// logFor is the agent's own log; "": standard error.
func (f *runFlags) logFor(c *config.Config) string { return cmp.Or(c.Agent.LogFile, f.logFile) }

// startTakes is when the program has long been up; what only its start needed can go. Later it is what only the last flush
// needed: half as much again as what every collection does.
const startTakes, flushTakes = 10 * time.Second, 30 * time.Second

// letGo has pages go after the start, and then again and again: what is in use is back within a millisecond.
func letGo(all pages) {
	all.letGo()
	time.AfterFunc(flushTakes, func() { letGo(all) })
}

// stateOf is the state folder of an installation: the system's for root, else the user's own.
func stateOf(l install.Layout) string {
	if l.Root != "" || os.Geteuid() == 0 || runtime.GOOS == "windows" { // where there is one place for whoever runs a service
		return l.State()
	}
	if dir := os.Getenv("XDG_STATE_HOME"); dir != "" {
		return filepath.Join(dir, "nephoscope")
	}
	home, _ := os.UserHomeDir()
	return filepath.Join(home, ".local", "state", "nephoscope")
}

// askedState is the state folder whose agent those who ask mean: where they have none of their own, the system's.
func askedState(l install.Layout) string {
	if own := stateOf(l); isThere(own) || !isThere(l.State()) {
		return own
	}
	return l.State()
}

func (f *runFlags) run() error {
	manager := managerOf(os.Getenv)
	if manager.listens() && f.unconfigured() {
		fmt.Fprintln(os.Stderr, howToConfigure)
		manager.tell("READY=1", statusLine(howToConfigure))
		return nil
	}
	if err := f.complete(); err != nil {
		return &exitError{exitUnread, err}
	}
	adopt, err := f.original()
	if err != nil {
		return &exitError{exitUnread, err}
	}
	r := &reloader{flags: f, manager: manager, renewed: make(chan struct{}, 1)}
	refused, err := r.boot()
	if err != nil {
		return err
	}
	r.user, r.mode = f.userFor(r.now.config), r.now.mode
	relaxTimers() // while that is permitted
	own := ownPages()
	time.AfterFunc(startTakes, func() { letGo(own) })
	pidErr := writePID(os.Getenv("RUNTIME_DIRECTORY")) // while that is permitted
	notes, err := f.becomeUser(r.now.config, &r.environment)
	if err != nil {
		return &exitError{exitMistakes, err}
	}
	if pidErr != nil {
		notes = append(notes, pidErr.Error())
	}
	var strayed error
	if r.log, strayed = newLog(f.logFor(r.now.config), r.now.level); strayed != nil {
		notes = append(notes, strayed.Error()+"; the log goes to standard error")
	} else if path := f.logFor(r.now.config); manager.listens() && path != "" {
		fmt.Fprintln(os.Stderr, "the log is "+path)
	}
	defer r.log.Close()
	r.cloud = newLiveCloud(cloud{r.now.common, r.mode})
	r.log.Info("nephoscope "+versionText(), zap.Strings("config", f.configs), zap.String("state", f.state), zap.String("mode", string(r.mode)), zap.String("user", self()))
	for _, n := range notes {
		r.log.Warn(n)
	}
	r.tellBoot(refused)
	return r.serve(agent.Env{
		StateDir: f.state, Adopt: adopt, Mode: r.mode, Cloud: r.cloud, Log: r.log.Logger, Version: version, Commit: commit(), ConfigFiles: f.configs,
		Configuration: r.tell,
	})
}

// complete fills in what the command line leaves open.
func (f *runFlags) complete() error {
	if _, err := agent.ParseMode(f.mode); err != nil {
		return err
	}
	if _, ok := parseLevel(f.logLevel); !ok && f.logLevel != "" {
		return fmt.Errorf("unknown log level %q (debug, info, warn, error or off)", f.logLevel)
	}
	if f.patience <= 0 {
		return fmt.Errorf("reload timeout %v: nothing comes up in no time (--reload-timeout 30s)", f.patience)
	}
	if len(f.configs) == 0 {
		usual, err := installedConfigs(f.layout)
		if err != nil {
			return fmt.Errorf("%w; name one with --config FILE", err)
		}
		f.configs = []string{usual}
	}
	if f.state == "" {
		f.state = stateOf(f.layout)
	}
	return nil
}

// absolute is what configs are called from anywhere.
func (f *runFlags) absolute() (paths []string) {
	for _, p := range f.configs {
		if whole, err := filepath.Abs(p); err == nil && p != "-" && !strings.HasPrefix(p, config.FromEnvironment) {
			p = whole
		}
		paths = append(paths, p)
	}
	return paths
}

// tightMemory is from where on the garbage collector works harder rather than have the process grow: at a start with ten
// thousand files. Twenty files at full speed, which fill all lanes, cost the same with it and without.
const tightMemory = 72 << 20

// limitMemory leaves a larger memory budget its room, and an operator's GOMEMLIMIT alone.
func limitMemory(c *config.Config) {
	if os.Getenv("GOMEMLIMIT") != "" {
		return
	}
	limit := int64(tightMemory)
	if c.Logs != nil {
		limit += 2 * max(c.Logs.MemoryBudget-config.DefaultMemoryBudget, 0)
	}
	debug.SetMemoryLimit(limit)
}

// serve runs the agent until the service manager, or the terminal, asks it to stop.
func (r *reloader) serve(env agent.Env) error {
	c := r.now.config
	limitMemory(c)
	a, err := agent.New(env)
	if err != nil {
		return &exitError{exitUnread, err}
	}
	if err := a.Apply(c); err != nil {
		return &exitError{exitMistakes, errors.Join(err, a.Close())}
	}
	r.agent = a
	r.mu.Lock() // the first to ask for a reload may be there before the control is
	r.control = agent.OpenControl(a, r.reload)
	if err := r.control.Listen(c.Agent.StatusAddress); err != nil {
		env.Log.Warn("the agent works without its status_address", zap.Error(err))
	}
	r.mu.Unlock()
	p := &program{reloader: r}
	s, err := service.New(p, &service.Config{Name: ownServiceName(), DisplayName: "Nephoscope", Description: serviceDescription})
	if err != nil {
		r.control.Close()
		return &exitError{exitMistakes, errors.Join(err, a.Close())}
	}
	if err := s.Run(); err != nil {
		return &exitError{exitMistakes, err}
	}
	return nil
}

// program is the agent as service managers see it.
type program struct {
	*reloader
	hup   chan os.Signal
	leave context.CancelFunc // ends what attends to the service manager
}

func (p *program) Start(service.Service) error {
	p.hup = make(chan os.Signal, 1)
	signal.Notify(p.hup, syscall.SIGHUP)
	go func() {
		for range p.hup {
			p.reload()
		}
	}()
	go p.keepWhenUp()
	var ctx context.Context
	ctx, p.leave = context.WithCancel(context.Background())
	p.attend(ctx)
	return nil
}

func (p *program) Stop(service.Service) error {
	p.manager.tell("STOPPING=1", statusLine("stopping"))
	p.leave()
	signal.Stop(p.hup)
	close(p.hup)
	p.log.Info("stopping")
	p.control.Close()
	return p.agent.Close()
}

// original is the state folder of the original agent; "": there is none on this host.
func (f *runFlags) original() (string, error) {
	usual := install.Layout{}.OriginalState()
	if f.adopt == usual && f.layout.Root != "" {
		f.adopt, usual = f.layout.OriginalState(), f.layout.OriginalState()
	}
	if f.adopt == "" {
		return "", nil
	}
	info, err := os.Stat(f.adopt)
	if err == nil && !info.IsDir() {
		err = errors.New("not a folder")
	}
	switch {
	case err == nil:
		return f.adopt, nil
	case f.adopt == usual:
		return "", nil
	}
	return "", fmt.Errorf("adopt %s: %w; name the state folder of the Amazon CloudWatch agent, or leave --adopt away", f.adopt, err)
}
