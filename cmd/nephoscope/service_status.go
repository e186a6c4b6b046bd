package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"github.com/kardianos/service"
	"github.com/nephoscope/nephoscope/internal/install"
	"github.com/nephoscope/nephoscope/internal/output"
)

// serviceState is what status says.
type serviceState struct {
	Manager   string `json:"manager"`
	Service   string `json:"service"`
	Installed bool   `json:"installed"`
	By        string `json:"by"` // "nephoscope service install", package, other; "": nobody
	Enabled   bool   `json:"enabled"`
	Running   bool   `json:"running"`
	PID       int    `json:"pid,omitempty"`
	Detail    string `json:"detail,omitempty"` // in the manager's own words
	File      string `json:"file,omitempty"`
	Program   string `json:"program,omitempty"`
}

func (s *hostService) status(ctx context.Context) error {
	state, err := s.state(ctx)
	if err != nil {
		return &exitError{exitUnread, err}
	}
	if s.asJSON {
		err = output.JSON(s.out, state)
	} else {
		state.print(s)
	}
	if err == nil && !state.Running {
		err = &exitError{status: exitMistakes}
	}
	return err
}

func (st serviceState) print(s *hostService) {
	row := func(name, value string) { fmt.Fprintf(s.out, "%-17s %s\n", name, value) }
	word := func(yes bool) string { return map[bool]string{true: "yes", false: "no"}[yes] }
	row("service manager", s.manager.title)
	row("service", st.Service)
	installed := word(st.Installed)
	if st.By != "" {
		installed += ", by " + st.By
	}
	row("installed", installed)
	if !st.Installed {
		fmt.Fprintln(s.out, "Install it: sudo nephoscope service install")
		return
	}
	running := word(st.Running)
	if st.PID > 0 {
		running += fmt.Sprintf(", process %d", st.PID)
	}
	if st.Detail != "" {
		running += " (" + st.Detail + ")"
	}
	row("running", running)
	row("starts at boot", word(st.Enabled))
	if st.Program != "" {
		row("program", st.Program)
	}
	row("file", st.File)
	if !st.Running && st.By != byOther && s.running {
		fmt.Fprintln(s.out, "Start it: sudo nephoscope service start")
	}
}

// The ways in which a service came here.
const (
	byUs      = "nephoscope service install"
	byPackage = "package"
	byOther   = "another"
)

// state asks the files and the service manager.
func (s *hostService) state(ctx context.Context) (st serviceState, err error) {
	m := s.manager
	st = serviceState{Manager: m.name, Service: m.service}
	if m.source == "" {
		return s.askLibrary(st)
	}
	for _, path := range append([]string{m.file}, m.elsewhere...) {
		text, err := os.ReadFile(s.at(path))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return st, err
		}
		st.Installed, st.File, st.By = true, path, byOther
		if program := programOf(string(text)); program != "" {
			st.Program, _ = filepath.EvalSymlinks(s.at(program)) // "": it is gone
		}
		if _, ours := recordIn(text); ours && path == m.file {
			st.By = byUs
		} else if s.packaged() != "" {
			st.By = byPackage
		}
		break
	}
	if !st.Installed {
		return st, nil
	}
	st.Enabled = len(m.enabling) == 0
	if len(m.enabling) > 0 {
		_, err := os.Lstat(s.at(m.enabling[0]))
		st.Enabled = err == nil
	}
	if m.commands == nil {
		return s.askLibrary(st)
	}
	if !s.running {
		st.Detail = m.title + " does not run here"
		return st, nil
	}
	line := m.commands[actionStatus]
	said, err := s.command(ctx, line[0], line[1:]...)
	ended := 0
	if failed, ok := errors.AsType[*exec.ExitError](err); ok {
		ended = failed.ExitCode() // which is how some answer
	} else if err != nil {
		return st, fmt.Errorf("%s: %w (name another service manager with --manager)", strings.Join(line, " "), err)
	}
	st.read(said, ended)
	return st, nil
}

var processIn = regexp.MustCompile(`process (\d+)`)

// read takes in what the manager's command has said, and how it has ended.
func (st *serviceState) read(said string, ended int) {
	said = strings.TrimSpace(said)
	switch st.Manager {
	case "systemd":
		facts := map[string]string{}
		for line := range strings.Lines(said) {
			name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
			facts[name] = value
		}
		active, sub := facts["ActiveState"], facts["SubState"]
		st.Running = active == "active" || active == "reloading" || active == "activating" && sub != "auto-restart"
		st.PID, _ = strconv.Atoi(facts["MainPID"]) // 0: none
		if st.Detail = active + ", " + sub; active == sub {
			st.Detail = active
		}
		if facts["LoadState"] != "loaded" {
			st.Detail += ", " + facts["LoadState"]
		}
		return
	case "upstart":
		st.Running = strings.Contains(said, "start/running")
	case "procd":
		st.Running = strings.HasPrefix(said, "running")
	default:
		st.Running = ended == 0
	}
	if found := processIn.FindStringSubmatch(said); found != nil && st.Running {
		st.PID, _ = strconv.Atoi(found[1])
	}
	if !st.Running {
		last := said[strings.LastIndex(said, "\n")+1:]
		st.Detail = output.Printable(strings.TrimPrefix(strings.TrimSpace(last), "* status: "))
	}
}

// askLibrary is for the managers that the library speaks to.
func (s *hostService) askLibrary(st serviceState) (serviceState, error) {
	own, err := s.library()
	if err != nil {
		st.Detail = err.Error()
		return st, nil
	}
	status, err := own.Status()
	if errors.Is(err, service.ErrNotInstalled) {
		return st, nil
	}
	if err != nil {
		return st, err
	}
	st.Installed, st.Running = true, status == service.StatusRunning
	if s.manager.source == "" {
		st.Enabled, st.By, st.Program = registered(st.Service, s.program)
	}
	return st, nil
}

// programOf is the program that a service's file starts, as far as a look at the file tells.
func programOf(text string) string {
	for _, pattern := range []*regexp.Regexp{execStart, execLine, commandLineOf, homeProgram} {
		if found := pattern.FindStringSubmatch(text); found != nil {
			return found[1]
		}
	}
	if strings.Contains(text, "$home/bin/"+agentName) {
		return filepath.Join((install.Layout{}).Bin(), agentName)
	}
	return ""
}

var (
	execStart     = regexp.MustCompile(`(?m)^ExecStart=[-@:+!]*(\S+)`)
	execLine      = regexp.MustCompile(`(?m)^exec (\S+)`)
	commandLineOf = regexp.MustCompile(`(?m)^command=(\S+)`)
	homeProgram   = regexp.MustCompile(`<array>\s*<string>([^<]+)</string>`)
)
