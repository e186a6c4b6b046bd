package install

import (
	"fmt"
	"slices"
	"strings"

	"github.com/nephoscope/nephoscope/agent"
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
	levels  = []string{"DEBUG", "INFO", "WARN", "ERROR", "OFF"}
)

// ParseOptions reads a command line as the original's getopts does: options in clusters (-sa start), values with or without
// a blank before them, the last one counts. It differs in that what nobody knows is an error.
func ParseOptions(args []string) (Options, error) {
	o := Options{Source: "default"}
	for len(args) > 0 && !o.Help {
		arg := args[0]
		args = args[1:]
		var err error
		switch {
		case arg == "--" && len(args) == 0:
		case arg == "--":
			return o, operand(args[0])
		case strings.HasPrefix(arg, "--"):
			args, err = o.long(arg[2:], args)
		case len(arg) > 1 && arg[0] == '-':
			args, err = o.cluster(arg[1:], args)
		default:
			return o, operand(arg)
		}
		if err != nil {
			return o, err
		}
	}
	if o.Help {
		return o, nil
	}
	return o, o.check()
}

// lineError is what is wrong with a command line: a sentence as the original begins it, which scripts may know.
type lineError string

func (e lineError) Error() string { return string(e) }

func badLine(format string, args ...any) error { return lineError(fmt.Sprintf(format, args...)) }

func operand(arg string) error {
	hint := "every argument follows an option"
	if slices.Contains(actions, arg) {
		hint = "did you mean -a " + arg + "?"
	}
	return badLine("Unexpected argument: %s (%s)", arg, hint)
}

// cluster reads -sa start and the like; it returns the arguments that are left.
func (o *Options) cluster(letters string, args []string) ([]string, error) {
	for i := range len(letters) {
		letter := letters[i]
		switch letter {
		case 'h':
			o.Help = true
			return args, nil
		case 's':
			o.Restart = true
			continue
		case 'd':
			o.Dualstack = true
			continue
		}
		if !strings.ContainsRune("acmle", rune(letter)) {
			return nil, badLine("Invalid option: -%c", rune(letter))
		}
		value := letters[i+1:]
		if value == "" {
			if len(args) == 0 {
				return nil, badLine("Option -%c requires an argument", letter)
			}
			value, args = args[0], args[1:]
		}
		return args, o.set(letter, value)
	}
	return args, nil
}

func (o *Options) set(letter byte, value string) (err error) {
	switch letter {
	case 'a':
		o.Action = value
	case 'c':
		o.Source = value
	case 'm':
		if o.Mode, err = agent.ParseMode(value); err != nil || value == "" {
			return badLine("Invalid mode: %s (expected ec2, onPremise, onPrem or auto)", value)
		}
	case 'l':
		o.Level = value
	case 'e':
		o.Variables = append(o.Variables, value)
	}
	return nil
}

// long reads an option of ours, what follows its two dashes.
func (o *Options) long(option string, args []string) ([]string, error) {
	name, value, with := strings.Cut(option, "=")
	var into *string
	switch name {
	case "json", "help":
		if with {
			return nil, badLine("Option --%s takes no argument", name)
		}
		o.JSON, o.Help = o.JSON || name == "json", o.Help || name == "help"
		return args, nil
	case "root":
		into = &o.Root
	case "state":
		into = &o.State
	default:
		return nil, badLine("Invalid option: --%s", name)
	}
	if !with {
		if len(args) == 0 {
			return nil, badLine("Option --%s requires an argument", name)
		}
		value, args = args[0], args[1:]
	}
	if value == "" {
		return nil, badLine("Option --%s requires an argument", name)
	}
	*into = value
	return args, nil
}

// check finds what is missing or means nothing.
func (o *Options) check() error {
	if !slices.Contains(actions, o.Action) && !slices.Contains(hidden, o.Action) {
		return badLine("Invalid action: %s (expected -a %s)", o.Action, strings.Join(actions, ", "))
	}
	switch o.Action {
	case "set-log-level":
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
	if slices.Contains(levels, level) {
		return nil
	}
	hint := "expected -l " + strings.Join(levels, ", ")
	if up := strings.ToUpper(level); slices.Contains(levels, up) {
		hint = "did you mean " + up + "?"
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
	case logLevelVariable:
		return checkLevel(value)
	case ModeVariable:
		if _, err := agent.ParseMode(value); err != nil {
			return badLine("Invalid mode: %s (expected ec2, onPremise, onPrem or auto)", value)
		}
	}
	return nil
}
