package install

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/nephoscope/nephoscope/agent"
	"github.com/nephoscope/nephoscope/config"
	"github.com/nephoscope/nephoscope/internal/durable"
)

// takeUp has the agent run with what is stored: one that runs is told of it, else it is started. restart, if it is not "", is
// what a running agent cannot take up.
func (c *Control) takeUp(ctx context.Context, plan changes, group int, restart string) error {
	active := c.unit(ctx).active()
	if restart == "" || !active {
		err := c.tell(ctx, plan, group)
		if errors.Is(err, agent.ErrNotRunning) {
			return c.start(ctx)
		}
		if err != nil {
			return err
		}
		restart = c.report.Reload.Restart // it may have been stored by an earlier command, without -s
	}
	switch {
	case restart == "":
		return nil
	case !active:
		c.warnOfRestart(restart)
		return nil
	}
	c.say("%s is another: the agent is restarted", restart)
	return c.restart(ctx, plan, group)
}

func (c *Control) warnOfRestart(what string) {
	what = strings.ReplaceAll(what, ModeVariable, "the mode")
	have := "has"
	if strings.Contains(what, " and ") {
		have = "have"
	}
	c.warn("warning: %s %s changed: stop the agent and start it again", what, have)
}

// tellOtherMode warns if a running agent has a mode by its own command line, over which the one that was stored has no say.
func (c *Control) tellOtherMode(ctx context.Context, wanted agent.Mode) {
	if wanted == "" || c.report.Reload == nil || c.report.Agent != "reloaded" || strings.Contains(c.report.Reload.Restart, ModeVariable) {
		return
	}
	s, err := c.Status(ctx, c.State)
	if err == nil && s.Mode != "" && s.Mode != wanted {
		c.warn("warning: the agent runs with --mode %s, and not with the mode that was stored: stop the agent and start it again, without --mode", s.Mode)
	}
}

// restart starts an agent that runs again. If it does not come up, it is started with what was stored before.
func (c *Control) restart(ctx context.Context, plan changes, group int) error {
	err := c.start(ctx)
	if err == nil || len(plan) == 0 || ctx.Err() != nil {
		return err
	}
	if failed := plan.undo(group); failed != nil {
		return errors.Join(err, failed)
	}
	if failed := c.start(ctx); failed != nil {
		return errors.Join(err, errors.New("what was stored before is back, but with that it does not come up either"), failed)
	}
	c.report.Changed = false
	return errors.Join(err, errors.New("what was stored before is back, and the agent runs with it"))
}

// tell has a running agent read everything again. If it cannot go on with that, what was stored before is put back, with
// which it does go on. errors.Is(err, agent.ErrNotRunning) if there is no agent.
func (c *Control) tell(ctx context.Context, plan changes, group int) error {
	r, err := c.Reload(ctx, c.State)
	switch {
	case errors.Is(err, agent.ErrNotRunning):
		return err
	case err != nil:
		return fmt.Errorf("reload agent: it is stored, but whether the agent has taken it up is not known: %w", err)
	}
	c.report.Reload, c.report.Agent = &r, "reloaded"
	if !r.Applied {
		c.report.Changed, c.report.Agent = false, ""
		err := fmt.Errorf("reload agent: %s", r.Reason)
		if len(r.Problems) > 0 { // the reason is the first of them
			err = fmt.Errorf("reload agent: it was refused:\n%w", config.Problems(r.Problems))
		}
		if len(plan) == 0 {
			return errors.Join(err, errors.New("it was stored before and stays so, and the agent goes on with what it was told before that"))
		}
		if failed := plan.undo(group); failed != nil {
			return errors.Join(err, failed)
		}
		return errors.Join(err, errors.New("what was stored before is back, and the agent goes on with it"))
	}
	c.report.Changed = c.report.Changed || r.Changed
	switch {
	case r.Started+r.Stopped > 0:
		c.say("The agent has taken it up without a restart; of its tasks %d started, %d stopped, %d undisturbed", r.Started, r.Stopped, r.Undisturbed)
	case r.Restart != "" || !c.report.Changed: // which is told by others
	case r.Changed:
		c.say("The agent has taken it up without a restart")
	default:
		c.say("What the agent does is the same as before")
	}
	return nil
}

// tellLevel has a running agent take up another level of its log, which stays stored even if everything else that is stored
// is refused: it is then that the level is needed.
func (c *Control) tellLevel(ctx context.Context, level string) error {
	stored := c.report.Changed
	err := c.tell(ctx, nil, durable.NoGroup)
	if c.report.Reload == nil || c.report.Reload.Applied {
		return err
	}
	c.report.Changed = stored
	when := "takes effect when the configuration does"
	if s, err := c.Status(ctx, c.State); err == nil && strings.EqualFold(s.Configuration.LogLevel, level) {
		when = "is in effect"
	}
	c.warn("warning: the level is stored and %s; the configuration that is stored was refused: %s", when, c.report.Reload.Reason)
	return nil
}
