package install

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/nephoscope/nephoscope/agent"
	"github.com/nephoscope/nephoscope/internal/durable"
)

// startAction starts an agent that does not run, with the default configuration if there is none.
func (c *Control) startAction(ctx context.Context, o Options) error {
	if c.runs(ctx) {
		c.say("amazon-cloudwatch-agent has already been started")
		return nil
	}
	names, err := c.Layout.Stored()
	if err != nil {
		return err
	}
	if len(names) > 0 {
		return c.start(ctx)
	}
	o.Action, o.Source, o.Restart = "fetch-config", "default", true
	legacy := c.Layout.Legacy()
	if _, err := os.Stat(legacy); err == nil {
		c.say("amazon-cloudwatch-agent is configured by an older agent's %s", legacy)
		o.Source = "file:" + legacy
	} else {
		c.say("amazon-cloudwatch-agent is not configured. Applying amazon-cloudwatch-agent default configuration.")
	}
	return c.configure(ctx, o)
}

// runs tells whether an agent runs: it says so itself, or systemd does.
func (c *Control) runs(ctx context.Context) bool {
	_, err := c.Status(ctx, c.State)
	return err == nil || c.unit(ctx).runs()
}

// start has systemd start the agent, or start it again, and waits until it is up.
func (c *Control) start(ctx context.Context) error {
	u := c.unit(ctx)
	if !u.loaded {
		why := "no systemd runs here"
		switch {
		case c.Systemctl != nil:
			why = "systemd has no " + UnitName
		case c.Layout.Root != "":
			why = "systemd does not start what lies under a root folder"
		}
		return fmt.Errorf("start agent: the configuration is stored, but %s; run it with: %s", why, c.byHand())
	}
	if err := c.systemctl(ctx, "daemon-reload", "enable "+UnitName, "restart "+UnitName); err != nil {
		return fmt.Errorf("start agent: %w", err)
	}
	c.report.Changed, c.report.Agent = true, "started"
	var last unit
	up := c.wait(ctx, func() bool {
		if _, err := c.Status(ctx, c.State); err == nil {
			last = unit{}
			return true
		}
		last = c.unit(ctx)
		return last.ended()
	})
	switch {
	case up && !last.ended():
		c.say("The agent has been started")
		return nil
	case ctx.Err() != nil:
		return fmt.Errorf("start agent: %w", context.Cause(ctx))
	case last.runs():
		c.warn("warning: the agent was started, but none answers on the state folder %s", c.State)
		return nil
	}
	c.report.Agent = ""
	return errors.New("start agent: it did not come up; see why: journalctl -u amazon-cloudwatch-agent")
}

// stop ends the agent by whoever has started it. One that is there and does not answer, as a disk hangs, is ended too.
func (c *Control) stop(ctx context.Context) error {
	status, err := c.Status(ctx, c.State)
	u := c.unit(ctx)
	switch {
	case u.active():
	case errors.Is(err, os.ErrPermission):
		return fmt.Errorf("stop agent: %w", err)
	case errors.Is(err, agent.ErrNotRunning):
		c.say("amazon-cloudwatch-agent has already been stopped")
		return nil
	}
	if u.active() {
		if err := c.systemctl(ctx, "stop "+UnitName); err != nil {
			return fmt.Errorf("stop agent: %w", err)
		}
		status, err = c.Status(ctx, c.State) // or was it another one that answered?
	}
	if !errors.Is(err, agent.ErrNotRunning) && !errors.Is(err, os.ErrPermission) {
		if err := c.end(ctx, status); err != nil {
			return err
		}
	}
	c.report.Changed, c.report.Agent = true, "stopped"
	c.say("The agent has been stopped")
	return nil
}

// end asks the process of an agent to end, and waits until it has.
func (c *Control) end(ctx context.Context, s agent.Status) error {
	pid, err := processBehind(agent.SocketPath(c.State), s.PID)
	if err != nil {
		return fmt.Errorf("stop agent: %w (stop it where it was started)", err)
	}
	if err := terminate(pid); err != nil {
		return fmt.Errorf("stop agent: end process %d: %w", pid, err)
	}
	gone := func() bool {
		_, err := c.Status(ctx, c.State)
		return errors.Is(err, agent.ErrNotRunning) && !durable.Locked(c.State) // it stops answering first
	}
	if !c.wait(ctx, gone) {
		return fmt.Errorf("stop agent: process %d was asked to end and has not yet: does a disk or a network mount hang?", pid)
	}
	return nil
}

// wait looks until something holds; false: it did not in time.
func (c *Control) wait(ctx context.Context, holds func() bool) bool {
	patience := c.Patience
	if patience == 0 {
		patience = 20 * time.Second
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	again := time.NewTicker(100 * time.Millisecond)
	defer again.Stop()
	for !holds() {
		select {
		case <-ctx.Done():
			return false
		case <-again.C:
		}
	}
	return true
}

// packaging is what the scripts of packages call.
func (c *Control) packaging(ctx context.Context, o Options) error {
	flag := filepath.Join(c.Layout.Etc(), "restart")
	switch o.Action {
	case "prep-restart":
		if !c.runs(ctx) {
			return nil
		}
		if err := durable.MakePublicDir(c.Layout.Etc()); err != nil {
			return err
		}
		c.report.Changed = true
		return durable.WriteShared(flag, []byte{}, durable.NoGroup)
	case "cond-restart":
		if _, err := os.Stat(flag); err != nil {
			return nil
		}
		c.say("\n%s", header)
		if err := c.startAction(ctx, Options{Action: "start", Mode: o.Mode}); err != nil {
			return err
		}
		return durable.Remove(flag)
	}
	c.say("\n%s", header)
	if err := c.stop(ctx); err != nil || !c.unit(ctx).loaded {
		return err
	}
	return c.systemctl(ctx, "disable "+UnitName, "daemon-reload", "reset-failed")
}
