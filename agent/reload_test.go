package agent

import (
	"encoding/json"
	"maps"
	"os"
	"slices"
	"testing"

	"github.com/nephoscope/nephoscope/collectors"
	"github.com/nephoscope/nephoscope/config"
	"go.uber.org/zap"
)

// section is what a plugin's section holds.
type section = map[string]any

// whole is a configuration of all these sections; procstat's is a list of one.
func whole(t *testing.T, sections map[string]section) *config.Config {
	t.Helper()
	plugins := map[string]any{}
	for name, s := range sections {
		plugins[name] = s
		if name == "procstat" {
			plugins[name] = []any{s}
		}
	}
	own := plugins[config.SelfMetrics]
	delete(plugins, config.SelfMetrics)
	raw, err := json.Marshal(map[string]any{
		"agent": section{"region": "eu-west-1"}, "metrics": section{"metrics_collected": plugins}, "nephoscope": section{config.SelfMetrics: own},
	})
	if err != nil {
		t.Fatal(err)
	}
	return parse(t, string(raw))
}

// collected is the smallest section of every plugin with measurements that this version collects, as the published schema
// lists them.
func collected(t *testing.T) map[string]section {
	t.Helper()
	raw, err := os.ReadFile("../docs/schema.json")
	if err != nil {
		t.Fatal(err)
	}
	type object struct {
		Properties map[string]json.RawMessage `json:"properties"`
	}
	under := func(raw json.RawMessage, key string) json.RawMessage {
		var o object
		if err := json.Unmarshal(raw, &o); err != nil {
			t.Fatal(err)
		}
		return o.Properties[key]
	}
	var plugins object
	if err := json.Unmarshal(under(under(raw, "metrics"), "metrics_collected"), &plugins); err != nil {
		t.Fatal(err)
	}
	sections := map[string]section{config.SelfMetrics: {"namespace": "Own"}, "ethtool": {"interface_include": []string{"no such interface"}}}
	for name := range plugins.Properties {
		if name == "nvidia_smi" {
			continue // another name of nvidia_gpu
		}
		measurements := config.Measurements(name)
		if len(measurements) == 0 {
			continue // a listener, which would take an address of this host
		}
		s := section{"measurement": measurements[:1]}
		if name == "procstat" {
			s["pattern"] = "no such process"
		}
		one, err := json.Marshal(map[string]any{name: map[bool]any{true: []any{s}, false: s}[name == "procstat"]})
		if err != nil {
			t.Fatal(err)
		}
		c, err := config.Parse("f", []byte(`{"metrics": {"metrics_collected": `+string(one)+`}}`))
		if err == nil && len(c.Metrics.Plugins) > 0 {
			sections[name] = s
		}
	}
	return sections
}

// Whatever changes in the section of a plugin replaces its task, and leaves every other alone.
func TestChangeOfAnySectionReplacesThatTaskAlone(t *testing.T) {
	log, _ := logged()
	a := newAgent(t, log)
	sections := collected(t)
	for _, name := range collectors.Names() {
		if sections[name] == nil {
			t.Errorf("%s is not in the test", name)
		}
	}
	apply := func(what string, started, stopped int) {
		t.Helper()
		a.mu.Lock()
		defer a.mu.Unlock()
		before := len(a.running)
		changes, fresh, err := a.apply(whole(t, sections))
		if err != nil {
			t.Fatal(err)
		}
		if want := (Changes{started, stopped, before - stopped}); changes != want {
			t.Errorf("%s: got %+v, want %+v", what, changes, want)
		}
		if stopped > 0 && fresh[0].Name != "collector "+what && what != "procstat" {
			t.Errorf("%s: started %s", what, fresh[0].Name)
		}
	}
	apply("all", len(sections)+1, 0) // and the publisher
	for _, name := range slices.Sorted(maps.Keys(sections)) {
		s := sections[name]
		interval := "metrics_collection_interval"
		if name == config.SelfMetrics {
			interval = "interval"
		}
		if name == "ethtool" {
			s["metrics_include"] = []string{"rx_bytes"} // it takes the interval of the agent
		} else {
			s[interval] = 3600
		}
		apply(name, 1, 1)
		apply(name, 0, 0)
		if all := config.Measurements(name); len(all) > 1 {
			s["measurement"] = all[1:2]
			apply(name, 1, 1)
		}
		if name != config.SelfMetrics {
			s["append_dimensions"] = section{"d": "v"}
			apply(name, 1, 1)
		}
		if name == config.SelfMetrics {
			s["namespace"] = "Other"
			apply(name, 1, 1)
		}
	}
	gone := "mem"
	delete(sections, gone)
	a.mu.Lock()
	changes, _, err := a.apply(whole(t, sections))
	a.mu.Unlock()
	if err != nil || changes.Started != 0 || changes.Stopped != 1 {
		t.Errorf("without %s: %+v, %v", gone, changes, err)
	}
}

func TestChangeOfTheSeriesBudgetRestartsNothingAndForgetsNothing(t *testing.T) {
	s := &sky{region: "eu-west-1"}
	a := newAgent(t, zap.NewNop())
	a.env.Cloud, a.identity.env.Cloud = s, s
	with := func(budget string) Changes {
		t.Helper()
		a.mu.Lock()
		defer a.mu.Unlock()
		changes, _, err := a.apply(parse(t, `{"agent": {"region": "eu-west-1", "hostname": "h"}, "nephoscope": {"series_budget": `+budget+`},
			"metrics": {"force_flush_interval": 1, "metrics_collected": {"mem": {"measurement": ["used", "free", "total"], "metrics_collection_interval": 1}}}}`))
		if err != nil {
			t.Fatal(err)
		}
		return changes
	}
	with("2")
	eventually(t, func() bool {
		m := a.Status().Metrics
		return m != nil && m.Sent > 0 && m.OverBudget > 0
	})
	status := a.Status()
	l := status.Metrics.Series
	if l.Budget != 2 || l.Known != 2 || len(l.Plugins) != 1 || l.Plugins[0].Name != "mem" || l.Plugins[0].RefusedSeries != 1 || l.Plugins[0].Example == "" {
		t.Errorf("got %+v", l)
	}
	if !status.Metrics.Balanced() || status.Health != Degraded {
		t.Errorf("%s, %+v", status.Health, status.Metrics.DataLedger)
	}
	if changes := with("4"); changes.Started+changes.Stopped != 0 {
		t.Errorf("got %+v", changes)
	}
	eventually(t, func() bool { m := a.Status().Metrics; return m != nil && m.Series.Known == 3 })
}
