package install

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/nephoscope/nephoscope/agent"
	"github.com/nephoscope/nephoscope/config"
	"github.com/nephoscope/nephoscope/internal/durable"
	"github.com/nephoscope/nephoscope/internal/output"
)

// header is the line that scripts look for.
const header = "****** processing amazon-cloudwatch-agent ******"

// Control is the control command at work on an installation.
type Control struct {
	Layout  Layout
	State   string // the agent's state folder
	Version string
	Program string // what starts the agent by hand, when its command line follows
	// Check tells everything that is wrong with what config.LoadDocuments returned; the error, that it could not be told.
	Check func(*config.Config, error) ([]config.Problem, error)
	// Fetch returns a parameter of SSM Parameter Store.
	Fetch func(ctx context.Context, name string, mode agent.Mode) (string, error)
	// Status asks the agent of a state folder; errors.Is(err, agent.ErrNotRunning) if there is none.
	Status func(ctx context.Context, stateDir string) (agent.Status, error)
	Reload func(ctx context.Context, stateDir string) (agent.Reloaded, error)
	// Systemctl runs systemctl and returns what it printed; nil: systemd does not run here.
	Systemctl func(ctx context.Context, args ...string) (string, error)
	Out, Err  io.Writer
	Patience  time.Duration // for an agent to come up or to end; 0: 20 s

	quiet  bool // what is said is in the report alone
	report report
}

// report is what an action did: --json prints it.
type report struct {
	Action         string           `json:"action"`
	Changed        bool             `json:"changed"`          // anything at all
	Configurations []string         `json:"configurations"`   // stored in the end
	Agent          string           `json:"agent,omitempty"`  // reloaded, started, stopped
	Reload         *agent.Reloaded  `json:"reload,omitempty"` // of a running agent
	Problems       []config.Problem `json:"problems,omitempty"`
	Error          string           `json:"error,omitempty"`
}

// Do does what the options ask for. Everything that it has to say is said when it returns, but the error.
func (c *Control) Do(ctx context.Context, o Options) error {
	if o.Action == "status" || o.Action == "status-with-workloads" {
		return Denied(c.printStatus(ctx, o.Action == "status-with-workloads"))
	}
	c.quiet, c.report = o.JSON, report{Action: o.Action}
	err := Denied(c.do(ctx, o))
	c.report.Configurations, _ = c.Layout.Stored() // who could not read it has been told, if it mattered
	if err != nil {
		c.report.Error = err.Error()
	}
	if c.quiet {
		return errors.Join(err, output.JSON(c.Out, c.report))
	}
	c.tellWarnings() // with an error too: a misspelt key is often the reason for it
	if err == nil {
		c.say("result: %s", map[bool]string{true: "changed", false: "already in place"}[c.report.Changed])
	}
	return err
}

func (c *Control) do(ctx context.Context, o Options) error {
	switch o.Action {
	case "start":
		c.say("\n%s", header)
		return c.startAction(ctx, o)
	case "stop":
		c.say("\n%s", header)
		return c.stop(ctx)
	case "fetch-config", "append-config", "remove-config":
		c.say(header)
		return c.configure(ctx, o)
	case "set-log-level":
		return c.setVariables(ctx, []string{config.LogLevelVariable + "=" + o.Level}, "Set "+config.LogLevelVariable+" to "+o.Level)
	case "set-env":
		return c.setVariables(ctx, o.Variables, "")
	}
	return c.packaging(ctx, o)
}

func (c *Control) say(format string, args ...any) {
	if !c.quiet {
		fmt.Fprintf(c.Out, format+"\n", args...)
	}
}

func (c *Control) warn(format string, args ...any) { fmt.Fprintf(c.Err, format+"\n", args...) }

// turn makes the folders and waits for its turn to write into them.
func (c *Control) turn(ctx context.Context) (done func(), err error) {
	if err := durable.MakePublicDir(c.Layout.Configs()); err != nil {
		return nil, err
	}
	lock := filepath.Join(c.Layout.Etc(), ".amazon-cloudwatch-agent-ctl.lock")
	done, err = durable.Turn(ctx, lock, func() { c.warn("waiting for another amazon-cloudwatch-agent-ctl to finish") })
	if err != nil {
		return nil, err
	}
	for _, dir := range []string{c.Layout.Etc(), c.Layout.Configs()} {
		if err := durable.RemoveStray(dir); err != nil { // of a command that was killed
			c.warn("warning: %v", err)
		}
	}
	return done, nil
}

// Denied adds what to do about a lack of rights.
func Denied(err error) error {
	if errors.Is(err, os.ErrPermission) && os.Geteuid() > 0 && !strings.Contains(err.Error(), "(try sudo)") { // some say it themselves
		return fmt.Errorf("%w (try sudo)", err)
	}
	return err
}
