package main

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"reflect"
	"slices"

	"github.com/nephoscope/nephoscope/agent"
	"github.com/nephoscope/nephoscope/config"
	"github.com/nephoscope/nephoscope/internal/install"
	"go.uber.org/zap/zapcore"
)

// sources is everything that run is told by files, as it was read.
type sources struct {
	Paths       []string          `json:"paths"` // that were named
	Configs     []config.Document `json:"configs"`
	Common      *config.Document  `json:"common"` // nil: there is none
	Environment *config.Document  `json:"environment"`

	skipped []config.Problem
}

// settings is what sources mean.
type settings struct {
	sources   sources
	config    *config.Config
	common    config.CommonConfig
	variables map[string]string // that the environment is to have
	level     zapcore.Level
	mode      agent.Mode
	beside    []config.Problem // warnings of what stands beside the configuration
	warnings  []config.Problem // all there are
}

// read reads all sources. Standard input is read once in a process: what it said stays.
func (f *runFlags) read() (sources, error) {
	s := sources{Paths: f.absolute()}
	var err error
	if s.Configs = f.typed; s.Configs == nil {
		if s.Configs, s.skipped, err = config.ReadDocuments(f.configs...); err != nil {
			return s, err
		}
		if slices.Contains(f.configs, "-") {
			f.typed = s.Configs
		}
	}
	if s.Common, err = readBeside(f.common, f.layout.Common()); err != nil {
		return s, fmt.Errorf("read common configuration: %w", err)
	}
	if s.Environment, err = readBeside(f.envConfig, f.layout.Environment()); err != nil {
		return s, fmt.Errorf("read environment variables: %w", err)
	}
	return s, nil
}

// readBeside reads a file that was named, or the usual one if it is there.
func readBeside(named, usual string) (*config.Document, error) {
	path, read := named, os.ReadFile
	if path == "" {
		path, read = usual, install.ReadRegular
	}
	src, err := read(path)
	if named == "" && errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return &config.Document{Name: path, Text: string(src)}, nil
}

// same tells whether two readings found the same.
func (s sources) same(o sources) bool {
	s.skipped, o.skipped = nil, nil
	return reflect.DeepEqual(s, o)
}

// understand makes settings of sources. The environment is theirs from here on, as the configuration may ask it for values:
// on an error it is up to the caller to put back what was there. The error is config.Problems, every mistake at once.
func (f *runFlags) understand(s sources, e *environment) (settings, error) {
	all := settings{sources: s, beside: s.skipped}
	var mistakes config.Problems
	note := func(warnings []config.Problem, err error) {
		all.beside = append(all.beside, warnings...)
		found, _ := errors.AsType[config.Problems](err) // they return no other
		mistakes = append(mistakes, found...)
	}
	variables, warnings, err := parseEnvironment(s.Environment)
	note(warnings, err)
	var common config.Document // none is as good as an empty one
	if s.Common != nil {
		common = *s.Common
	}
	all.common, warnings, err = config.ParseCommon(common.Name, []byte(common.Text))
	note(warnings, err)
	all.variables = e.variables(variables, all.common)
	e.put(all.variables)
	c, err := config.LoadDocuments(s.Configs)
	problems, err := problemsOf(c, err)
	if err != nil {
		return settings{}, err
	}
	if mistakes = append(mistakes, onlyMistakes(problems)...); len(mistakes) > 0 {
		return settings{}, mistakes
	}
	if all.mode, err = f.modeOf(); err != nil {
		all.beside = append(all.beside, config.Suspicion(config.Place{Path: install.ModeVariable}, err.Error()+" is ignored", ""))
	}
	all.config, all.level, all.warnings = c, f.levelOf(c), append(slices.Clone(all.beside), problems...)
	return all, nil
}

// parseEnvironment is what env-config.json sets; nil: it is not there.
func parseEnvironment(d *config.Document) (map[string]string, []config.Problem, error) {
	if d == nil {
		return nil, nil, nil
	}
	return config.ParseEnvironment(d.Name, []byte(d.Text))
}

// levelOf is the level of the agent's own log: the flag's, else the environment's, else the configuration's.
func (f *runFlags) levelOf(c *config.Config) zapcore.Level {
	for _, text := range []string{f.logLevel, os.Getenv(config.LogLevelVariable)} {
		if level, ok := parseLevel(text); ok {
			return level
		}
	}
	if c.Agent.Debug {
		return zapcore.DebugLevel
	}
	return zapcore.InfoLevel
}

// modeOf is where this host is: the flag's word, else that of the control command, which keeps it in env-config.json.
func (f *runFlags) modeOf() (agent.Mode, error) {
	if mode, err := agent.ParseMode(f.mode); err == nil && mode != agent.Auto {
		return mode, nil
	}
	if os.Getenv("RUN_IN_AWS") == "True" { // which the original takes from a container's environment
		return agent.EC2, nil
	}
	mode, err := agent.ParseMode(os.Getenv(install.ModeVariable))
	return cmp.Or(mode, agent.Auto), err
}

// reconnects tells whether connections that were made with one are out of date for the other.
func (s settings) reconnects(o settings) bool {
	a, b := maps.Clone(s.variables), maps.Clone(o.variables)
	for _, own := range []string{config.LogLevelVariable, install.ModeVariable} {
		delete(a, own)
		delete(b, own)
	}
	return s.common != o.common || !maps.Equal(a, b)
}

// differs tells whether anything that is no task differs: tasks know by themselves.
func (s settings) differs(o settings) bool {
	type budgets struct {
		memory, deleted int64
		series          int
	}
	of := func(c *config.Config) (b budgets) {
		if c.Logs != nil {
			b.memory, b.deleted = c.Logs.MemoryBudget, c.Logs.DeletedBudget
		}
		if c.Metrics != nil {
			b.series = c.Metrics.SeriesBudget
		}
		return b
	}
	a, b := s.config.Agent, o.config.Agent
	return s.reconnects(o) || s.level != o.level || of(s.config) != of(o.config) ||
		a.StatusAddress != b.StatusAddress || a.LogFile != b.LogFile || a.RunAsUser != b.RunAsUser || s.mode != o.mode
}
