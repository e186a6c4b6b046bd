package collectors

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nephoscope/nephoscope/config"
)

// everything is a plugin's section of config.json that asks for all it has.
func everything(plugin string) config.Plugin {
	p := config.Plugin{Name: plugin, Interval: time.Minute, TotalCPU: true, Resources: []string{"*"}}
	if plugin == "procstat" {
		p.Pattern = "." // any that has a command line
	}
	for _, r := range Measurements(plugin) {
		p.Measurements = append(p.Measurements, config.Measurement{Name: r.Name})
	}
	return p
}

func TestThisMachineSaysSomething(t *testing.T) {
	for _, name := range Names() {
		p := everything(name)
		p.Measurements = slices.DeleteFunc(p.Measurements, func(m config.Measurement) bool { // which take a right that not everybody has
			return strings.HasPrefix(m.Name, "ebs_") || strings.HasPrefix(m.Name, "instance_store_")
		})
		c, problems := Build(p, Host{})
		if c == nil || len(problems) > 0 {
			t.Fatalf("%s: %v, %v", name, c, problems)
		}
		_, err1 := c.Collect(t.Context(), time.Now())
		data, err2 := c.Collect(t.Context(), time.Now())
		_, notice := errors.AsType[Notice](err2)
		switch {
		case notice: // it has no such thing
		case name == "conntrack" || name == "pressure" || name == "systemd": // which not every host has
			if err1 != nil || err2 != nil {
				t.Logf("%s: %v", name, err2)
			}
		case err1 != nil || err2 != nil || len(data) == 0 && name != "diskio" && name != "net" && name != "ethtool":
			t.Errorf("%s: %d data, %v, %v", name, len(data), err1, err2)
		}
	}
}

// BenchmarkCollectAll is one collection of all collectors with every measurement, on the machine that runs it.
func BenchmarkCollectAll(b *testing.B) {
	var all []Collector
	for _, name := range Names() {
		c, _ := Build(everything(name), Host{})
		all = append(all, c)
	}
	b.ReportAllocs()
	for b.Loop() {
		for _, c := range all {
			_, _ = c.Collect(b.Context(), time.Now()) // not every kernel has all of it
		}
	}
}
