package config

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestUnknownMeasurementIsAMistakeWithASuggestion(t *testing.T) {
	f := func(plugin, name, hint string) {
		t.Helper()
		_, err := Parse("f", fmt.Appendf(nil, `{"metrics": {"metrics_collected": {%q: {"measurement": [%q]}}}}`, plugin, name))
		problems, _ := err.(Problems)
		if len(problems) != 1 || !strings.Contains(problems[0].Text, fmt.Sprintf("%s has no measurement %q", plugin, name)) || !strings.Contains(problems[0].Hint, hint) {
			t.Errorf("%s %s: got %v", plugin, name, err)
		}
	}
	f("cpu", "usage_idel", `did you mean "usage_idle"?`)
	f("mem", "mem_used_percents", `did you mean "used_percent"?`)
	f("cpu", "cpu_idle", `did you mean "usage_idle"?`)
	f("cpu", "iowait", `did you mean "usage_iowait"?`)
	f("cpu", "load", `there are time_active, `)
	f("mem", "percent", `did you mean "used_percent"?`)
	f("mem", "mem_free_percent", `there are active, available, `)
	f("disk", "disk_free_percent", `there are free, total, `)
	f("disk", "inodes_fre", `did you mean "inodes_free"?`)
	f("diskio", "writ_bytes", `did you mean "write_bytes"?`)
	f("swap", "total", `there are free, used, used_percent`)
	f("net", "byte_sent", `did you mean "bytes_sent"?`) // of a plugin that is not collected yet
	f("nvidia_gpu", "gpu", `there are `)
}

// Every name of the original is accepted, short and long.
func TestEveryMeasurementName(t *testing.T) {
	count := 0
	for _, k := range configShape().under("metrics").under("metrics_collected").keys {
		one, many := `{"measurement": [%q, %q]}`, ""
		s := k.shape
		if s.kind == list {
			many, s = `[{"exe": "x", "measurement": [%q, %q]}]`, s.items
		}
		m := s.under("measurement")
		if m == nil || m.items.measures.names == nil {
			continue
		}
		for _, name := range m.items.measures.names {
			count++
			for _, written := range []string{name, m.items.measures.plugin + "_" + name} {
				form := one
				if many != "" {
					form = many
				}
				c, err := Parse("f", fmt.Appendf(nil, `{"metrics": {"metrics_collected": {%q: `+form+`}}}`, k.name, written, " "+written))
				if err != nil {
					t.Errorf("%s: %v", written, err)
					continue
				}
				if got := len(c.Metrics.Plugins) > 0 && c.Metrics.Plugins[0].Measurements[0].Name == name; got != (k.state == done) {
					t.Errorf("%s is measured: %t", written, got)
				}
			}
		}
	}
	if want := 22 + 7 + 28 + 11 + 3 + 8 + 13 + 11 + 2*17 + 22 + 54 + 3 + 6 + 3 + 3 + 1 + 5 + 1 + 11; count != want {
		t.Errorf("there are %d names, want %d", count, want)
	}
}

func TestProcstatEntriesAreAPluginEach(t *testing.T) {
	c := mustParse(t, `{"metrics": {"metrics_collected": {"procstat": [
		{"pattern": "a", "exe": "b", "pid_file": "/c", "measurement": ["procstat_pid_count", "pid"], "metrics_collection_interval": 1},
		{"exe": "b", "measurement": ["pid"]}, {"exe": "b", "pattern": "a", "measurement": ["cpu_usage"]}, {"pattern": "b", "measurement": []}]}}}`)
	var got []string
	for _, p := range c.Metrics.Plugins {
		line := fmt.Sprintf("%s every %s:", p.Called(), p.Interval)
		for _, m := range p.Measurements {
			line += " " + p.WireName(m)
		}
		got = append(got, line)
	}
	want := []string{"procstat pid_file /c every 1s: procstat_lookup_pid_count procstat_pid", "procstat exe b every 1m0s: procstat_cpu_usage"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if p := (Plugin{Name: "cpu"}); p.Called() != "cpu" || p.WireName(Measurement{Name: "usage_idle", Rename: "IDLE"}) != "IDLE" {
		t.Error(p.Called())
	}
}
