package install

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// UnitName is the service's name, which is the original's.
const UnitName = "amazon-cloudwatch-agent.service"

// unit is what systemd says of the agent's service; the zero value: there is no such service, or no systemd.
type unit struct {
	loaded bool
	state  string // active, activating, inactive, failed, …
	sub    string // of that: running, auto-restart, …
	pid    int
}

// active is also a service that systemd is about to start again.
func (u unit) active() bool {
	return u.state == "active" || u.state == "reloading" || u.state == "activating"
}

// ended is also a service that waits to be started again after it has failed.
func (u unit) ended() bool {
	return u.state == "failed" || u.state == "inactive" || strings.HasPrefix(u.sub, "auto-restart")
}

// runs is systemctl is-active, but for a start that takes a while.
func (u unit) runs() bool { return u.active() && !u.ended() }

func (c *Control) unit(ctx context.Context) (u unit) {
	if c.Systemctl == nil {
		return u
	}
	said, err := c.Systemctl(ctx, "show", "-p", "LoadState", "-p", "ActiveState", "-p", "SubState", "-p", "MainPID", UnitName)
	if err != nil {
		return u
	}
	for line := range strings.Lines(said) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		switch name {
		case "LoadState":
			u.loaded = value == "loaded"
		case "ActiveState":
			u.state = value
		case "SubState":
			u.sub = value
		case "MainPID":
			u.pid, _ = strconv.Atoi(value) // 0: none
		}
	}
	return u
}

// systemctl runs commands one after the other.
func (c *Control) systemctl(ctx context.Context, commands ...string) error {
	for _, command := range commands {
		args := strings.Fields(command)
		if said, err := c.Systemctl(ctx, args...); err != nil && os.Geteuid() > 0 {
			return fmt.Errorf("systemctl %s: %w%s (try sudo)", command, err, indented(said))
		} else if err != nil {
			return fmt.Errorf("systemctl %s: %w%s", command, err, indented(said))
		}
	}
	return nil
}

func indented(said string) string {
	if said = strings.TrimSpace(said); said == "" {
		return ""
	}
	return ": " + said
}

// byHand is how the agent is started where nobody does it: what run would not find by itself is named.
func (c *Control) byHand() string {
	command := c.Program + " run"
	if c.Layout.Root != "" {
		command += " --root " + c.Layout.Root
	}
	if c.State != c.Layout.State() {
		command += " --state " + c.State
	}
	return command
}
