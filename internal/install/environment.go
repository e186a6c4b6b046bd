package install

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/nephoscope/nephoscope/agent"
	"github.com/nephoscope/nephoscope/config"
)

// ModeVariable is a variable of env-config.json of ours: where this host is, as the operator has said it with -m.
const ModeVariable = "NEPHOSCOPE_MODE"

// environment is env-config.json: variables for the agent. What is not a string is kept as it is.
type environment map[string]json.RawMessage

// readEnvironment reads a file that need not be there.
func (l Layout) readEnvironment() (environment, error) {
	raw, err := ReadRegular(l.Environment())
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(bytes.TrimSpace(raw)) == 0 {
		return environment{}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read environment: %w", err)
	}
	env := environment{}
	if err := json.Unmarshal(raw, &env); err != nil {
		return nil, fmt.Errorf("read environment: %w", placed(l.Environment(), raw, err))
	}
	if env == nil {
		return environment{}, nil // null
	}
	return env, nil
}

// placed gives a mistake in JSON its line and column.
func placed(name string, raw []byte, err error) error {
	offset := int64(len(raw))
	if e, ok := errors.AsType[*json.SyntaxError](err); ok {
		offset = e.Offset - 1
	} else if e, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		offset = e.Offset - 1
	}
	before := string(raw[:max(min(offset, int64(len(raw))), 0)])
	at := config.Place{File: name, Line: strings.Count(before, "\n") + 1, Column: len(before) - strings.LastIndexByte(before, '\n')}
	return config.Mistake(at, "must be one flat JSON object of strings: "+err.Error(), "correct it, or remove the file")
}

// text is the file: as the original writes it, indented by tabs, sorted.
func (e environment) text() []byte {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "\t")
	_ = enc.Encode(e) // it was JSON, or is a string
	return out.Bytes()
}

func (e environment) set(name, value string) {
	quoted, _ := json.Marshal(value) // a string
	e[name] = quoted
}

func (e environment) get(name string) (value string) {
	_ = json.Unmarshal(e[name], &value) // "": not there, or not a string
	return value
}

// modeOf is where this host is: as the options say, or as an earlier command said.
func (c *Control) modeOf(o Options) agent.Mode {
	if o.Mode != "" {
		return o.Mode
	}
	env, _ := c.Layout.readEnvironment() // what is wrong with it is told when it is to be written
	mode, _ := agent.ParseMode(env.get(ModeVariable))
	return mode
}

// planMode remembers -m for the agent, if it was said. auto is to remember nothing.
func (c *Control) planMode(plan *changes, mode agent.Mode) error {
	if mode == "" {
		return nil
	}
	env, err := c.Layout.readEnvironment()
	if err != nil {
		return err
	}
	if was := env.get(ModeVariable); was == string(mode) || was == "" && mode == agent.Auto {
		return nil
	}
	if mode == agent.Auto {
		delete(env, ModeVariable)
	} else {
		env.set(ModeVariable, string(mode))
	}
	return plan.plan(c.Layout.Environment(), env.text())
}

// setVariables is set-env, and set-log-level. A running agent is told at once.
func (c *Control) setVariables(ctx context.Context, pairs []string, said string) error {
	done, err := c.turn(ctx)
	if err != nil {
		return err
	}
	defer done()
	env, err := c.Layout.readEnvironment()
	if err != nil {
		return err
	}
	var lines []string
	different := false
	for _, pair := range pairs {
		name, value, _ := strings.Cut(pair, "=")
		different = different || env[name] == nil || env.get(name) != value
		env.set(name, value)
		lines = append(lines, "Set "+name)
	}
	var plan changes
	if different {
		if err := plan.plan(c.Layout.Environment(), env.text()); err != nil {
			return err
		}
	}
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	documents, _, err := c.Layout.stored()
	if err != nil {
		return err
	}
	merged, _ := config.LoadDocuments(documents) // for its user alone: what is wrong with it is told by others
	group := c.groupFor(merged)
	if err := plan.commit(group); err != nil {
		return err
	}
	c.report.Changed = len(plan) > 0
	tell := func() error { return c.tell(ctx, plan, group) }
	if level := env.get(config.LogLevelVariable); !slices.ContainsFunc(pairs, func(p string) bool { return !strings.HasPrefix(p, config.LogLevelVariable+"=") }) {
		tell = func() error { return c.tellLevel(ctx, level) }
	}
	switch err := tell(); {
	case errors.Is(err, agent.ErrNotRunning):
	case err != nil:
		return err
	case c.report.Reload.Applied && c.report.Reload.Restart != "":
		c.warnOfRestart(c.report.Reload.Restart)
	}
	if said != "" {
		lines = []string{said}
	}
	c.say("%s", strings.Join(lines, "\n"))
	return nil
}
