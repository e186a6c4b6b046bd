package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/nephoscope/nephoscope/internal/output"
)

// fewTargets is how many targets are listed unless --json asks for all: those first that cannot be scraped.
const fewTargets = 10

// scraper is what scrapes Prometheus exporters.
func (t *statusTable) scraper() {
	l := t.s.Prometheus
	if l == nil {
		return
	}
	t.line("")
	how := "does not run"
	if l.PID != 0 {
		how = fmt.Sprintf("runs as pid %d for %s", l.PID, t.ago(l.Since))
	}
	t.wrapped("", fmt.Sprintf("Prometheus: %s → log group %s, namespace %s; the scraper %s, after %s", l.ConfigPath, l.LogGroup, l.Namespace, how, output.Count(int(l.Starts), "start")))
	said := fmt.Sprintf("%d scrapes, %d failed", l.Scrapes, l.Failed)
	if failed := reasons(l.Failures); failed != "" {
		said += " (" + failed + ")"
	}
	said += fmt.Sprintf(", %d samples, %d series remembered", l.Samples, l.Series)
	if dropped := reasons(l.Dropped); dropped != "" {
		said += ", left out: " + dropped
	}
	t.wrapped("", said)
	for _, r := range l.Refused {
		t.wrapped("  ", fmt.Sprintf("no room for series of %s of job %s: %d values left out", r.Metric, r.Job, r.Values))
	}
	said = fmt.Sprintf("%d documents = %d accepted", l.Received, l.Accepted)
	if refused := reasons(l.Documents); refused != "" {
		said += ", refused: " + refused
	}
	t.wrapped("", said)
	if l.LastError != "" {
		t.wrapped("", fmt.Sprintf("the last error that it spoke of, %s ago: %s", t.ago(l.LastErrorAt), l.LastError))
	}
	down, _ := l.Down()
	t.line("%s, %d cannot be scraped", output.Count(len(l.Targets), "target"), down)
	shown := 0
	for _, up := range []bool{false, true} {
		for _, target := range l.Targets {
			if target.Up != up || shown == fewTargets {
				continue
			}
			shown++
			switch {
			case target.Waits():
				t.line("  %s %s: not scraped yet", target.Job, target.Instance)
			case up:
				t.line("  %s %s: %d samples in %.0f ms", target.Job, target.Instance, target.Samples, target.Milliseconds)
			default:
				t.wrapped("  ", fmt.Sprintf("%s %s: %s", target.Job, target.Instance, target.LastError))
			}
		}
	}
	if more := len(l.Targets) - shown; more > 0 {
		t.line("  and %d more (--json)", more)
	}
}

// reasons are counts by reason; "": there are none.
func reasons(counts map[string]int64) string {
	var all []string
	for _, reason := range slices.Sorted(maps.Keys(counts)) {
		all = append(all, fmt.Sprintf("%d %s", counts[reason], reason))
	}
	return strings.Join(all, ", ")
}
