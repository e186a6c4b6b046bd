package main

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/debug"
	"strings"
	"syscall"

	"github.com/kardianos/service"
	"github.com/nephoscope/nephoscope/agent"
	"github.com/nephoscope/nephoscope/config"
	"github.com/spf13/cobra"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// Where the original keeps what run reads.
const (
	originalConfigs = "/opt/aws/amazon-cloudwatch-agent/etc/amazon-cloudwatch-agent.d"
	originalCommon  = "/opt/aws/amazon-cloudwatch-agent/etc/common-config.toml"
	originalState   = "/opt/aws/amazon-cloudwatch-agent/logs/state"
)

type runFlags struct {
	configs  []string
	common   string
	mode     string
	state    string
	adopt    string
	logLevel string
}

func newRun() *cobra.Command {
	var f runFlags
	cmd := &cobra.Command{
		Use:   "run [--config] FILE|DIR ...",
		Short: "Run the agent in the foreground, or under a service manager",
		Long: `Run collects and ships until it is asked to stop (SIGTERM, Ctrl-C). What the service has not acknowledged by then is
sent by the next run. SIGHUP reads the configuration again: what did not change goes on undisturbed, and a configuration
with mistakes changes nothing.

AWS_ENDPOINT_URL and AWS_ENDPOINT_URL_*, AWS_EC2_METADATA_SERVICE_ENDPOINT, AWS_CA_BUNDLE, HTTPS_PROXY and everything else
that the AWS SDK reads is honoured.`,
		Example: "  nephoscope run --config /etc/nephoscope/config.json --state /var/lib/nephoscope",
		RunE: func(_ *cobra.Command, more []string) error {
			f.configs = append(f.configs, more...)
			return f.run()
		},
	}
	cmd.Flags().StringArrayVar(&f.configs, "config", nil, "configuration `file`, or folder of them; may be repeated (default "+originalConfigs+")")
	cmd.Flags().StringVar(&f.common, "common-config", "", "credentials and proxy `file` (default "+originalCommon+", if it is there)")
	cmd.Flags().StringVar(&f.mode, "mode", string(agent.Auto), "where this host is: auto, ec2 or onPremise")
	cmd.Flags().StringVar(&f.state, "state", "", "`folder` for checkpoints and spooled metrics (default "+defaultState()+")")
	cmd.Flags().StringVar(&f.adopt, "adopt", originalState, "state `folder` of the Amazon CloudWatch agent: files that are new to us go on where it stopped, if it is there; \"\" for none")
	cmd.Flags().StringVar(&f.logLevel, "log-level", "", "debug, info, warn or error (default info, or debug if the configuration says so)")
	return cmd
}

// defaultState is the system's folder for root, else the user's own.
func defaultState() string {
	if os.Geteuid() == 0 {
		return "/var/lib/nephoscope"
	}
	if dir := os.Getenv("XDG_STATE_HOME"); dir != "" {
		return filepath.Join(dir, "nephoscope")
	}
	if dir, err := os.UserConfigDir(); err == nil && os.PathSeparator == '\\' {
		return filepath.Join(dir, "nephoscope")
	}
	home, _ := os.UserHomeDir()
	return filepath.Join(home, ".local", "state", "nephoscope")
}

