package config

import (
	"testing"
	"time"
)

func TestSelfMetricsAreAPluginOfTheirOwn(t *testing.T) {
	t.Parallel()
	f := func(text, namespace, own string, interval time.Duration, plugins int) {
		t.Helper()
		c, err := Parse("f", []byte(text))
		if err != nil || len(c.Warnings) > 0 {
			t.Fatalf("%s: %v %v", text, err, c.Warnings)
		}
		if c.Metrics == nil || c.Metrics.Namespace != namespace || len(c.Metrics.Plugins) != plugins || c.Metrics.ForceFlushInterval != time.Minute || c.Metrics.SeriesBudget != 5000 {
			t.Fatalf("%s: got %+v", text, c.Metrics)
		}
		if p := c.Metrics.Plugins[plugins-1]; p.Name != SelfMetrics || p.Called() != SelfMetrics || p.Namespace != own || p.Interval != interval || p.Place.Line == 0 {
			t.Errorf("%s: got %+v", text, p)
		}
	}
	f(`{"nephoscope": {"self_metrics": {}}}`, "CWAgent", "Nephoscope", time.Minute, 1) // without metrics or logs
	f(`{"nephoscope": {"self_metrics": {"namespace": "Own", "interval": 300}}, "agent": {"metrics_collection_interval": 10},
		"metrics": {"namespace": "N", "metrics_collected": {"mem": {"measurement": ["used"]}}}}`, "N", "Own", 300*time.Second, 2)
	c, err := Parse("f", []byte(`{"nephoscope": {"series_budget": 0}, "metrics": {"metrics_collected": {"mem": {"measurement": ["used"]}}}}`))
	if err != nil || c.Metrics.SeriesBudget != 0 || len(c.Metrics.Plugins) != 1 {
		t.Errorf("got %+v, %v", c.Metrics, err)
	}
}
