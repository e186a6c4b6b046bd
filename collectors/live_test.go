package collectors

import (
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
		c, problems := Build(everything(name), Host{})
		if c == nil || len(problems) > 0 {
			t.Fatalf("%s: %v, %v", name, c, problems)
		}
		for range 2 {
			data, err := c.Collect(t.Context(), time.Now())
			if err != nil || len(data) == 0 && name != "diskio" && name != "net" {
				t.Errorf("%s: %d data, %v", name, len(data), err)
			}
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
			if _, err := c.Collect(b.Context(), time.Now()); err != nil {
				b.Fatal(err)
			}
		}
	}
}
