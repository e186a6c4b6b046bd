package install

import (
	"cmp"
	"context"
	"errors"
	"os"

	"github.com/nephoscope/nephoscope/agent"
	"github.com/nephoscope/nephoscope/config"
	"github.com/nephoscope/nephoscope/internal/output"
)

// status is what the original prints, key by key, and then what only this agent has to say. Scripts look for the words
// running and stopped anywhere in it: no other value may be one of them.
type status struct {
	Status       string          `json:"status"`
	StartTime    string          `json:"starttime"`
	ConfigStatus string          `json:"configstatus"`
	Version      string          `json:"version"`
	Workloads    *[]struct{}     `json:"workloads,omitempty"` // nil: not asked for
	Stored       []string        `json:"configurations"`
	Mode         string          `json:"mode"`
	LogLevel     string          `json:"log_level,omitempty"` // "": as configured
	Health       agent.Health    `json:"health,omitempty"`    // "": nobody says
	Reasons      *[]agent.Reason `json:"reasons,omitempty"`
	Agent        *agentIdentity  `json:"agent,omitempty"`
}

type agentIdentity struct {
	Version     string       `json:"version"`
	PID         int          `json:"pid"`
	Uptime      int64        `json:"uptime_seconds"`
	StateFolder string       `json:"state_folder"`
	Mode        agent.Mode   `json:"mode"`
	Region      string       `json:"region"`
	OnDisk      agent.OnDisk `json:"on_disk"`           // what is stored, beside what it runs with
	Restart     string       `json:"restart,omitempty"` // what of it takes a restart
}

// isoSeconds is date -Isec.
const isoSeconds = "2006-01-02T15:04:05-07:00"

func (c *Control) printStatus(ctx context.Context, workloads bool) error {
	s := status{Status: "stopped", ConfigStatus: "not configured", Version: c.Version, Mode: string(agent.Auto)}
	if workloads {
		s.Workloads = &[]struct{}{} // nothing is discovered here
	}
	names, err := c.Layout.Stored()
	switch {
	case err != nil && !errors.Is(err, os.ErrPermission): // whoever may not read it may still ask
		c.warn("warning: %v", err)
	case err != nil:
		s.ConfigStatus = "configured"
	}
	if s.Stored = names; len(names) > 0 {
		s.ConfigStatus = "configured"
	}
	if env, err := c.Layout.readEnvironment(); err == nil {
		s.Mode, s.LogLevel = cmp.Or(env.get(ModeVariable), s.Mode), env.get(config.LogLevelVariable)
	} else if !errors.Is(err, os.ErrPermission) {
		c.warn("warning: %v", err)
	}
	if err := c.lookAt(ctx, &s); err != nil {
		return err
	}
	return output.JSON(c.Out, s)
}

// lookAt asks the agent, and systemd if that does not answer.
func (c *Control) lookAt(ctx context.Context, s *status) error {
	a, err := c.Status(ctx, c.State)
	if err == nil {
		s.Status, s.StartTime = "running", a.Started.UTC().Format(isoSeconds)
		s.Health, s.Reasons = a.Health, &a.Reasons
		s.Agent = &agentIdentity{a.Version, a.PID, a.Uptime, a.StateFolder, a.Mode, a.Region, a.Configuration.OnDisk, a.Configuration.Restart}
		return nil
	}
	u := c.unit(ctx)
	switch {
	case u.runs():
		s.Status = "running"
		if began, ok := startOf(u.pid); ok {
			s.StartTime = began.UTC().Format(isoSeconds)
		}
	case errors.Is(err, os.ErrPermission) && !u.loaded:
		return err
	case errors.Is(err, agent.ErrNotRunning), errors.Is(err, os.ErrPermission):
	default:
		s.Status = "running" // but it has nothing to say
		c.warn("warning: %v", err)
	}
	return nil
}
