package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"github.com/nephoscope/nephoscope/agent"
	"github.com/nephoscope/nephoscope/config"
	"github.com/nephoscope/nephoscope/internal/install"
)

// lookAtConfig tells what is wrong with the configuration, and whether it is the one that runs.
func lookAtConfig(_ context.Context, w *World, r *Result) {
	repeat(w.Beside, "", r)
	switch {
	case len(w.Sources) == 0 && errors.Is(w.NoStatus, fs.ErrPermission):
		r.fail(asRoot, "the agent may not be asked by this user for its configuration, and none was named")
		return
	case len(w.Sources) == 0:
		r.fail("nephoscope wizard", "there is no configuration: none was named, no agent runs, and the usual folder holds none")
		return
	case errors.Is(w.Unread, fs.ErrNotExist):
		r.fail("nephoscope wizard", "%v", w.Unread)
		return
	case errors.Is(w.Unread, fs.ErrPermission):
		r.fail(asRoot+" (as root already: ls -l "+quotedAll(w.Sources)+")", "%v", w.Unread)
		return
	case w.Unread != nil:
		r.fail("ls -l "+quotedAll(w.Sources), "%v", w.Unread)
		return
	}
	repeat(w.Problems, "nephoscope check "+quotedAll(w.Sources), r)
	if w.isAgents() {
		compareWithStatus(w, r)
	}
	if len(r.Findings) == 0 {
		r.Says = strings.Join(w.Sources, ", ") + ": no mistakes"
		if w.isAgents() && w.Status.Configuration.OnDisk == agent.Runs {
			r.Says += ", and it is what runs"
		}
	}
}

func repeat(problems []config.Problem, cure string, r *Result) {
	for _, p := range problems {
		if p.Warning {
			r.warn("", "%s", p.Error())
		} else {
			r.fail(cure, "%s", p.Error())
		}
	}
}

// compareWithStatus repeats what the agent says of the configuration on disk, beside the one that runs.
func compareWithStatus(w *World, r *Result) {
	if w.Status.Version != "" && w.Version != "" && w.Status.Version != w.Version {
		r.warn("restart the agent", "the agent that runs is version %s, this is %s", w.Status.Version, w.Version)
	}
	c := w.Status.Configuration
	reload := fmt.Sprintf("sudo kill -HUP %d", w.Status.PID)
	check := "nephoscope check " + quotedAll(w.Sources) + ", then " + reload
	switch {
	case c.LastGood && c.OnDisk != agent.Runs:
		r.warn(check, "what is on disk is not what runs, which is the last good one: %s", c.Refused)
	case c.OnDisk == agent.Differs && c.Refused != "":
		r.warn(check, "what is on disk is not what runs; it was refused: %s", c.Refused)
	case c.OnDisk == agent.Differs:
		r.warn(reload, "what is on disk has been changed since it was applied, at %s", c.Applied.UTC().Format(time.RFC3339))
	case c.OnDisk == agent.Unreadable:
		r.warn("ls -l "+quotedAll(w.Sources), "what is on disk cannot be read by the agent at the moment")
	}
	if c.Restart != "" {
		r.warn("restart the agent", "%s", c.Restart)
	}
}

func quotedAll(words []string) string {
	var all []string
	for _, word := range words {
		all = append(all, install.ShellWord(word))
	}
	return strings.Join(all, " ")
}