func (f *runFlags) run() error {
	mode, err := agent.ParseMode(f.mode)
	if err != nil {
		return &exitError{exitUnread, err}
	}
	if len(f.configs) == 0 {
		if _, err := os.Stat(originalConfigs); err != nil {
			return &exitError{exitUnread, fmt.Errorf("no configuration: %s is not there; name one with --config FILE", originalConfigs)}
		}
		f.configs = []string{originalConfigs}
	}
	if f.state == "" {
		f.state = defaultState()
	}
	common, err := f.readCommon()
	if err != nil {
		return &exitError{exitUnread, err}
	}
	adopt, err := f.original()
	if err != nil {
		return &exitError{exitUnread, err}
	}
	setEnvironment(common)
	c, err := config.Load(f.configs...)
	problems, err := problemsOf(c, err)
	if err != nil {
		return &exitError{exitUnread, err}
	}
	if mistakes := onlyMistakes(problems); len(mistakes) > 0 {
		return &exitError{exitMistakes, fmt.Errorf("the configuration has mistakes:\n%w", mistakes)}
	}
	log, level, closeLog, err := f.newLog(c)
	if err != nil {
		return &exitError{exitUnread, err}
	}
	defer closeLog()
	return f.serve(c, agent.Env{
		StateDir: f.state, Adopt: adopt, Mode: mode, Cloud: cloud{common, mode}, Log: log, Version: version, Commit: commit(), ConfigFiles: f.configs,
	}, level)
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
func (f *runFlags) serve(c *config.Config, env agent.Env, level zap.AtomicLevel) error {
	relaxTimers()
	limitMemory(c)
	env.Log.Info("nephoscope "+versionText(), zap.Strings("config", f.configs), zap.String("state", f.state), zap.String("mode", string(env.Mode)))
	a, err := agent.New(env)
	if err != nil {
		return &exitError{exitUnread, err}
	}
	if err := a.Apply(c); err != nil {
		return &exitError{exitMistakes, errors.Join(err, a.Close())}
	}
	p := &program{flags: f, agent: a, control: agent.OpenControl(a), log: env.Log, level: level}
	p.control.Listen(c.Agent.StatusAddress)
	s, err := service.New(p, &service.Config{Name: "nephoscope", DisplayName: "Nephoscope", Description: "Ships metrics and logs to Amazon CloudWatch"})
	if err != nil {
		p.control.Close()
		return &exitError{exitMistakes, errors.Join(err, a.Close())}
	}
	if err := s.Run(); err != nil {
		return &exitError{exitMistakes, err}
	}
	return nil
}

// program is the agent as service managers see it.
type program struct {
	flags   *runFlags
	agent   *agent.Agent
	control *agent.Control
	log     *zap.Logger
	level   zap.AtomicLevel
	hup     chan os.Signal
}

func (p *program) Start(service.Service) error {
	p.hup = make(chan os.Signal, 1)
	signal.Notify(p.hup, syscall.SIGHUP)
	go func() {
		for range p.hup {
			p.reload()
		}
	}()
	return nil
}

func (p *program) Stop(service.Service) error {
	signal.Stop(p.hup)
	close(p.hup)
	p.log.Info("stopping")
	p.control.Close()
	return p.agent.Close()
}

func (p *program) reload() {
	c, err := config.Load(p.flags.configs...)
	if err == nil {
		err = p.agent.Apply(c)
	}
	if err != nil {
		for line := range strings.SplitSeq(err.Error(), "\n") {
			p.log.Error("configuration not applied, the old one goes on: " + line)
		}
		return
	}
	p.level.SetLevel(p.flags.levelOf(c))
	limitMemory(c)
	p.control.Listen(c.Agent.StatusAddress)
}

// original is the state folder of the original agent; "": there is none on this host.
func (f *runFlags) original() (string, error) {
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
	case f.adopt == originalState:
		return "", nil
	}
	return "", fmt.Errorf("adopt %s: %w; name the state folder of the Amazon CloudWatch agent, or leave --adopt away", f.adopt, err)
}

func (f *runFlags) readCommon() (config.CommonConfig, error) {
	path := f.common
	if path == "" {
		if _, err := os.Stat(originalCommon); err != nil {
			common, _, err := config.ParseCommon(originalCommon, nil) // none is as good as an empty one
			return common, err
		}
		path = originalCommon
	}
	src, err := os.ReadFile(path)
	if err != nil {
		return config.CommonConfig{}, fmt.Errorf("read common configuration: %w", err)
	}
	common, warnings, err := config.ParseCommon(path, src)
	for _, w := range warnings {
		fmt.Fprintln(os.Stderr, "warning: "+w.Error())
	}
	return common, err
}

// setEnvironment sets what Go's HTTP client and the SDK read from the environment, where the operator has not: proxies, and
// that the metadata service is asked by IMDSv2 alone.
func setEnvironment(common config.CommonConfig) {
	for name, value := range map[string]string{
		"HTTP_PROXY": common.HTTPProxy, "HTTPS_PROXY": common.HTTPSProxy, "NO_PROXY": common.NoProxy, "AWS_EC2_METADATA_V1_DISABLED": "true",
	} {
		if value != "" && os.Getenv(name) == "" && os.Getenv(strings.ToLower(name)) == "" {
			_ = os.Setenv(name, value) // the names are valid
		}
	}
}

func (f *runFlags) levelOf(c *config.Config) zapcore.Level {
	if level, err := zapcore.ParseLevel(f.logLevel); err == nil && f.logLevel != "" {
		return level
	}
	if c.Agent.Debug {
		return zapcore.DebugLevel
	}
	return zapcore.InfoLevel
}
