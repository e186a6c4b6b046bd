package main

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/nephoscope/nephoscope/config"
	"github.com/nephoscope/nephoscope/internal/install"
)

// beside is what stands beside a configuration, for a command that asks once and ends.
type beside struct {
	common   config.CommonConfig
	path     string // of common-config.toml; "": there is none
	warnings []config.Problem
}

// readFilesBeside reads common-config.toml, or the one that is named, and env-config.json of an installation, and makes the
// environment of this process what run would make it. What may not be read and was not named counts as not there: a user who
// asks about a configuration need not be the agent's.
func readFilesBeside(l install.Layout, named string) (b beside, err error) {
	var variables map[string]string
	d, err := readBeside("", l.Environment())
	if err != nil && !errors.Is(err, fs.ErrPermission) {
		return b, fmt.Errorf("read environment variables: %w", err)
	}
	if d != nil {
		if variables, b.warnings, err = config.ParseEnvironment(d.Name, []byte(d.Text)); err != nil {
			return b, err
		}
	}
	d, err = readBeside(named, l.Common())
	if err != nil && (named != "" || !errors.Is(err, fs.ErrPermission)) {
		return b, fmt.Errorf("read common configuration: %w", err)
	}
	var src []byte // none is as good as an empty one
	if d != nil {
		b.path, src = d.Name, []byte(d.Text)
	}
	common, warnings, err := config.ParseCommon(b.path, src)
	if err != nil {
		return b, err
	}
	b.common, b.warnings = common, append(b.warnings, warnings...)
	var e environment
	e.put(e.variables(variables, common))
	return b, nil
}
