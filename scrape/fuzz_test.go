package scrape

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"math"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nephoscope/nephoscope/config"
	"github.com/rogpeppe/go-internal/txtar"
)

// seeds are the parts of that name of all cases.
func seeds(f *testing.F, prefix string) {
	files, err := filepath.Glob("testdata/documents/*.txtar")
	if err != nil || len(files) == 0 {
		f.Fatal(files, err)
	}
	for _, file := range files {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			f.Fatal(err)
		}
		for _, part := range archive.Files {
			if strings.HasPrefix(part.Name, prefix) {
				f.Add(part.Data)
			}
		}
	}
}

// Whatever a configuration is, it is read without a panic, and its targets have addresses.
func FuzzConfiguration(f *testing.F) {
	seeds(f, "prometheus.yaml")
	f.Fuzz(func(t *testing.T, raw []byte) {
		r := &reader{file: "/none/prometheus.yaml"}
		root := r.parse(raw)
		if root == nil {
			return
		}
		c := &Configuration{files: map[string]signature{}}
		c.read(r, root.Content[0])
		for _, j := range c.Jobs {
			if j.Name == "" || j.Interval <= 0 || j.Timeout <= 0 || j.Timeout > j.Interval {
				t.Errorf("%+v", j)
			}
			all, _ := new(discovered).targets(j, maxTargets)
			for _, of := range all {
				if of.url == "" || of.labels.Get(instanceLabel) == "" || of.interval <= 0 {
					t.Errorf("%+v", of)
				}
			}
		}
	})
}

// Whatever a file of targets is, it is read without a panic.
func FuzzTargets(f *testing.F) {
	f.Add([]byte(`[{"targets": ["a:1"], "labels": {"b": "c"}}]`))
	f.Add([]byte("- targets: [a, 'b:2']\n  labels: {}\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		groups, _ := parseTargets("targets.yml", raw)
		for _, g := range groups {
			for _, address := range g.Targets {
				if badAddress(address) != "" {
					t.Errorf("%q is taken", address)
				}
			}
		}
	})
}

// Whatever a target says, in either format, what is written are documents in the embedded metric format, of numbers and strings.
func FuzzExposition(f *testing.F) {
	seeds(f, "exposition.")
	s, err := New(config.Prometheus{LogGroup: "g", Namespace: "n", MaxSeries: 1000, ClusterName: "c", Declarations: []config.PrometheusDeclaration{
		{SourceLabels: []string{"job", "a"}, MetricSelectors: []string{"."}, Dimensions: [][]string{{"job"}, {"a", "b"}, {}}},
	}}, io.Discard, slog.New(slog.DiscardHandler))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		of, err := newTarget(&Job{Name: "j", Interval: time.Minute, Timeout: time.Second, Scheme: "http", MetricsPath: "/", honorTimestamps: true}, "h", map[string]string{"a": "b"})
		if err != nil {
			t.Fatal(err)
		}
		of.deltas = newDeltas(&s.bound)
		defer of.deltas.close()
		for _, kind := range []string{"text/plain", "application/openmetrics-text"} {
			for round := range int64(2) {
				p := &parsing{target: of, match: s.match, sheet: newSheet(), now: noon.UnixMilli() + round, since: round, count: counter{}, refused: counter{}}
				if p.exposition(&body{data: bytes.Clone(raw), kind: kind, of: &s.bodies}) != nil {
					continue
				}
				if _, err := newDocuments(s.settings).write(p, func(line []byte) error { judge(t, line); return nil }); err != nil {
					t.Error(err)
				}
			}
		}
	})
}

// judge holds a document against what its readers take.
func judge(t *testing.T, line []byte) {
	t.Helper()
	var d emf
	var all map[string]any
	if json.Unmarshal(line, &d) != nil || json.Unmarshal(line, &all) != nil || bytes.Count(line, []byte("\n")) != 1 || len(line) > 256<<10 {
		t.Fatalf("no document: %s", line)
	}
	for name, value := range all {
		switch v := value.(type) {
		case string:
		case float64:
			if math.Abs(v) > maxValue {
				t.Errorf("%s is %v", name, v)
			}
		default:
			if name != "_aws" {
				t.Errorf("%s is %T", name, v)
			}
		}
	}
	for _, directive := range d.AWS.CloudWatchMetrics {
		for _, m := range directive.Metrics {
			if _, ok := all[m.Name].(float64); !ok {
				t.Errorf("the metric %q is no number: %s", m.Name, line)
			}
		}
		for _, set := range directive.Dimensions {
			for _, name := range set {
				if _, ok := all[name].(string); !ok {
					t.Errorf("the dimension %q is no string: %s", name, line)
				}
			}
		}
	}
}
