package explain

import (
	"testing"

	"github.com/nephoscope/nephoscope/agent"
)

// What others will send is not known: explain names who listens, and counts nothing of it.
func TestListenersAreNamedAndNotCounted(t *testing.T) {
	t.Parallel()
	c := parsed(t, `{"metrics": {"metrics_collected": {"statsd": {}, "collectd": {"service_address": "udp://127.0.0.1:9"}}}}`)
	m := metricsOf(c, &agent.Plan{Listening: c.Metrics.Plugins})
	if len(m.Plugins) > 0 || len(m.Series) > 0 || m.Requests != 0 || len(m.Listeners) != 2 || m.Listeners[0].Name != "statsd" || m.Listeners[1].Address != "udp://127.0.0.1:9" {
		t.Errorf("got %+v", m)
	}
	if got, want := m.more(), ", and what is sent to statsd and collectd"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
