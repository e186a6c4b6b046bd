package install

import (
	"slices"
	"strings"

	"github.com/nephoscope/nephoscope/agent"
	"github.com/nephoscope/nephoscope/config"
)

// Options are a command line of the control command.
type Options struct {
	Action    string
	Mode      agent.Mode // "": not said
	Source    string     // -c, as typed
	Restart   bool       // -s
	Dualstack bool       // -d
	Level     string     // -l
	Variables []string   // -e, as typed
	Help      bool

	// Of ours.
	JSON  bool
	Root  string // "": this machine's
	State string // "": the installation's
}

// Actions that -a may name, in the order in which they are told; those after hidden are for packages.
var (
	actions = []string{"fetch-config", "append-config", "remove-config", "start", "stop", "status", "status-with-workloads", "set-log-level", "set-env"}
	hidden  = []string{"prep-restart", "cond-restart", "preun"}
)

// ParseOptions reads a command line as the original does; of an option that is there twice the last one counts, but every
// -e does. It differs in that what nobody knows is an error.
func ParseOptions(args []string) (Options, error) {
	o := Options{Source: "default"}
	found, err := getopt(args)
	for _, f := range found {
		switch f.name {
		case "h", "help":
			o.Help = true
			return o, nil
		case "s":
			o.Restart = true
		case "d":
			o.Dualstack = true
		case "a":
			o.Action = f.value
		case "c":
			o.Source = f.value
		case "m":
			mode, err := agent.ParseMode(f.value)
			if err != nil || f.value == "" {
				return o, badMode(f.value)
			}
			o.Mode = mode
		case "l":
			o.Level = f.value
		case "e":
			o.Variables = append(o.Variables, f.value)
		case "json":
			o.JSON = true
		case "root":
			o.Root = f.value
		case "state":
			o.State = f.value
		}
	}
	if err != nil {
		return o, err
	}
	return o, o.check()
}

func badMode(mode string) error {
	return badLine("Invalid mode: %s (expected ec2, onPremise, onPrem or auto)", mode)
}

// check finds what is missing or means nothing.
func (o *Options) check() error {
	if o.Action == "" {
		return badLine("-a is missing (%s)", strings.Join(actions, ", "))
	}
	if !slices.Contains(actions, o.Action) && !slices.Contains(hidden, o.Action) {
		return badLine("Invalid action: %s (expected -a %s)", o.Action, strings.Join(actions, ", "))
	}
	switch o.Action {
	case "set-log-level":
		if o.Level == "" {
			return badLine("-l is missing (%s)", strings.Join(config.LogLevels(), ", "))
		}
		return checkLevel(o.Level)
	case "set-env":
		if len(o.Variables) == 0 {
			return badLine("Invalid environment variable: '' (expected KEY=VALUE after -e)")
		}
		for _, v := range o.Variables {
			if err := checkVariable(v); err != nil {
				return err
			}
		}
	case "fetch-config", "append-config", "remove-config":
		_, err := parseSource(o.Source)
		return err
	}
	return nil
}

func checkLevel(level string) error {
	if slices.Contains(config.LogLevels(), level) {
		return nil
	}
	hint := "expected -l " + strings.Join(config.LogLevels(), ", ")
	if config.IsLogLevel(level) {
		hint = "did you mean " + strings.ToUpper(level) + "?"
	}
	return badLine("Invalid log level: %s (%s)", level, hint)
}

// checkVariable refuses what would not come back from the environment as it was typed.
func checkVariable(pair string) error {
	name, value, ok := strings.Cut(pair, "=")
	odd := func(r rune) bool { return r < ' ' || r == 0x7f }
	switch {
	case !ok || name == "" || strings.ContainsFunc(name, func(r rune) bool { return odd(r) || r == ' ' }):
		return badLine("Invalid environment variable: %q (expected KEY=VALUE)", pair)
	case strings.ContainsFunc(value, odd):
		return badLine("Invalid environment variable: %s (its value has a line break or another control character)", name)
	}
	switch name {
	case config.LogLevelVariable:
		return checkLevel(value)
	case ModeVariable:
		if _, err := agent.ParseMode(value); err != nil {
			return badMode(value)
		}
	}
	return nil
}
