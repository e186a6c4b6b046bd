package agent

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nephoscope/nephoscope/cloudwatch"
	"github.com/nephoscope/nephoscope/config"
)

func TestDocumentationListsEverySelfMetric(t *testing.T) {
	page, err := os.ReadFile("../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, found := strings.Cut(string(page), "\n## self_metrics\n")
	section, _, _ = strings.Cut(section, "\n## ")
	if !found || strings.Count(section, "\n| `nephoscope_") != len(selfMetrics) {
		t.Errorf("there are %d, the page has %d", len(selfMetrics), strings.Count(section, "\n| `nephoscope_"))
	}
	for _, m := range selfMetrics {
		kind, dimension := "gauge", "–"
		if m.counts {
			kind = "difference"
		}
		if m.dimension != "" {
			dimension = "`" + m.dimension + "`"
		}
		if line := fmt.Sprintf("\n| `%s` | %s | %s | %s | ", m.name, m.unit, kind, dimension); !strings.Contains(section, line) {
			t.Errorf("no line%s", line)
		}
	}
}

// told are data by name and dimension.
func told(data []cloudwatch.Datum) map[string]float64 {
	all := map[string]float64{}
	for _, d := range data {
		name := d.Name
		for _, x := range d.Dimensions {
			name += " " + x.Value
		}
		all[name] = d.Values[0]
	}
	return all
}

func TestSelfMetricsAreWhatStatusSays(t *testing.T) {
	s := Status{Memory: MemoryUse{Resident: 20 << 20}, Metrics: &MetricsLedger{
		Collectors: []CollectorLedger{{Name: "cpu", Runs: 1, LastSeconds: 0.25, Errors: 2}, {Name: "disk"}},
		DataLedger: DataLedger{Sent: 100, OverBudget: 5, Gathered: 3, SpooledData: 4}, SpooledBytes: 77, Series: SeriesLedger{Known: 42},
	}}
	s.Total.Sent.Events, s.Total.Pending.Events, s.Total.Lost.Truncated = 1000, 6, 9
	busy := time.Second
	c := newSelf(config.Plugin{Interval: time.Minute}, func() Status { return s }, func() time.Duration { return busy })
	collect := func() map[string]float64 {
		t.Helper()
		data, err := c.Collect(t.Context(), noon)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range data {
			if d.Time != noon || d.Resolution != cloudwatch.StandardResolution || !strings.HasPrefix(d.Name, "nephoscope_") {
				t.Errorf("got %+v", d)
			}
		}
		return told(data)
	}
	first := collect()
	want := map[string]float64{
		"nephoscope_collect_seconds cpu": 0.25, "nephoscope_data_pending": 7, "nephoscope_events_pending": 6, "nephoscope_lag_bytes": 0,
		"nephoscope_memory_bytes": 20 << 20, "nephoscope_spool_bytes": 77, "nephoscope_series_known": 42,
	}
	if fmt.Sprint(first) != fmt.Sprint(want) {
		t.Errorf("got %v, want %v", first, want)
	}
	s.Metrics.Sent, s.Metrics.Collectors[0].Errors, s.Total.Sent.Events, busy = 130, 3, 1010, 1500*time.Millisecond
	got := collect()
	for name, v := range map[string]float64{
		"nephoscope_data_sent": 30, "nephoscope_collect_errors cpu": 1, "nephoscope_collect_errors disk": 0, "nephoscope_events_sent": 10,
		"nephoscope_cpu_seconds": 0.5, "nephoscope_data_refused series_budget": 0, "nephoscope_lost_bytes": 0,
	} {
		if g, there := got[name]; !there || g != v {
			t.Errorf("%s: got %v (%v), want %v", name, g, there, v)
		}
	}
	s.Metrics.Sent = 10 // a publisher that counts anew
	if _, there := collect()["nephoscope_data_sent"]; there {
		t.Error("a counter that went backwards is told")
	}
	s.Metrics.Sent = 15
	if collect()["nephoscope_data_sent"] != 5 {
		t.Error("no difference after a counter began anew")
	}
}

func TestSelfMetricsAreBounded(t *testing.T) {
	s := Status{Metrics: &MetricsLedger{}}
	for i := range 1000 {
		s.Metrics.Collectors = append(s.Metrics.Collectors, CollectorLedger{Name: fmt.Sprint(i), Runs: 1})
	}
	c := newSelf(config.Plugin{Interval: time.Second}, func() Status { return s }, func() time.Duration { return 1 })
	_, _ = c.Collect(t.Context(), noon)
	data, _ := c.Collect(t.Context(), noon)
	if n := len(told(data)); n > 2*maxSelfCollectors+20 {
		t.Errorf("%d series", n)
	}
}

func TestProcessorTimeGrows(t *testing.T) {
	began := processTime()
	if began <= 0 {
		t.Fatal("this system does not tell")
	}
	for sum := 0.0; processTime() == began; {
		for i := range 1000 {
			sum += float64(i)
		}
	}
}

func TestSelfMetricsGoToTheirNamespaceWithoutASectionMetrics(t *testing.T) {
	s := &sky{region: "eu-west-1"}
	log, _ := logged()
	a := newAgent(t, log)
	a.env.Cloud, a.identity.env.Cloud = s, s
	if err := a.Apply(parse(t, `{"agent": {"region": "eu-west-1", "hostname": "h"}, "nephoscope": {"self_metrics": {"namespace": "Own", "interval": 1}}}`)); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return slices.ContainsFunc(s.data, func(d cloudwatch.Datum) bool { return d.Name == "nephoscope_series_known" })
	})
	s.mu.Lock()
	defer s.mu.Unlock()
	if !slices.Equal(s.namespaces, []string{"Own"}) {
		t.Errorf("sent to %v", s.namespaces)
	}
	if d := s.data[0]; !slices.Contains(d.Dimensions, cloudwatch.Dimension{Name: "host", Value: "h"}) {
		t.Errorf("without its host: %+v", d)
	}
}

func TestOrderInWhichPluginsGetSeries(t *testing.T) {
	m := &config.Metrics{}
	for _, name := range []string{"statsd", "cpu", "collectd", "disk", config.SelfMetrics} {
		m.Plugins = append(m.Plugins, config.Plugin{Name: name})
	}
	if got := fmt.Sprint(admission(m)); got != "[self_metrics cpu disk statsd collectd]" {
		t.Errorf("got %s", got)
	}
}
