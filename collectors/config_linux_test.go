package collectors

import (
	"strings"
	"testing"

	"github.com/nephoscope/nephoscope/config"
)

func TestFromConfigJSONToData(t *testing.T) {
	t.Parallel()
	c, err := config.Parse("config.json", []byte(`{"metrics": {"metrics_collected": {
		"cpu": {"measurement": [{"name": "cpu_usage_idle", "rename": "IDLE", "unit": "unit"}], "resources": ["*"], "totalcpu": false},
		"disk": {"measurement": ["used_percent"], "resources": ["/"], "drop_device": true},
		"diskio": {"measurement": ["diskio_reads"], "resources": ["nvme?n1"]},
		"mem": {"measurement": ["mem_used_percent"], "metrics_collection_interval": 10, "append_dimensions": {"id": "${aws:InstanceId}"}},
		"swap": {"measurement": ["swap_free"], "drop_original_metrics": ["free"]}}}}`))
	if err != nil {
		t.Fatal(err)
	}
	m := captured(t, "ec2-ubuntu", "first")
	var all []Collector
	var warnings []string
	for _, p := range c.Metrics.Plugins {
		collector, problems := Build(p, m.Host)
		for _, problem := range problems {
			warnings = append(warnings, problem.Error())
		}
		all = append(all, collector)
	}
	report(t, all, noon)
	m.becomes("ec2-ubuntu", "second")
	const want = `IDLE{cpu=cpu0} None 60s 48.333333
IDLE{cpu=cpu1} None 60s 49.008168
disk_used_percent{fstype=ext4,path=/} Percent 60s 23.343824
diskio_reads{name=nvme0n1} Count 60s 120
diskio_reads{name=nvme1n1} Count 60s 3011
mem_used_percent{id=${aws:InstanceId}} Percent 1s 31.068497
swap_free{} Bytes 60s 2057302016
`
	if got := report(t, all, noon); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	if len(warnings) != 1 || !strings.HasPrefix(warnings[0], "config.json:2:") || !strings.Contains(warnings[0], `"unit" is no unit`) {
		t.Errorf("warnings are %q", warnings)
	}
}
