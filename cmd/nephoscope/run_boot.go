package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/nephoscope/nephoscope/config"
)

// boot finds what to run with: what is on disk, or, if that has mistakes, what came up last. refused is why then.
func (r *reloader) boot() (refused error, err error) {
	f := r.flags
	s, err := f.read()
	if err == nil {
		r.now, err = f.understand(s, &r.environment)
	}
	if err == nil {
		r.facts.Store(&facts{sources: s, applied: time.Now()})
		return nil, nil
	}
	exit := &exitError{exitUnread, err}
	if _, wrong := errors.AsType[config.Problems](err); wrong {
		exit = &exitError{exitMistakes, fmt.Errorf("the configuration has mistakes:\n%w", err)}
	}
	if f.strict || errors.Is(err, fs.ErrNotExist) {
		return nil, exit
	}
	old, keptErr := recall(f.state, s.Paths)
	if keptErr == nil {
		r.now, keptErr = f.understand(old.sources, &r.environment)
	}
	if keptErr == nil && f.user != "" {
		// Whoever had the state folder last may have written it, and the unit makes all of it root's before we see it. It decides
		// what is read, but not as whom.
		r.now.config.Agent.RunAsUser = ""
	}
	if keptErr == nil {
		keptErr = mayRunAs(old, f.userFor(r.now.config))
	}
	if keptErr != nil {
		if !errors.Is(keptErr, fs.ErrNotExist) {
			exit.err = fmt.Errorf("%w\nnor can the last good one be used: %w", exit.err, keptErr)
		}
		return nil, exit
	}
	r.facts.Store(&facts{sources: old.sources, applied: time.Now(), lastGood: old.when, refused: inShort(err), refusedAt: time.Now()})
	return err, nil
}

// tellBoot says loudly that something else runs than what was asked for.
func (r *reloader) tellBoot(refused error) {
	for _, w := range r.now.beside {
		r.log.Warn(w.Error())
	}
	if refused == nil {
		return
	}
	said := "the configuration cannot be used; running with the last good one, of " + r.facts.Load().lastGood.Format(time.RFC3339)
	if r.flags.logFor(r.now.config) != "" {
		fmt.Fprintln(os.Stderr, "nephoscope: "+said+":\n"+refused.Error())
	}
	r.log.Error(said)
	for line := range strings.SplitSeq(refused.Error(), "\n") {
		r.log.Error("configuration not applied: " + line)
	}
}
