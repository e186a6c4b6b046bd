package config

import (
	"os"
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestDefaults(t *testing.T) {
	c := mustParse(t, `{
		"metrics": {"metrics_collected": {"cpu": {"measurement": ["usage_idle"]}, "disk": {"measurement": ["used"]}}},
		"logs": {"logs_collected": {"files": {"collect_list": [{"file_path": "/a"}]}}}}`)
	if c.Agent != (Agent{Interval: time.Minute}) {
		t.Errorf("agent: %+v", c.Agent)
	}
	m := c.Metrics
	if m.Namespace != "CWAgent" || m.ForceFlushInterval != time.Minute || m.AppendsDimensions || m.AggregationDimensions != nil {
		t.Errorf("metrics: %+v", m)
	}
	cpu, disk := m.Plugins[0], m.Plugins[1]
	if !cpu.TotalCPU || cpu.Interval != time.Minute || cpu.Resources != nil || disk.TotalCPU || disk.DropDevice || disk.IgnorePseudoFileSystems {
		t.Errorf("plugins: %+v", m.Plugins)
	}
	if c.Logs.ForceFlushInterval != 5*time.Second {
		t.Errorf("logs: %+v", c.Logs)
	}
	f := c.Logs.Files[0]
	f.Place = Place{}
	if !reflect.DeepEqual(f, File{Path: "/a", RetentionDays: -1, Timezone: time.Local, Encoding: "utf-8"}) {
		t.Errorf("file: %+v", f)
	}
	if len(c.Warnings) > 0 {
		t.Errorf("warnings: %v", c.Warnings)
	}
}

func TestEverything(t *testing.T) {
	src, err := os.ReadFile("testdata/valid/everything-linux.json")
	if err != nil {
		t.Fatal(err)
	}
	c := mustParse(t, string(src))
	want(t, "agent", c.Agent, Agent{Interval: 10 * time.Second, Region: "eu-central-1", Debug: true, OmitHostname: true, Hostname: "web-1",
		RoleARN: "arn:aws:iam::123456789012:role/agent", RunAsUser: "cwagent", StatusAddress: "127.0.0.1:4587"})

	m := *c.Metrics
	want(t, "number of plugins", len(m.Plugins), 5)
	cpu, disk, diskio, mem, swap := m.Plugins[0], m.Plugins[1], m.Plugins[2], m.Plugins[3], m.Plugins[4]
	m.Plugins = nil
	want(t, "metrics", m, Metrics{Namespace: "Shop/Hosts", ForceFlushInterval: 30 * time.Second, EndpointOverride: "https://monitoring.example",
		RoleARN: "arn:aws:iam::123456789012:role/metrics", SpoolBytes: 64 << 20, SeriesBudget: 5000, AppendsDimensions: true, AppendDimensions: []string{"AutoScalingGroupName", "InstanceId"},
		AggregationDimensions: [][]string{{"InstanceId", "InstanceType"}, {"InstanceId"}, {}}})
	want(t, "cpu", placeless(cpu), Plugin{Name: "cpu", Interval: time.Second, Resources: []string{"*"},
		Measurements:     []Measurement{{Name: "usage_idle"}, {Name: "usage_user", Rename: "UserTime", Unit: "Percent"}, {Name: "time_user", Unit: "Seconds"}},
		AppendDimensions: map[string]string{"team": "shop", "image": "${aws:ImageId}"}, DropOriginal: []string{"usage_idle", "cpu_usage_user"}})
	want(t, "disk", placeless(disk), Plugin{Name: "disk", Interval: 10 * time.Second, Resources: []string{"/", "/data"},
		Measurements:          []Measurement{{Name: "used_percent"}, {Name: "inodes_free"}},
		IgnoreFileSystemTypes: []string{"tmpfs", "overlay"}, DropDevice: true, IgnorePseudoFileSystems: true})
	want(t, "diskio", placeless(diskio), Plugin{Name: "diskio", Interval: 10 * time.Second, Resources: []string{"nvme*"},
		Measurements: []Measurement{{Name: "reads"}, {Name: "writes"}}})
	want(t, "mem", placeless(mem), Plugin{Name: "mem", Interval: time.Minute, Measurements: []Measurement{{Name: "used_percent"}}})
	want(t, "swap", placeless(swap), Plugin{Name: "swap", Interval: 10 * time.Second, Measurements: []Measurement{{Name: "used"}}, DropOriginal: []string{"*"}})

	l := *c.Logs
	want(t, "logs role", l.RoleARN, c.Agent.RoleARN)
	want(t, "logs stream", l.LogStreamName, "{instance_id}")
	want(t, "logs flush", l.ForceFlushInterval, 15*time.Second)
	want(t, "logs endpoint", l.EndpointOverride, "logs.example")
	app := l.Files[0]
	want(t, "blacklist", app.Blacklist.String(), `\.gz$|^debug`)
	want(t, "filters", []any{app.Filters[0].Include, app.Filters[0].Expression.String(), app.Filters[1].Include, app.Filters[1].Expression.String()},
		[]any{true, "ERROR|WARN", false, "health"})
	app.Blacklist, app.Filters, app.Place = nil, nil, Place{}
	want(t, "file", app, File{Path: "/var/log/app/**/*.log", LogGroupName: "/shop/{aws_region}/app.log", LogStreamName: "{hostname}_{date}",
		LogGroupClass: "INFREQUENT_ACCESS", RetentionDays: 30, TimestampFormat: "%Y-%m-%dT%H:%M:%S.%f%z", Timezone: time.UTC,
		TrimTimestamp: true, PublishMultiLogs: true, StartsWithTimestamp: true, Encoding: "utf-8"})
	want(t, "syslog start", l.Files[1].MultiLineStart.String(), `^\w{3} [ \d]\d `)
}

func placeless(p Plugin) Plugin {
	p.Place = Place{}
	for i := range p.Measurements {
		p.Measurements[i].Place, p.Measurements[i].Written = Place{}, ""
	}
	return p
}

func want(t *testing.T, what string, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s:\ngot  %+v\nwant %+v", what, got, want)
	}
}

