package install

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nephoscope/nephoscope/agent"
	"github.com/nephoscope/nephoscope/config"
)

// host is an installation in a folder of the test, with an agent and a systemd that do as they are told.
type host struct {
	*testing.T
	layout   Layout
	out, err bytes.Buffer

	running     bool
	reload      func() agent.Reloaded // nil: everything is taken up
	patience    time.Duration         // 0: none
	reloads     int
	silent      error        // what the agent answers with
	asked       func() error // decides that each time; nil: it stays as it is
	interrupted bool         // a reload goes on until somebody has enough of it
	systemd     bool         // runs, and knows the agent's service
	failing     bool         // the service ends as soon as it is started, and systemd tries again later
	starts      func() bool  // decides that each time; nil: it stays as it is
	active      bool
	commands    []string
	level       string     // of its log
	mode        agent.Mode // that the agent runs in; "": it does not say
	parameter   func(name string) (string, error)
}

func newHost(t *testing.T) *host {
	t.Helper()
	return &host{T: t, layout: Layout{Root: t.TempDir()}}
}

// ctl is the command with these arguments.
func (h *host) ctl(args ...string) error {
	h.Helper()
	h.out.Reset()
	h.err.Reset()
	o, err := ParseOptions(args)
	if err != nil {
		h.Fatal(err)
	}
	c := &Control{
		Layout: h.layout, State: h.layout.State(), Version: "1.2.3", Program: "nephoscope", Check: checked,
		Out: &h.out, Err: &h.err, Patience: cmp.Or(h.patience, time.Millisecond),
		Fetch: func(_ context.Context, name string, _ agent.Mode) (string, error) { return h.parameter(name) },
		Status: func(context.Context, string) (agent.Status, error) {
			if h.asked != nil {
				h.silent = h.asked()
			}
			if h.silent != nil {
				return agent.Status{}, h.silent
			}
			if !h.running {
				return agent.Status{}, agent.ErrNotRunning
			}
			return agent.Status{Version: "1.2.0", PID: os.Getpid(), Started: time.Date(2026, 1, 1, 1, 0, 0, 5e8, time.FixedZone("", 3600)), Health: agent.OK, Reasons: []agent.Reason{}, Region: "eu-west-1", Mode: h.mode, Configuration: agent.Configuration{OnDisk: agent.Runs, LogLevel: h.level}}, nil
		},
		Reload: func(ctx context.Context, _ string) (agent.Reloaded, error) {
			if !h.running {
				return agent.Reloaded{}, fmt.Errorf("reload: %w", agent.ErrNotRunning)
			}
			h.reloads++
			if h.interrupted {
				h.reload()
				<-ctx.Done()
				return agent.Reloaded{}, ctx.Err()
			}
			if h.reload != nil {
				return h.reload(), nil
			}
			return agent.Reloaded{Applied: true, Undisturbed: 2}, nil
		},
	}
	if h.systemd {
		c.Systemctl = h.systemctl
	}
	return c.Do(h.Context(), o)
}

func (h *host) systemctl(_ context.Context, args ...string) (string, error) {
	switch args[0] {
	case "show":
		state := map[bool]string{true: "active", false: "inactive"}[h.active]
		sub := "dead"
		if h.failing && (h.active || slices.Contains(h.commands, "restart "+UnitName)) {
			state, sub = "activating", "auto-restart"
		}
		return "LoadState=loaded\nActiveState=" + state + "\nSubState=" + sub + "\nMainPID=0\n", nil
	case "restart":
		if h.starts != nil {
			h.failing = !h.starts()
		}
		h.active, h.running = !h.failing, !h.failing
	case "stop":
		h.active, h.running = false, false
	}
	h.commands = append(h.commands, strings.Join(args, " "))
	return "", nil
}

// checked is the validation without what the collectors know.
func checked(c *config.Config, err error) ([]config.Problem, error) {
	if mistakes, ok := errors.AsType[config.Problems](err); ok {
		return append(slices.Clone(c.Warnings), mistakes...), nil
	}
	return c.Warnings, err
}

// fine runs a command that has to succeed, and tells whether it says that something changed.
func (h *host) fine(args ...string) (changed bool) {
	h.Helper()
	if err := h.ctl(args...); err != nil {
		h.Fatalf("%q: %v\n%s%s", args, err, &h.out, &h.err)
	}
	last := h.out.String()
	switch {
	case strings.HasSuffix("\n"+last, "\nresult: changed\n"):
		return true
	case !strings.HasSuffix("\n"+last, "\nresult: already in place\n"), strings.Contains(last, "changed"):
		h.Errorf("%q: does not say what became of it:\n%s", args, last)
	}
	return false
}

// fails runs a command that has to fail, say why, and leave the disk as it was.
func (h *host) fails(why string, args ...string) {
	h.Helper()
	before := h.disk()
	err := h.ctl(args...)
	if err == nil || !strings.Contains(err.Error(), why) {
		h.Errorf("%q: got %v, want …%s…", args, err, why)
	}
	if strings.Contains(h.out.String(), "result:") {
		h.Errorf("%q: has a result:\n%s", args, &h.out)
	}
	if after := h.disk(); after != before {
		h.Errorf("%q: changed what is on disk from\n%sto\n%s", args, before, after)
	}
}

// write makes a file beside the installation.
func (h *host) write(name, text string) (path string) {
	h.Helper()
	path = filepath.Join(h.layout.Root, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		h.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		h.Fatal(err)
	}
	return path
}

func (h *host) stored() string {
	h.Helper()
	names, err := h.layout.Stored()
	if err != nil {
		h.Fatal(err)
	}
	return strings.Join(names, " ")
}

// disk is every file and what it holds, but the lock.
func (h *host) disk() string {
	h.Helper()
	var b strings.Builder
	err := filepath.WalkDir(h.layout.Root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasSuffix(path, ".lock") {
			return err
		}
		text, err := os.ReadFile(path)
		fmt.Fprintf(&b, "%s %s\n", strings.TrimPrefix(path, h.layout.Root), text)
		return err
	})
	if err != nil {
		h.Fatal(err)
	}
	return b.String()
}

const (
	mem    = `{"metrics": {"metrics_collected": {"mem": {"measurement": ["used_percent"]}}}}`
	swap   = `{"metrics": {"metrics_collected": {"swap": {"measurement": ["used_percent"]}}}}`
	slow   = `{"agent": {"metrics_collection_interval": 300}}`
	slower = `{"agent": {"metrics_collection_interval": 600}}`
)
