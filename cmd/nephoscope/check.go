package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"

	"github.com/nephoscope/nephoscope/agent"
	"github.com/nephoscope/nephoscope/config"
	"github.com/nephoscope/nephoscope/internal/output"
	"github.com/spf13/cobra"
)

func newCheck() *cobra.Command {
	var asJSON, schema bool
	var system string
	cmd := &cobra.Command{
		Use:   "check [FILE|DIR|- ...]",
		Short: "Say what is wrong with a configuration, without starting anything",
		Long: `Check reads configuration files (a folder: all files in it; -: standard input; env:NAME: that variable), merges them as run does, builds
everything that run would start, and prints every mistake and warning with its place:

  file:line:column: json.path: what is wrong (what to do about it)

Without a path, the installed configuration is checked. Environment variables in the configuration, ${NAME}, are filled in from the environment of check itself.

What the operating system cannot do is a warning. --os asks for another one than this.

Of logs.metrics_collected.prometheus the scrape configuration is checked as well, by nephoscope-prometheus. That this program is not
installed, or that there is no such file yet, is a warning: the agent starts without them.

With --schema it prints the JSON Schema of a configuration instead, for editors that complete and validate.

Exit status: 0 fine (there may be warnings), 1 mistakes, 2 a file could not be read.
` + noJSON,
		Example: `  nephoscope check /opt/aws/amazon-cloudwatch-agent/bin/config.json
  sudo nephoscope check              # what is installed
  nephoscope check --os darwin config.json
  nephoscope check env:CW_CONFIG_CONTENT
  nephoscope check --schema > schema.json`,
		RunE: func(cmd *cobra.Command, paths []string) error {
			switch {
			case system != runtime.GOOS && !slices.Contains(config.Systems(), system):
				return &exitError{exitUnread, fmt.Errorf("check: unknown system --os %s (%s)", system, strings.Join(config.Systems(), ", "))}
			case schema && len(paths) > 0:
				return &exitError{exitUnread, errors.New("check: --schema is about every configuration; name no file with it")}
			case schema:
				_, err := cmd.OutOrStdout().Write(config.JSONSchema())
				return err
			case len(paths) == 0:
				installed, err := installedConfigs(layoutOf(cmd))
				if err != nil {
					return &exitError{exitUnread, fmt.Errorf("check: %w; name a file, a folder of them, or - for standard input", err)}
				}
				paths = []string{installed}
				fmt.Fprintln(cmd.ErrOrStderr(), "checking what is installed: "+installed)
			}
			c, err := config.LoadFor(system, paths...)
			problems, err := problemsOf(c, err)
			if err != nil {
				return &exitError{exitUnread, err}
			}
			if system == runtime.GOOS {
				problems = onThisHost(contextOf(cmd), layoutOf(cmd), c, problems, strict)
			}
			mistakes := len(onlyMistakes(problems))
			if asJSON {
				printJSON(cmd.OutOrStdout(), problems, mistakes)
			} else {
				printProblems(cmd.OutOrStdout(), problems, mistakes)
			}
			if mistakes > 0 {
				return &exitError{status: exitMistakes}
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&schema, "schema", false, "print the JSON Schema of config.json")
	cmd.Flags().StringVar(&system, "os", runtime.GOOS, "the operating `system` to check for: "+strings.Join(config.Systems(), ", "))
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON document: {\"ok\": …, \"problems\": […]}")
	addRoot(cmd)
	return cmd
}

// noJSON is said by the commands that have --json.
const noJSON = "With status 2 nothing is printed on standard output, not even with --json: the reason is on standard error."

// problemsOf returns everything that is wrong with or suspicious in what config.Load returned, in the order of the files.
// The error says what could not be read.
func problemsOf(c *config.Config, err error) ([]config.Problem, error) {
	mistakes, wrong := errors.AsType[config.Problems](err)
	if err != nil && !wrong {
		return nil, err
	}
	later, err := agent.Check(c) // of a configuration with mistakes: what could be read of it
	problems := slices.Concat(c.Warnings, mistakes, later)
	if further, ok := errors.AsType[config.Problems](err); ok {
		problems = append(problems, further...)
	} else if err != nil {
		return nil, err
	}
	slices.SortStableFunc(problems, func(a, b config.Problem) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return problems, nil
}

func onlyMistakes(problems []config.Problem) (mistakes config.Problems) {
	for _, p := range problems {
		if !p.Warning {
			mistakes = append(mistakes, p)
		}
	}
	return mistakes
}

func printProblems(w io.Writer, problems []config.Problem, mistakes int) {
	for _, p := range problems {
		if p.Warning {
			fmt.Fprintln(w, "warning: "+p.Error())
		} else {
			fmt.Fprintln(w, p.Error())
		}
	}
	switch warnings := len(problems) - mistakes; {
	case mistakes > 0:
		fmt.Fprintf(w, "%s, %s\n", output.Count(mistakes, "mistake"), output.Count(warnings, "warning"))
	case warnings > 0:
		fmt.Fprintf(w, "fine, with %s\n", output.Count(warnings, "warning"))
	default:
		fmt.Fprintln(w, "fine")
	}
}

func printJSON(w io.Writer, problems []config.Problem, mistakes int) {
	if problems == nil {
		problems = []config.Problem{}
	}
	_ = output.JSON(w, struct { // whoever reads may have gone
		OK       bool             `json:"ok"`
		Problems []config.Problem `json:"problems"`
	}{mistakes == 0, problems})
}
