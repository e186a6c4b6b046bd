package explain

import (
	"fmt"
	"strings"
	"testing"

	"github.com/nephoscope/nephoscope/agent"
	"github.com/nephoscope/nephoscope/cloudwatch"
)

func TestLimitsThatWouldBeHit(t *testing.T) {
	t.Parallel()
	f := func(name string, change func(*agent.Plan, *Report), want ...string) {
		t.Helper()
		c := parsed(t, `{"metrics": {"force_flush_interval": 1, "aggregation_dimensions": [[]], "metrics_collected": {"mem": {"measurement": ["used"]}}},
			"logs": {"logs_collected": {"files": {"collect_list": [{"file_path": "/a", "timestamp_format": "%Y"}]}}}}`)
		plan, r := &agent.Plan{Plugins: []agent.PlannedPlugin{{Plugin: c.Metrics.Plugins[0]}}}, &Report{Metrics: &Metrics{}, Logs: &Logs{Entries: []Entry{{Place: c.Logs.Files[0].Place}}}}
		change(plan, r)
		got := limitsOf(c, plan, r)
		if len(got) != len(want) {
			t.Errorf("%s: got %v", name, got)
			return
		}
		for i, w := range want {
			if !strings.Contains(got[i].Error(), w) || got[i].Line == 0 || !got[i].Warning {
				t.Errorf("%s: got %v, want %s", name, got[i], w)
			}
		}
	}
	file := func(r *Report, of File) { r.Logs.Entries[0].Files = append(r.Logs.Entries[0].Files, of) }
	f("none", func(*agent.Plan, *Report) {})
	f("dimensions", func(p *agent.Plan, _ *Report) { p.Plugins[0].Cut = 2 }, "2 series have dimensions that CloudWatch does not take")
	f("values", func(p *agent.Plan, _ *Report) { p.Plugins[0].Split = 1 }, "1 roll-ups of mem have more than the 150 values")
	f("series beyond the budget", func(p *agent.Plan, _ *Report) {
		p.Plugins[0].Data, p.Plugins[0].Refused = make([]cloudwatch.Datum, 7000), 2000
	}, "2000 series are more than the series budget of 5000 has room for: the agent would not send 2000 of 7000 of mem")
	f("requests", func(_ *agent.Plan, r *Report) { r.Metrics.Requests = month.Seconds() }, "about 1.0 requests of PutMetricData a second; an account has 150, so that 150 such hosts")
	f("requests in a large region", func(_ *agent.Plan, r *Report) {
		r.Metrics.Requests, r.Host.Region = 2*month.Seconds(), "eu-west-1"
	}, "an account has 500, so that 250 such hosts")
	f("a long group", func(_ *agent.Plan, r *Report) { file(r, File{Path: "/a", LogGroup: strings.Repeat("g", 513)}) }, "log group of /a would have a name of 513 characters")
	f("a long stream", func(_ *agent.Plan, r *Report) { file(r, File{Path: "/a", LogStream: strings.Repeat("s", 600)}) }, "log stream of /a would have a name of 600 characters")
	f("an odd stream", func(_ *agent.Plan, r *Report) {
		file(r, File{LogStream: "a:b"})
		file(r, File{LogStream: "c:d"}) // is not said twice
	}, `log stream "a:b"`)
	f("many streams", func(_ *agent.Plan, r *Report) {
		for i := range 1000 {
			file(r, File{LogGroup: "g", LogStream: fmt.Sprint(i)})
		}
	}, "1000 log streams; an account may make 50 a second, so that the first start takes 20 s")
	f("many groups", func(_ *agent.Plan, r *Report) {
		for i := range 200 {
			file(r, File{LogGroup: fmt.Sprint(i), LogStream: "s"})
		}
	}, "200 log groups; an account may make about 10 a second, so that the first start takes 20 s")
	f("old events", func(_ *agent.Plan, r *Report) {
		file(r, File{AgeSeconds: 15 * 24 * 3600, UnreadBytes: 1, KnownFrom: "beginning"})
		file(r, File{AgeSeconds: 15 * 24 * 3600, UnreadBytes: 1, KnownFrom: "checkpoint"})
		file(r, File{AgeSeconds: 13 * 24 * 3600, UnreadBytes: 1, KnownFrom: "beginning"})
	}, "1 of its files are more than 14 days old")
	f("a large policy", func(_ *agent.Plan, r *Report) {
		p := Permission{}
		for i := range 300 {
			p.allow("A", "", []string{fmt.Sprintf("arn:aws:logs:eu-west-1:111122223333:log-group:%d", i)}, nil, "logs:PutLogEvents")
		}
		r.Permissions = []Permission{p}
	}, "a managed policy may have 6144")
}
