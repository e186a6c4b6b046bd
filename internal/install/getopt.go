package install

import (
	"fmt"
	"slices"
	"strings"
)

// option is one option of a command line: a letter, or a word of ours (root, state, json, help).
type option struct{ name, value string }

// lineError is what is wrong with a command line: a sentence as the original begins it, which scripts may know.
type lineError string

func (e lineError) Error() string { return string(e) }

func badLine(format string, args ...any) error { return lineError(fmt.Sprintf(format, args...)) }

// getopt finds the options of a command line as the original's getopts does: letters in clusters (-sa start), values with
// or without a blank before them. An error is about what follows those that were found.
func getopt(args []string) (found []option, err error) {
	for len(args) > 0 {
		arg := args[0]
		args = args[1:]
		switch {
		case arg == "--" && len(args) == 0:
			return found, nil
		case arg == "--":
			return found, operand(args[0])
		case strings.HasPrefix(arg, "--"):
			var word option
			if word, args, err = long(arg[2:], args); err == nil {
				found = append(found, word)
			}
		case len(arg) > 1 && arg[0] == '-':
			var letters []option
			letters, args, err = cluster(arg[1:], args)
			found = append(found, letters...)
		default:
			return found, operand(arg)
		}
		if err != nil {
			return found, err
		}
	}
	return found, nil
}

func operand(arg string) error {
	hint := "every argument follows an option"
	if slices.Contains(actions, arg) {
		hint = "did you mean -a " + arg + "?"
	}
	return badLine("Unexpected argument: %s (%s)", arg, hint)
}

// cluster reads -sa start and the like. The rest is the arguments that are left.
func cluster(letters string, args []string) (found []option, rest []string, err error) {
	for i := range len(letters) {
		letter := letters[i : i+1]
		switch {
		case strings.Contains("hsd", letter):
			found = append(found, option{letter, ""})
		case !strings.Contains("acmle", letter):
			return found, nil, badLine("Invalid option: -%s", letter)
		case i+1 < len(letters):
			return append(found, option{letter, letters[i+1:]}), args, nil
		case len(args) == 0:
			return found, nil, badLine("Option -%s requires an argument", letter)
		default:
			return append(found, option{letter, args[0]}), args[1:], nil
		}
	}
	return found, args, nil
}

// long reads an option of ours, what follows its two dashes.
func long(text string, args []string) (found option, rest []string, err error) {
	name, value, with := strings.Cut(text, "=")
	found = option{name, value}
	switch name {
	case "json", "help":
		if with {
			return found, nil, badLine("Option --%s takes no argument", name)
		}
		return found, args, nil
	case "root", "state":
		if !with && len(args) > 0 {
			found.value, args = args[0], args[1:]
		}
		if found.value == "" {
			return found, nil, badLine("Option --%s requires an argument", name)
		}
		return found, args, nil
	}
	return found, nil, badLine("Invalid option: --%s", name)
}
