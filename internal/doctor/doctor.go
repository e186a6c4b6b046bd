// Package doctor looks for what keeps the agent from working on this host: a list of small checks that know nothing of each
// other, over a World that tests can furnish. It changes nothing.
package doctor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Outcome is what a check came to.
type Outcome string

const (
	Fine    Outcome = "ok"
	Warning Outcome = "warning"
	Failed  Outcome = "failed"
	Skipped Outcome = "skipped" // not looked at; Result.Says has the reason
)

// weight orders outcomes: a result is as bad as the worst of its findings.
func (o Outcome) weight() int {
	return slices.Index([]Outcome{Skipped, Fine, Warning, Failed}, o)
}

// Finding is one thing that a check has found.
type Finding struct {
	Outcome Outcome `json:"outcome"`
	What    string  `json:"what"`
	Cure    string  `json:"cure,omitempty"` // a command where there is one, else what to do
}

// Result is what a check has to say.
type Result struct {
	ID       string    `json:"id"`
	Title    string    `json:"title"`
	Looked   string    `json:"looked_at"`
	Outcome  Outcome   `json:"outcome"`
	Says     string    `json:"says"`
	Findings []Finding `json:"findings"`
	Took     int64     `json:"milliseconds"`
}

func (r *Result) add(o Outcome, cure, what string, args ...any) {
	r.Findings = append(r.Findings, Finding{o, fmt.Sprintf(what, args...), cure})
}

func (r *Result) note(what string, args ...any)       { r.add(Fine, "", what, args...) }
func (r *Result) warn(cure, what string, args ...any) { r.add(Warning, cure, what, args...) }
func (r *Result) fail(cure, what string, args ...any) { r.add(Failed, cure, what, args...) }

// skip says why nothing was looked at.
func (r *Result) skip(why string, args ...any) {
	r.Outcome, r.Says, r.Findings = Skipped, fmt.Sprintf(why, args...), nil
}

// conclude makes the outcome and the sentence out of the findings.
func (r *Result) conclude() {
	if r.Findings == nil {
		r.Findings = []Finding{}
	}
	if r.Outcome == Skipped {
		return
	}
	r.Outcome = Fine
	bad := 0
	first := ""
	for _, f := range r.Findings {
		if f.Outcome.weight() > r.Outcome.weight() {
			r.Outcome, first = f.Outcome, f.What
		}
		if f.Outcome.weight() > Fine.weight() {
			bad++
		}
	}
	switch {
	case bad > 1:
		r.Says = fmt.Sprintf("%s; and %d more", first, bad-1)
	case bad == 1:
		r.Says = first
	case r.Says == "":
		var notes []string
		for _, f := range r.Findings {
			notes = append(notes, f.What)
		}
		r.Says = strings.Join(notes, "; ")
	}
}

// check is one thing to look at.
type check struct {
	id, title, looked string
	network           bool
	look              func(context.Context, *World, *Result)
}

// checks are all there are, in the order in which they are told: what others depend on comes first.
func checks() []check {
	return []check{
		{"config", "configuration", "the configuration files, and what runs", false, lookAtConfig},
		{"agent", "running agent", "what the agent says of itself on its control socket", false, lookAtAgent},
		{"service", "service", "systemd's word on whether the agent starts at boot", false, lookAtService},
		{"others", "other agents", "the processes and services of this host", false, lookAtOthers},
		{"files", "log files", "owner, mode, groups and ACL of every file that matches, and of the folders on its way", false, lookAtFiles},
		{"folders", "own folders", "the state folder, spool and log: owner, mode, room", false, lookAtFolders},
		{"limits", "limits", "inotify watches and instances, open files", false, lookAtLimits},
		{"clock", "clock", "whether the kernel's clock is kept in step", false, lookAtClock},
		{"imds", "instance metadata", "the EC2 metadata service, version 2", true, lookAtMetadata},
		{"credentials", "credentials", "where the credentials come from, and who they are", true, lookAtCredentials},
		{"endpoints", "endpoints", "name, connection, certificate, proxy and clock of each endpoint", true, lookAtEndpoints},
		{"permissions", "permissions", "each action that is needed, by requests that can write nothing", true, lookAtPermissions},
	}
}

