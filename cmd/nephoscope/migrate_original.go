package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/nephoscope/nephoscope/config"
	"github.com/nephoscope/nephoscope/internal/install"
	"github.com/nephoscope/nephoscope/internal/migrate"
)

// original reports on the Amazon CloudWatch agent: what it was told is read as it is.
func (m *migration) original(path string) (*report, error) {
	o, err := migrate.FindOriginal(m.layout)
	if err != nil {
		return nil, err
	}
	r := &report{From: migrate.FromOriginal, Files: o.Configurations(), Notes: []config.Problem{}}
	if path != "" {
		r.Files = []string{path}
	}
	c, err := config.Load(r.Files...)
	problems, err := problemsOf(c, err)
	if err != nil {
		return nil, err
	}
	if m.layout.Root == "" { // the package's service has a user of its own, where the original ran as root
		ctx := context.Background()
		problems = append(problems, lenient(scrapingProblems(ctx, c, userFor(ctx, c, agentUser)))...)
	}
	for _, p := range problems {
		if p.Warning {
			r.Notes = append(r.Notes, p)
		}
	}
	r.Mistakes = onlyMistakes(problems)
	if len(r.Mistakes) == 0 {
		r.Differences = migrate.Differences(c)
	}
	if err := m.surroundings(r, o); err != nil {
		return nil, err
	}
	if r.Checkpoints, err = migrate.Checkpoints(m.layout, c); err != nil {
		return nil, err
	}
	m.originalNext(r, o, path)
	return r, nil
}

// surroundings reads what is beside the configurations.
func (m *migration) surroundings(r *report, o migrate.Original) error {
	if o.Common != "" {
		src, err := os.ReadFile(o.Common)
		if err != nil {
			return fmt.Errorf("migrate: %w", err)
		}
		_, warnings, err := config.ParseCommon(o.Common, src)
		r.Files = append(r.Files, o.Common)
		r.Notes = append(r.Notes, warnings...)
		if mistakes, ok := errors.AsType[config.Problems](err); ok {
			r.Mistakes = append(r.Mistakes, mistakes...)
		}
	}
	if o.Environment != "" {
		src, err := os.ReadFile(o.Environment)
		if err != nil {
			return fmt.Errorf("migrate: %w", err)
		}
		r.Files = append(r.Files, o.Environment)
		at := config.Place{File: o.Environment, Line: 1, Column: 1}
		var variables map[string]string
		if err := json.Unmarshal(src, &variables); err != nil {
			r.Notes = append(r.Notes, config.Suspicion(at, "is no object of strings, and is not read", ""))
		} else if len(variables) > 0 {
			r.Notes = append(r.Notes, config.Suspicion(at, "sets for the agent's process: "+strings.Join(slices.Sorted(maps.Keys(variables)), ", "), ""))
		}
	}
	return nil
}

// originalNext says what to run. The one thing that may have to be stored is a configuration that run does not read where it is:
// the legacy one, or one that was fetched and not stored.
func (m *migration) originalNext(r *report, o migrate.Original, path string) {
	started := func(action string, paths ...string) string {
		if m.running || m.ours {
			return m.control(action, paths[0])
		}
		return "sudo nephoscope run --config " + strings.Join(quoteAll(paths, ""), " --config ")
	}
	run := started("append-config", m.layout.Configs())
	switch {
	case path != "":
		run = started("append-config", path)
	case len(o.Stored) > 0 && o.Legacy != "" && !sameContent(o.Legacy, o.Stored):
		m.toStore(r, o.Legacy, migrate.StoredName(o.Legacy))
	case len(o.Stored) > 0 && m.running:
		run = "sudo nephoscope status"
	case len(o.Stored) > 0 && m.ours:
		run = "sudo " + control(m.layout) + " -a start"
	case len(o.Stored) > 0:
	case o.Legacy != "":
		m.toStore(r, o.Legacy, migrate.StoredName(o.Legacy))
	case len(o.Waiting) == 1:
		name := o.Waiting[0][strings.LastIndexAny(o.Waiting[0], `/\`)+1:]
		m.toStore(r, o.Waiting[0], strings.TrimSuffix(name, ".tmp"))
	case len(o.Waiting) > 1:
		r.Notes = append(r.Notes, config.Suspicion(config.Place{File: m.layout.Configs()}, "several configurations wait there as *.tmp, and none is stored", "store the one that is meant: amazon-cloudwatch-agent-ctl -a fetch-config -c file:PATH"))
	case o.Wizard != "":
		run = started("fetch-config", o.Wizard)
	}
	if r.Target != "" {
		if run = started("append-config", m.layout.Configs()); m.running || m.ours {
			run = m.control("append-config", r.Target)
		}
		if !m.apply {
			r.Next = []string{m.again(migrate.FromOriginal, path)}
		}
	}
	r.Next = append(r.Next, "sudo nephoscope check "+strings.Join(quoteAll(o.Configurations(), path), " "))
	if !m.ours {
		r.Next = append(r.Next, "sudo systemctl disable --now amazon-cloudwatch-agent    # or both will send")
	}
	r.Next = append(r.Next, run)
}

// toStore has a file stored as it is.
func (m *migration) toStore(r *report, source, name string) {
	r.source, r.Target = source, m.output
	if m.output == "" {
		r.Target = m.layout.Configs() + string(os.PathSeparator) + name
	}
}

func quoteAll(paths []string, named string) (all []string) {
	if named != "" {
		paths = []string{named}
	}
	for _, p := range paths {
		all = append(all, install.ShellWord(p))
	}
	return all
}

// sameContent tells whether one of the files holds just what path holds: it was stored as it is.
func sameContent(path string, files []string) bool {
	want, err := os.ReadFile(path)
	return err == nil && slices.ContainsFunc(files, func(f string) bool {
		got, err := os.ReadFile(f)
		return err == nil && string(got) == string(want)
	})
}
