package wizard

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"maps"
)

// testdata/plans.want is every plan on every kind of host, a plugin a line: the tables of the original, with the CPU where
// it was left out.
func TestPlansAreTheOriginalsWithTheCPUWhereItWasMissing(t *testing.T) {
	var got strings.Builder
	for _, system := range []string{"linux", "darwin", "windows"} {
		for _, host := range []string{ec2, onPremises} {
			for _, plan := range []string{basic, standard, advanced, own} {
				for _, perCore := range []string{yes, no} {
					fmt.Fprintf(&got, "%s, %s, %s, per core: %s\n", system, host, plan, perCore)
					held := hold(t, "os "+system, strings.NewReader(""), func(o *Options) {
						o.Answers = map[string]string{"host": host, "plan": plan, "per-core": perCore, "statsd": no, "dimensions": no, "aggregate": no}
						if host == onPremises {
							delete(o.Answers, "dimensions")
							delete(o.Answers, "aggregate")
						}
					})
					if held.err != nil {
						t.Fatal(held.err)
					}
					accepted(t, held.config)
					got.WriteString(pluginLines(t, held.config))
				}
			}
		}
	}
	const path = "testdata/plans.want"
	if os.Getenv("UPDATE_WANT") != "" {
		if err := os.WriteFile(path, []byte(got.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got.String() != string(want) {
		t.Errorf("got\n%s\nwant\n%s", got.String(), want)
	}
}

func pluginLines(t *testing.T, raw []byte) string {
	t.Helper()
	var c struct {
		Metrics struct {
			Collected map[string]struct {
				Measurement []string
				Resources   []string
				TotalCPU    *bool
				Interval    int `json:"metrics_collection_interval"`
			} `json:"metrics_collected"`
		}
	}
	if err := json.Unmarshal(raw, &c); err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(c.Metrics.Collected)) {
		p := c.Metrics.Collected[name]
		if name == "collectd" {
			continue
		}
		fmt.Fprintf(&b, "  %s: %s", name, strings.Join(p.Measurement, ", "))
		if p.Resources != nil {
			fmt.Fprintf(&b, "; resources %v", p.Resources)
		}
		if p.TotalCPU != nil {
			fmt.Fprintf(&b, "; totalcpu %v", *p.TotalCPU)
		}
		b.WriteString("\n")
		if p.Interval != 60 {
			t.Errorf("%s: got interval %d, want 60", name, p.Interval)
		}
	}
	return b.String()
}