// IDs are the names of the checks, in their order.
func IDs() (ids []string) {
	for _, c := range checks() {
		ids = append(ids, c.id)
	}
	return ids
}

// Options say what to look at.
type Options struct {
	Only    []string // names of checks; none: all
	Offline bool
	Timeout time.Duration       // for each check; all are done at the same time
	Begin   func(title string)  // a result is waited for
	Told    func(result Result) // in the order of the checks, as they finish
}

// ErrUnknownCheck is that Only names a check that there is not.
var ErrUnknownCheck = errors.New("there is no such check")

// Examine does the checks at the same time, and tells of them in their order. A check that does not end in time is told of
// without it: a disk that hangs cannot be interrupted, and must not hang the doctor.
func Examine(ctx context.Context, w *World, o Options) ([]Result, error) {
	all := checks()
	for _, id := range o.Only {
		if !slices.Contains(IDs(), id) {
			return nil, fmt.Errorf("%w: %q (there are %s)", ErrUnknownCheck, id, strings.Join(IDs(), ", "))
		}
	}
	if len(o.Only) > 0 {
		all = slices.DeleteFunc(all, func(c check) bool { return !slices.Contains(o.Only, c.id) })
	}
	pending := make([]<-chan Result, len(all))
	for i, c := range all {
		pending[i] = c.start(ctx, w, o)
	}
	var results []Result
	for i, c := range all {
		if o.Begin != nil {
			o.Begin(c.title)
		}
		r := <-pending[i]
		if o.Told != nil {
			o.Told(r)
		}
		results = append(results, r)
	}
	return results, nil
}

// start does a check; exactly one result comes, within the timeout and a moment.
func (c check) start(ctx context.Context, w *World, o Options) <-chan Result {
	out := make(chan Result, 1)
	blank := Result{ID: c.id, Title: c.title, Looked: c.looked}
	if c.network && o.Offline {
		blank.skip("not looked at: --offline")
		blank.conclude()
		out <- blank
		return out
	}
	began := time.Now()
	timed, cancel := context.WithTimeout(ctx, o.Timeout)
	done := make(chan Result, 1)
	go func() {
		r := blank
		c.look(timed, w, &r)
		r.conclude()
		done <- r
	}()
	go func() {
		defer cancel()
		var r Result
		select {
		case r = <-done:
		case <-timed.Done():
			select {
			case r = <-done: // it heard of it as well, and has something to say
			case <-time.After(graceAfterTimeout):
				r = blank
				r.fail("does a disk, a network mount or a name server hang?", "it did not end within %s", o.Timeout)
				r.conclude()
			}
		}
		r.Took = time.Since(began).Milliseconds()
		out <- r
	}()
	return out
}

const graceAfterTimeout = 250 * time.Millisecond

// Report is all of it, for machines.
type Report struct {
	Version string    `json:"version"`
	Time    time.Time `json:"time"`
	User    string    `json:"user"` // that the agent runs as, as far as can be told
	State   string    `json:"state_folder"`
	Sources []string  `json:"config_files"`
	Summary Summary   `json:"summary"`
	Checks  []Result  `json:"checks"`
}

// Summary counts results by outcome.
type Summary struct {
	Fine     int `json:"ok"`
	Warnings int `json:"warnings"`
	Failed   int `json:"failed"`
	Skipped  int `json:"skipped"`
}

// Summarize counts.
func Summarize(results []Result) (s Summary) {
	for _, r := range results {
		switch r.Outcome {
		case Fine:
			s.Fine++
		case Warning:
			s.Warnings++
		case Failed:
			s.Failed++
		case Skipped:
			s.Skipped++
		}
	}
	return s
}

// NewReport gathers what a run of the checks has found.
func NewReport(w *World, results []Result) Report {
	sources := w.Sources
	if sources == nil {
		sources = []string{}
	}
	return Report{w.Version, w.Now().UTC().Truncate(time.Second), cmp.Or(w.User.Name, "unknown"), w.State, sources, Summarize(results), results}
}