// The presence of append_dimensions counts by itself: it takes the dimension host away.
func TestAppendDimensionsPresence(t *testing.T) {
	f := func(appended string, appends bool, names ...string) {
		t.Helper()
		c := mustParse(t, `{"metrics": {`+appended+`"metrics_collected": {"mem": {"measurement": ["used"]}}}}`)
		want(t, appended, c.Metrics.AppendsDimensions, appends)
		want(t, appended, c.Metrics.AppendDimensions, names)
	}
	f(``, false)
	f(`"append_dimensions": {},`, true)
	f(`"append_dimensions": {"Team": "a"},`, true)
	f(`"append_dimensions": {"InstanceType": "${aws:InstanceType}", "ImageId": "${aws:ImageId}", "InstanceId": "i-1"},`, true, "ImageId", "InstanceType")
}

func TestMeasurementNames(t *testing.T) {
	f := func(plugin, item, name string) {
		t.Helper()
		c := mustParse(t, `{"metrics": {"metrics_collected": {"`+plugin+`": {"measurement": [`+item+`]}}}}`)
		m := c.Metrics.Plugins[0].Measurements[0]
		want(t, item, m.Name, name)
		if !strings.Contains(item, m.Written) || m.Written != strings.TrimSpace(m.Written) || !strings.HasSuffix(m.Written, name) {
			t.Errorf("%s: written %q", item, m.Written)
		}
	}
	f("mem", `"used_percent"`, "used_percent")
	f("mem", `"mem_used_percent"`, "used_percent")
	f("mem", `" \tmem_used_percent "`, "used_percent")
	f("disk", `{"name": "disk_used"}`, "used")
	f("diskio", `"diskio_reads"`, "reads")
}

func TestAt(t *testing.T) {
	c := mustParse(t, "{\"metrics\": {\n\"metrics_collected\": {\n\"mem\": {\"measurement\": [\"used\",\n \"free\"]}}}}")
	f := func(path string, line, column int) {
		t.Helper()
		p := c.At(path)
		if p.Line != line || p.Column != column || p.Path != path {
			t.Errorf("%s: got %+v, want %d:%d", path, p, line, column)
		}
	}
	f("metrics", 1, 13)
	f("metrics.metrics_collected.mem.measurement[1]", 4, 2)
	f("metrics.metrics_collected.mem.measurement[2]", 3, 24)
	f("metrics.metrics_collected.mem.append_dimensions.a", 3, 8)
	f("logs.logs_collected", 0, 0)
}

func TestDidYouMean(t *testing.T) {
	f := func(word, near string, known ...string) {
		t.Helper()
		want(t, word, nearest(word, known), near)
	}
	f("mesurement", "measurement", "measurement", "resources")
	f("Measurement", "measurement", "measurement")
	f("log-group-name", "log_group_name", "log_group_name", "log_group_class")
	f("log_gruop_name", "log_group_name", "log_group_name")
	f("datetime_format", "timestamp_format", "timestamp_format", "timezone")
	f("memory", "mem", "cpu", "mem")
	f("zebra", "", "cpu", "mem")
	f("", "", "cpu")
	f("x", "", "y")
}

func TestDistance(t *testing.T) {
	f := func(a, b string, d int) {
		t.Helper()
		want(t, a+" "+b, distance(a, b), d)
		want(t, b+" "+a, distance(b, a), d)
	}
	f("", "abc", 3)
	f("disk", "disk", 0)
	f("disk", "dsik", 1)
	f("disk", "diskio", 2)
	f("cpu", "mem", 3)
	f("größe", "grösse", 2)
}

func TestWholeNumbers(t *testing.T) {
	f := func(literal string, value int64, ok bool) {
		t.Helper()
		n := node{kind: number, text: literal}
		v, isWhole := n.whole()
		if v != value || isWhole != ok {
			t.Errorf("%s: got %d %t, want %d %t", literal, v, isWhole, value, ok)
		}
	}
	f("60", 60, true)
	f("-1", -1, true)
	f("60.0", 60, true)
	f("6e1", 60, true)
	f("600E-1", 60, true)
	f("1.5", 0, false)
	f("1e999999999", 0, false)
	f("99999999999999999999", 0, false)
}
