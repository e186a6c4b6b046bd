package agent

import (
	"fmt"
	"time"

	"github.com/nephoscope/nephoscope/publish"
)

// SeriesLedger is how the series budget stands.
type SeriesLedger struct {
	Budget  int            `json:"budget"` // 0: none, and nothing is counted
	Known   int            `json:"known"`  // sent within the last three hours
	Plugins []PluginSeries `json:"plugins"`
}

// PluginSeries is one plugin's part of it. What concerns refused series is of the last three hours, but for RefusedData.
type PluginSeries struct {
	Name          string    `json:"name"` // "": it is not known whose they were
	Known         int       `json:"known"`
	RefusedData   int64     `json:"refused_data"`   // since the agent started
	RefusedSeries int       `json:"refused_series"` // an estimate, as is Values
	Since         time.Time `json:"refused_since,omitzero"`
	LastRefused   time.Time `json:"last_refused,omitzero"`
	Dimension     string    `json:"dimension,omitempty"` // that has the most values among them; "" with Values: the metric's name
	Values        int       `json:"values,omitempty"`
	Example       string    `json:"example,omitempty"`
}

// budget puts in how the series budget stands.
func (s *Status) budget(b *publish.Budget, now time.Time) {
	if s.Metrics == nil || b == nil {
		return
	}
	state := b.State(now)
	l := SeriesLedger{Budget: state.Limit, Known: state.Known, Plugins: []PluginSeries{}}
	for _, p := range state.Plugins {
		r := p.Refused
		l.Plugins = append(l.Plugins, PluginSeries{
			Name: p.Name, Known: p.Known, RefusedData: r.Data, RefusedSeries: r.Series, Since: r.Since, LastRefused: r.Last,
			Dimension: r.Dimension, Values: r.Values, Example: r.Example,
		})
	}
	s.Metrics.Series = l
}

// Offence says what a plugin's refused series have in common; "": none of it was refused lately.
func (p PluginSeries) Offence() string {
	if p.RefusedSeries == 0 {
		return ""
	}
	what := "its metrics have"
	if p.Dimension != "" {
		what = "the dimension " + p.Dimension + " has"
	}
	name := p.Name
	if name == "" {
		name = "an earlier run"
	}
	noun := "values"
	if p.Dimension == "" {
		noun = "names"
	}
	const long = 80
	example := p.Example
	if letters := []rune(example); len(letters) > long {
		example = string(letters[:long]) + "…"
	}
	return fmt.Sprintf("about %d series of %s are refused: %s about %d %s, such as %s", p.RefusedSeries, name, what, p.Values, noun, example)
}

// series says that the budget is used up, for an hour after something was refused.
func (v *verdict) series() {
	if v.Metrics == nil {
		return
	}
	l := v.Metrics.Series
	used := "is used up"
	if l.Known < l.Budget-l.Budget/10 {
		used = "was used up"
	}
	for _, p := range l.Plugins {
		if p.RefusedSeries > 0 && v.now.Sub(p.LastRefused) < lossMemory {
			v.say(Degraded, p.Since, fmt.Sprintf("the series budget of %d %s: %s", l.Budget, used, p.Offence()), remedy(p.Name))
		}
	}
}

// remedy is what to do about a plugin that brings too many series.
func remedy(plugin string) string {
	const raise = ", or raise nephoscope.series_budget; nephoscope explain tells what series cost"
	switch plugin {
	case "disk":
		return "ignore_pseudo_file_systems, ignore_file_system_types or resources of disk leave out what nobody looks at" + raise
	case "cpu", "diskio", "net":
		return "resources of " + plugin + " says which ones are wanted" + raise
	case "statsd", "collectd":
		return "whoever sends this puts something that never ends (a user, a request, a container) into a name or tag" + raise
	}
	return "measure less of it" + raise
}
