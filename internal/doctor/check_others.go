package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"github.com/nephoscope/nephoscope/internal/install"
)

// lookAtOthers finds agents that would ship the same files and metrics again, and be paid for again.
func lookAtOthers(ctx context.Context, w *World, r *Result) {
	processes, err := w.Host.Processes()
	if errors.Is(err, ErrElsewhere) {
		r.skip("%v", err)
		return
	} else if err != nil {
		r.skip("the processes of this host are not known: %v", err)
		return
	}
	units, _ := w.Host.Units(ctx, append(awslogsUnits(), install.UnitName)...) // without systemd there are none
	lookAtOriginal(w, processes, units, r)
	lookAtAwslogs(processes, units, r)
	lookAtSiblings(w, processes, r)
	if len(r.Findings) == 0 {
		r.Says = "none runs beside"
	}
}

const twice = "it and nephoscope would both ship: everything arrives, and is paid for, twice"

func lookAtOriginal(w *World, processes []Process, units []Unit, r *Result) {
	for _, p := range processes {
		if p.isOriginal() && (w.Status == nil || p.PID != w.Status.PID) { // who has answered us is no original
			r.fail("sudo systemctl disable --now amazon-cloudwatch-agent", "the Amazon CloudWatch agent runs as process %d; %s", p.PID, twice)
			return
		}
	}
	for _, u := range units {
		if u.Name == install.UnitName && u.Loaded && !u.isOurs() && u.AtBoot == "enabled" {
			r.warn("sudo systemctl disable amazon-cloudwatch-agent", "the Amazon CloudWatch agent starts at the next boot; %s", twice)
		}
	}
}

// isOriginal goes by the arguments where it is not known whose program it is: nephoscope may stand under the original's name.
func (p Process) isOriginal() bool {
	if p.Ours {
		return false
	}
	if p.Name == startName {
		return !slices.Contains(p.Args, "run")
	}
	return p.Name == agentName && slices.ContainsFunc(p.Args, func(a string) bool {
		return slices.Contains([]string{"-envconfig", "-otelconfig", "-pidfile", "--envconfig", "--otelconfig", "--pidfile"}, a)
	})
}

// The names of the original's programs under which nephoscope runs as well.
const (
	agentName = "amazon-cloudwatch-agent"
	startName = "start-amazon-cloudwatch-agent"
)

// isSibling tells whether a process is an agent of ours: told to run, or called by a name that means it.
func (p Process) isSibling() bool {
	if p.isOriginal() || !p.Ours && p.Name != agentName && p.Name != startName {
		return false
	}
	if slices.Contains(p.Args, "run") {
		return true
	}
	switch filepath.Base(p.Args[0]) {
	case startName:
		return true
	case agentName:
		return len(p.Args) == 1 || strings.HasPrefix(p.Args[1], "-") && !slices.Contains([]string{"version", "help", "h"}, strings.TrimLeft(p.Args[1], "-"))
	}
	return false
}

func lookAtAwslogs(processes []Process, units []Unit, r *Result) {
	for _, p := range processes {
		if i := slices.Index(p.Args, "logs"); i > 0 && i+1 < len(p.Args) && p.Args[i+1] == "push" {
			r.warn("nephoscope migrate awslogs, then sudo systemctl disable --now awslogsd (or awslogs)", "the awslogs agent runs as process %d; what both are told to ship arrives twice", p.PID)
			return
		}
	}
	for _, u := range units {
		if slices.Contains(awslogsUnits(), u.Name) && u.Loaded && u.AtBoot == "enabled" {
			name := strings.TrimSuffix(u.Name, ".service")
			r.warn("sudo systemctl disable "+name, "the awslogs agent starts at the next boot (%s); what both are told to ship arrives twice", u.Name)
			return
		}
	}
}

// lookAtSiblings finds other agents of ours.
func lookAtSiblings(w *World, processes []Process, r *Result) {
	for _, p := range processes {
		if !p.isSibling() {
			continue
		}
		if w.Status != nil && p.PID == w.Status.PID {
			continue
		}
		state := p.Flag("--state")
		mayBeIt := state == "" || filepath.Clean(state) == filepath.Clean(w.State)
		switch {
		case mayBeIt && errors.Is(w.NoStatus, fs.ErrPermission):
			r.note("nephoscope runs as process %d, and may not be asked by who asks here", p.PID)
		case w.Status == nil && mayBeIt:
			r.warn(fmt.Sprintf("see the log of process %d", p.PID), "nephoscope runs as process %d, and does not answer on %s", p.PID, w.State)
		case sameConfig(p, w.Sources):
			r.fail("stop one of the two", "another nephoscope runs with the same configuration as process %d (state folder %s): everything is shipped twice", p.PID, orDefault(state))
		default:
			r.note("another nephoscope runs as process %d (state folder %s), with a configuration of its own", p.PID, orDefault(state))
		}
	}
}

func orDefault(state string) string {
	if state == "" {
		return "its default"
	}
	return state
}

// Flag is the value of a flag of the command line, in either form.
func (p Process) Flag(name string) string {
	for i, a := range p.Args {
		if value, ok := strings.CutPrefix(a, name+"="); ok {
			return value
		}
		if a == name && i+1 < len(p.Args) {
			return p.Args[i+1]
		}
	}
	return ""
}

// File is the value of a flag that names a file, as it is from here: the process may have been started in another folder.
func (p Process) File(flag string) string {
	path := p.Flag(flag)
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(p.Dir, path)
}

// configs are what the process was told to read, else what it reads by itself.
func (p Process) configs() (all []string) {
	for i, a := range p.Args {
		value, ok := strings.CutPrefix(strings.TrimLeft(a, "-"), "config=")
		if strings.TrimLeft(a, "-") == "config" && i+1 < len(p.Args) {
			value, ok = p.Args[i+1], true
		}
		if !ok || !strings.HasPrefix(a, "-") || filepath.Ext(value) == ".toml" { // which the original makes for itself
			continue
		}
		if !filepath.IsAbs(value) {
			value = filepath.Join(p.Dir, value)
		}
		all = append(all, filepath.Clean(value))
	}
	if len(all) == 0 {
		all = []string{install.Layout{Root: p.File("--root")}.Configs()}
	}
	return all
}

// sameConfig tells whether a process reads one of the sources, or one that lies in such a folder.
func sameConfig(p Process, sources []string) bool {
	return slices.ContainsFunc(sources, func(s string) bool {
		s, err := filepath.Abs(s)
		return err == nil && slices.ContainsFunc(p.configs(), func(c string) bool { return c == s || filepath.Dir(c) == s || filepath.Dir(s) == c })
	})
}
