package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nephoscope/nephoscope/agent"
	"github.com/nephoscope/nephoscope/config"
	"github.com/nephoscope/nephoscope/internal/install"
	"go.uber.org/zap"
)

// reloader has an agent do what the files say, now and whenever it is told to read them again.
type reloader struct {
	flags   *runFlags
	agent   *agent.Agent
	control *agent.Control
	cloud   *liveCloud
	log     *ownLog
	manager notifier
	renewed chan struct{} // gets something after a reload

	mu          sync.Mutex // a reload at a time
	environment environment
	now         settings // that run
	user        string   // agent.run_as_user at the start
	mode        agent.Mode
	facts       atomic.Pointer[facts]
}

// facts is what there is to tell of the configuration, at any moment.
type facts struct {
	sources   sources // that run
	applied   time.Time
	lastGood  time.Time // of when they are, if an earlier run has kept them
	refused   string
	refusedAt time.Time
	restart   string
}

// reload reads everything again and has it done, or leaves everything as it is.
func (r *reloader) reload() agent.Reloaded {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.manager.tell("RELOADING=1")
	defer func() {
		r.manager.tell("READY=1")
		select {
		case r.renewed <- struct{}{}:
		default: // it is known already
		}
	}()
	s, err := r.flags.read()
	if err != nil {
		return r.refuse(err)
	}
	before := r.environment.set
	next, err := r.flags.understand(s, &r.environment)
	if err != nil {
		r.environment.put(before)
		r.relevel(s)
		return r.refuse(err)
	}
	changes, err := r.replace(next)
	if err != nil {
		r.environment.put(before)
		r.relevel(s)
		if next.reconnects(r.now) {
			r.agent.Reconnect() // what was connected meanwhile
		}
		return r.refuse(err)
	}
	return r.accept(next, changes)
}

// relevel takes up the level of the log of sources that are refused otherwise, if it is all that env-config.json says anew: who
// looks for what is wrong needs it now.
func (r *reloader) relevel(s sources) {
	was, _, err := parseEnvironment(r.now.sources.Environment)
	now, _, err2 := parseEnvironment(s.Environment)
	if errors.Join(err, err2) != nil {
		return
	}
	level, said := now[config.LogLevelVariable]
	delete(was, config.LogLevelVariable)
	delete(now, config.LogLevelVariable)
	if !maps.Equal(was, now) {
		return
	}
	variables := maps.Clone(r.environment.set)
	if delete(variables, config.LogLevelVariable); said {
		variables[config.LogLevelVariable] = level
	}
	r.environment.put(variables)
	r.now.level = r.flags.levelOf(r.now.config)
	r.log.level.SetLevel(r.now.level)
}

// replace has settings run. On an error what ran before runs, but for the environment.
func (r *reloader) replace(next settings) (agent.Changes, error) {
	was := r.now.config.Agent
	var out io.WriteCloser
	path, before := r.flags.logFor(next.config), r.flags.logFor(r.now.config)
	if path != before || r.log.strayed {
		var err error
		if out, err = logOutput(path); err != nil && path != before {
			return agent.Changes{}, err
		}
	}
	err := r.control.Listen(next.config.Agent.StatusAddress)
	if err != nil && next.config.Agent.StatusAddress == was.StatusAddress { // nor could it be before
		r.log.Warn("the agent works without its status_address", zap.Error(err))
		err = nil
	}
	var changes agent.Changes
	if err == nil {
		if changes, err = r.agent.Replace(next.config, r.flags.patience); err != nil {
			_ = r.control.Listen(was.StatusAddress) // as well as it was
		}
	}
	switch {
	case err != nil && out != nil:
		_ = out.Close() // nothing was written
	case out != nil:
		r.log.Info("the log goes on elsewhere", zap.String("logfile", path))
		r.log.out.lead(out)
		r.log.strayed = false
	}
	return changes, err
}

// accept notes that settings run.
func (r *reloader) accept(next settings, changes agent.Changes) agent.Reloaded {
	was := r.now
	r.now = next
	done := agent.Reloaded{
		Applied: true, Changed: changes.Started+changes.Stopped > 0 || next.differs(was),
		Started: changes.Started, Stopped: changes.Stopped, Undisturbed: changes.Undisturbed,
		Problems: slices.Clone(next.warnings),
	}
	if next.reconnects(was) {
		r.cloud.Store(&cloud{next.common, r.mode})
		r.agent.Reconnect()
	}
	r.log.level.SetLevel(next.level)
	limitMemory(next.config)
	known := facts{sources: next.sources, applied: time.Now()}
	for _, p := range r.restartFor(next) {
		known.restart = strings.TrimPrefix(known.restart+"; "+p.Error(), "; ")
		done.Restart = strings.TrimPrefix(done.Restart+" and "+p.Path, " and ")
		done.Problems = append(done.Problems, p)
		r.log.Warn(p.Error())
	}
	if !done.Changed {
		known.applied = r.facts.Load().applied
	}
	r.facts.Store(&known)
	for _, w := range next.beside {
		r.log.Warn(w.Error())
	}
	r.keep()
	return done
}

// restartFor is what of settings takes effect after a restart alone.
func (r *reloader) restartFor(next settings) (problems []config.Problem) {
	if cmp.Or(r.flags.userFor(next.config), "root") != cmp.Or(r.user, "root") {
		problems = append(problems, config.Suspicion(next.config.At("agent.run_as_user"), "another user takes effect after a restart alone", "restart the agent"))
	}
	if next.mode != r.mode {
		problems = append(problems, config.Suspicion(config.Place{Path: install.ModeVariable}, "another mode takes effect after a restart alone", "restart the agent"))
	}
	return problems
}

// keep keeps what runs for a start at which what is on disk has mistakes.
func (r *reloader) keep() {
	if err := keepLastGood(r.flags.state, r.now.sources); err != nil {
		r.log.Warn("should the configuration have mistakes at the next start, there will be no good one to run with", zap.Error(err))
	}
}

// keepWhenUp keeps what the agent was started with, once it is up.
func (r *reloader) keepWhenUp() {
	if err := r.agent.AwaitUp(context.Background()); err != nil {
		return // it is being stopped
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.keep() // what a reload has accepted meanwhile is up as well
}

// refuse notes that what was read does not run.
func (r *reloader) refuse(err error) agent.Reloaded {
	known := *r.facts.Load()
	known.refused, known.refusedAt = inShort(err), time.Now()
	r.facts.Store(&known)
	for line := range strings.SplitSeq(err.Error(), "\n") {
		r.log.Error("configuration not applied, the old one goes on: " + line)
	}
	mistakes, _ := errors.AsType[config.Problems](err)
	return agent.Reloaded{Reason: known.refused, Problems: mistakes}
}

// inShort is an error in a line: of many mistakes the first.
func inShort(err error) string {
	first, more, _ := strings.Cut(err.Error(), "\n")
	if more != "" {
		first = fmt.Sprintf("%s (and %d more)", first, strings.Count(more, "\n")+1)
	}
	return first
}

// tell says where what runs comes from, and reads the files to see whether they still say so.
func (r *reloader) tell() agent.Configuration {
	known := r.facts.Load()
	c := agent.Configuration{
		OnDisk: agent.Differs, Applied: known.applied, LastGood: !known.lastGood.IsZero(), Refused: known.refused, RefusedAt: known.refusedAt,
		Restart: known.restart, LogLevel: levelName(r.log.level.Level()),
	}
	switch there, err := r.flags.read(); {
	case err != nil:
		c.OnDisk = agent.Unreadable
	case there.same(known.sources):
		c.OnDisk = agent.Runs
	}
	return c
}
