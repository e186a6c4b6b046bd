package doctor

import (
	"context"
	"errors"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/nephoscope/nephoscope/agent"
	"github.com/nephoscope/nephoscope/config"
)

// lookAtConfig tells what is wrong with the configuration, and whether it is the one that runs.
func lookAtConfig(_ context.Context, w *World, r *Result) {
	switch {
	case len(w.Sources) == 0:
		r.fail("nephoscope wizard", "there is no configuration: none was named, no agent runs, and the usual folder holds none")
		return
	case errors.Is(w.Unread, fs.ErrNotExist):
		r.fail("nephoscope wizard", "%v", w.Unread)
		return
	case w.Unread != nil:
		r.fail("ls -l "+quotedAll(w.Sources), "%v", w.Unread)
		return
	}
	for _, p := range w.Problems {
		if p.Warning {
			r.warn("", "%s", p.Error())
		} else {
			r.fail("nephoscope check "+quotedAll(w.Sources), "%s", p.Error())
		}
	}
	if w.isAgents() {
		compareWithStatus(w, r)
	}
	if len(r.Findings) == 0 {
		r.Says = strings.Join(w.Sources, ", ") + ": no mistakes"
		if w.isAgents() {
			r.Says += ", and it is what runs"
		}
	}
}

const reload = "sudo systemctl reload nephoscope (or kill -HUP the agent)"

// compareWithStatus finds differences between what is on disk and what runs, as far as the agent tells: collectors, their
// intervals, log paths, version.
func compareWithStatus(w *World, r *Result) {
	if w.Status.Version != "" && w.Version != "" && w.Status.Version != w.Version {
		r.warn("restart the agent", "the agent that runs is version %s, this is %s", w.Status.Version, w.Version)
	}
	wanted, running := map[string]time.Duration{}, map[string]time.Duration{}
	if w.Config.Metrics != nil {
		for _, p := range w.Config.Metrics.Plugins {
			wanted[p.Name] = p.Interval
		}
	}
	if m := w.Status.Metrics; m != nil {
		for _, c := range m.Collectors {
			running[c.Name] = time.Duration(c.Interval) * time.Second
		}
	}
	for _, name := range sortedKeys(wanted) {
		switch is, there := running[name]; {
		case !there:
			r.warn(reload, "%s is in the configuration and is not being collected", name)
		case is != wanted[name]:
			r.warn(reload, "%s is collected every %s, and the configuration says %s", name, is, wanted[name])
		}
	}
	for _, name := range sortedKeys(running) {
		if _, there := wanted[name]; !there {
			r.warn(reload, "%s is being collected and is not in the configuration", name)
		}
	}
	comparePaths(w.Config, w.Status, r)
}

// settled is after how many seconds an agent has begun with everything, if it is well.
const settled = 60

func comparePaths(c *config.Config, s *agent.Status, r *Result) {
	var paths []string
	if c.Logs != nil {
		for _, f := range c.Logs.Files {
			paths = append(paths, f.Path)
		}
	}
	for _, absent := range s.Absent {
		if !slices.Contains(paths, absent) {
			r.warn(reload, "the agent looks for %s, which is not in the configuration", absent)
		}
	}
	if len(s.Logs) < s.Files || s.Health != agent.OK || s.Uptime < settled {
		return // it has told of some only, or some have no name yet: that is for it to say
	}
	for _, path := range paths {
		plain := !strings.ContainsAny(path, "*?[{")
		followed := slices.ContainsFunc(s.Logs, func(l agent.LogFile) bool { return l.Path == path })
		if plain && !followed && !slices.Contains(s.Absent, path) {
			r.warn(reload, "%s is in the configuration, and the agent neither follows nor looks for it", path)
		}
	}
}

func quotedAll(words []string) string {
	var all []string
	for _, word := range words {
		all = append(all, quoted(word))
	}
	return strings.Join(all, " ")
}
