package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/nephoscope/nephoscope/internal/install"
)

// The original's programs: this one answers to their names.
const (
	ctlName   = "amazon-cloudwatch-agent-ctl"
	agentName = "amazon-cloudwatch-agent"
)

// called says for each name of the original's programs which of our command lines it stands for.
func called(name string) (translate func(args []string) ([]string, error), known bool) {
	translate, known = map[string]func([]string) ([]string, error){
		ctlName:                                 standsFor("ctl"),
		agentName:                               helped("run", agentLine),
		"amazon-cloudwatch-agent-config-wizard": standsFor("wizard"),
		"start-amazon-cloudwatch-agent":         helped("run", startLine),
		"config-translator":                     helped("check", translatorLine),
		"config-downloader":                     helped("ctl", downloaderLine),
	}[name]
	return translate, known
}

// calledBy is the name of the program without its folder.
func calledBy(path string) string { return strings.TrimSuffix(filepath.Base(path), ".exe") }

// commandLine is what to execute, by the name that the program was called by.
func commandLine(argv []string) ([]string, error) {
	if len(argv) == 0 {
		return nil, nil
	}
	translate, known := called(calledBy(argv[0]))
	if !known {
		return argv[1:], nil
	}
	return translate(argv[1:])
}

func standsFor(command string) func([]string) ([]string, error) {
	return func(args []string) ([]string, error) { return append([]string{command}, args...), nil }
}

// helped has -h answered by the command of ours that is run in the end.
func helped(command string, translate func([]string) ([]string, error)) func([]string) ([]string, error) {
	return func(args []string) ([]string, error) {
		if len(args) > 0 && slices.Contains([]string{"-h", "-help", "--help"}, args[0]) {
			return []string{command, "--help"}, nil
		}
		return translate(args)
	}
}

// startLine is run with its defaults; what the original would translate first is read as it is.
func startLine(args []string) ([]string, error) {
	if len(args) > 0 {
		return nil, fmt.Errorf("start-amazon-cloudwatch-agent takes no arguments, not %s", strings.Join(args, " "))
	}
	return []string{"run"}, nil
}

// agentLine is run. What the original generates for itself and hands to it is not needed; a JSON configuration is read.
func agentLine(args []string) ([]string, error) {
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		if translate, known := called(strings.Replace(args[0], "config-wizard", "amazon-cloudwatch-agent-config-wizard", 1)); known {
			return translate(args[1:])
		}
		return args, nil // a command of ours
	}
	flags := flagsOf(agentName)
	path := flags.String("config", "", "")
	version := flags.Bool("version", false, "")
	unused := map[string]bool{"otelconfig": true, "envconfig": true, "pidfile": true, "startup-error-file": true}
	for name := range unused {
		flags.Func(name, "", func(string) error { return nil })
	}
	flags.Bool("debug", false, "")
	flags.Bool("quiet", false, "")
	if err := parse(flags, args); err != nil {
		return nil, err
	}
	if *version {
		return []string{"--version"}, nil
	}
	line := []string{"run"}
	flags.Visit(func(f *flag.Flag) {
		if unused[f.Name] {
			fmt.Fprintf(os.Stderr, "-%s is not needed here and ignored\n", f.Name)
		}
		if f.Name == "debug" {
			line = append(line, "--log-level", "debug")
		}
	})
	if filepath.Ext(*path) == ".toml" {
		fmt.Fprintf(os.Stderr, "-config %s is ignored: the JSON that it is made of is read\n", *path)
	} else if *path != "" {
		line = append(line, "--config", *path)
	}
	return line, nil
}

// translatorLine is check: there is nothing to translate into.
func translatorLine(args []string) ([]string, error) {
	flags := flagsOf("config-translator")
	layout := install.Layout{}
	file := flags.String("input", filepath.Join(layout.Etc(), "amazon-cloudwatch-agent.json"), "")
	folder := flags.String("input-dir", layout.Configs(), "")
	for _, name := range []string{"output", "mode", "config", "multi-config", "os"} {
		flags.String(name, "", "")
	}
	if err := parse(flags, args); err != nil {
		return nil, err
	}
	fmt.Fprintln(os.Stderr, "nothing is translated and no output is written: the agent reads the JSON itself, which is checked here")
	line := []string{"check"}
	for _, path := range []string{*file, *folder} {
		if _, err := os.Stat(path); err == nil {
			line = append(line, path)
		}
	}
	if len(line) == 1 {
		return nil, fmt.Errorf("config-translator: there is neither %s nor %s", *file, *folder)
	}
	return line, nil
}

// downloaderLine is the control command's fetch-config and its sisters: what is downloaded is stored when it is fine.
func downloaderLine(args []string) ([]string, error) {
	flags := flagsOf("config-downloader")
	store := (install.Layout{}).Configs()
	folder := flags.String("output-dir", store, "")
	source := flags.String("download-source", "default", "")
	mode := flags.String("mode", "", "")
	multi := flags.String("multi-config", "default", "")
	flags.String("config", "", "")
	dualstack := flags.Bool("dualstack", false, "")
	if err := parse(flags, args); err != nil {
		return nil, err
	}
	action := map[string]string{"default": "fetch-config", "append": "append-config", "remove": "remove-config"}[*multi]
	switch {
	case filepath.Clean(*folder) != store:
		return nil, fmt.Errorf("config-downloader: configurations are stored in %s alone, not in %s", store, *folder)
	case action == "":
		return nil, fmt.Errorf("config-downloader: unknown -multi-config %q (default, append or remove)", *multi)
	}
	line := []string{"ctl", "-a", action, "-c", *source}
	if *mode != "" {
		line = append(line, "-m", *mode)
	}
	if *dualstack {
		line = append(line, "-d")
	}
	return line, nil
}

func flagsOf(name string) *flag.FlagSet {
	flags := flag.NewFlagSet(name, flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	return flags
}

func parse(flags *flag.FlagSet, args []string) error {
	err := flags.Parse(args)
	if err == nil && flags.NArg() > 0 {
		err = fmt.Errorf("unexpected argument %s", flags.Arg(0))
	}
	if err != nil {
		return fmt.Errorf("%s: %w", flags.Name(), err)
	}
	return nil
}
