package main

import (
	"cmp"
	"maps"
	"os"
	"strings"

	"github.com/nephoscope/nephoscope/config"
)

// environment is what files say of the process's environment: env-config.json, and the proxies of common-config.toml. What
// a file no longer says is as it was when the process began.
type environment struct {
	outside map[string]*string // of every name that was ever put: its value outside of us; nil: it had none
	set     map[string]string
}

// put replaces everything that was put before, which it returns.
func (e *environment) put(variables map[string]string) (before map[string]string) {
	before = e.set
	for name := range before {
		if _, still := variables[name]; still {
			continue
		}
		if was := e.outside[name]; was != nil {
			_ = os.Setenv(name, *was) // the name was valid before
		} else {
			_ = os.Unsetenv(name)
		}
	}
	for name, value := range variables {
		e.remember(name)
		_ = os.Setenv(name, value) // the names were checked when they were read
	}
	e.set = maps.Clone(variables)
	return before
}

func (e *environment) remember(name string) {
	if _, known := e.outside[name]; known {
		return
	}
	if e.outside == nil {
		e.outside = map[string]*string{}
	}
	if value, there := os.LookupEnv(name); there {
		e.outside[name] = &value
	} else {
		e.outside[name] = nil
	}
}

// move changes what a variable is outside of us.
func (e *environment) move(name, value string) {
	e.remember(name)
	e.outside[name] = &value
	if _, said := e.set[name]; !said {
		_ = os.Setenv(name, value) // a name of ours
	}
}

// isOutside tells whether the process was given a variable.
func (e *environment) isOutside(name string) bool {
	if was, known := e.outside[name]; known {
		return was != nil && *was != ""
	}
	return os.Getenv(name) != ""
}

// variables are those that files ask for. As for the original, common-config.toml's word on proxies comes before that of
// env-config.json, and that before what the process was given. The metadata service is asked by IMDSv2 alone, if nobody
// decides otherwise.
func (e *environment) variables(file map[string]string, common config.CommonConfig) map[string]string {
	all := maps.Clone(file)
	if all == nil {
		all = map[string]string{}
	}
	for name, value := range map[string]string{"HTTP_PROXY": common.HTTPProxy, "HTTPS_PROXY": common.HTTPSProxy, "NO_PROXY": common.NoProxy} {
		lower := strings.ToLower(name)
		if value = cmp.Or(value, all[lower], all[name]); value != "" {
			all[name], all[lower] = value, value // else the other name, as the process was given it, could count
		}
	}
	const version1 = "AWS_EC2_METADATA_V1_DISABLED"
	if _, said := all[version1]; !said && !e.isOutside(version1) {
		all[version1] = "true"
	}
	return all
}
