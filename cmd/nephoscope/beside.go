package main

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/nephoscope/nephoscope/config"
	"github.com/nephoscope/nephoscope/internal/install"
)

// beside is what stands beside a configuration, for a command that asks once and ends.
type beside struct {
	common   config.CommonConfig
	path     string // of common-config.toml; "": there is none
	warnings []config.Problem
}

// readFilesBeside reads common-config.toml and env-config.json of an installation, or those that are named, and makes the
// environment of this process what run would make it. What may not be read and was not named counts as not there: a user who
// asks about a configuration need not be the agent's. An error, which is config.Problems for mistakes, leaves what was fine.
func readFilesBeside(l install.Layout, commonFile, environmentFile string) (b beside, err error) {
	var mistakes config.Problems
	note := func(warnings []config.Problem, err error) {
		b.warnings = append(b.warnings, warnings...)
		found, _ := errors.AsType[config.Problems](err) // they return no other
		mistakes = append(mistakes, found...)
	}
	var variables map[string]string
	d, unread := readIfAllowed(environmentFile, l.Environment())
	if d != nil {
		found, warnings, err := config.ParseEnvironment(d.Name, []byte(d.Text))
		note(warnings, err)
		variables = found
	}
	d, err = readIfAllowed(commonFile, l.Common())
	unread = errors.Join(unread, err)
	var src []byte // none is as good as an empty one
	if d != nil {
		b.path, src = d.Name, []byte(d.Text)
	}
	common, warnings, err := config.ParseCommon(b.path, src)
	note(warnings, err)
	b.common = common
	var e environment
	e.put(e.variables(variables, common))
	if len(mistakes) > 0 {
		return b, errors.Join(mistakes, unread)
	}
	return b, unread
}

func readIfAllowed(named, usual string) (*config.Document, error) {
	d, err := readBeside(named, usual)
	if errors.Is(err, fs.ErrPermission) && named == "" {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", filepath.Base(usual), err)
	}
	return d, nil
}
