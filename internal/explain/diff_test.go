package explain

import (
	"bytes"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nephoscope/nephoscope/config"
)

const baseline = `{"agent": {"region": "eu-west-1"},
	"metrics": {"metrics_collected": {
		"cpu": {"measurement": ["usage_idle", "usage_user"]},
		"disk": {"measurement": ["used_percent"], "resources": ["*"]}}},
	"logs": {"logs_collected": {"files": {"collect_list": [
		{"file_path": "/a.log", "log_group_name": "g", "log_stream_name": "s"},
		{"file_path": "/a.log", "log_group_name": "g", "log_stream_name": "errors", "filters": [{"type": "include", "expression": "ERROR"}, {"type": "exclude", "expression": "test"}]},
		{"file_path": "/b.log"}]}}}}`

func difference(t *testing.T, before, after string) *Difference {
	t.Helper()
	d, err := Compare(parsed(t, before), parsed(t, after))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// told is a difference in lines.
func told(d *Difference) (lines []string) {
	for _, c := range d.Changes {
		line := c.Does + " " + c.What
		if len(c.Details) > 0 {
			line += ": " + strings.Join(c.Details, "; ")
		}
		lines = append(lines, line)
	}
	return lines
}

func TestDifferenceInWords(t *testing.T) {
	t.Parallel()
	// tasks: started, stopped, restarted, undisturbed
	f := func(from, to string, tasks [4]int, want ...string) {
		t.Helper()
		after := strings.Replace(baseline, from, to, 1)
		if after == baseline {
			t.Fatalf("nothing to replace: %s", from)
		}
		d := difference(t, baseline, after)
		if got := told(d); !slices.Equal(got, want) {
			t.Errorf("%s → %s: got %q, want %q", from, to, got, want)
		}
		if got := [4]int{len(d.Tasks.Started), len(d.Tasks.Stopped), len(d.Tasks.Restarted), len(d.Tasks.Undisturbed)}; got != tasks {
			t.Errorf("%s → %s: got tasks %+v, want %v", from, to, d.Tasks, tasks)
		}
		if d.Same {
			t.Errorf("%s → %s: the same", from, to)
		}
		for _, c := range d.Changes {
			if c.Place.Line == 0 {
				t.Errorf("%s → %s: %s has no place", from, to, c.What)
			}
		}
	}
	f(`"usage_user"`, `"usage_user", "usage_system"`, [4]int{0, 0, 1, 7}, "changes metrics of cpu: cpu_usage_system is measured as well")
	f(`"usage_idle", `, ``, [4]int{0, 0, 1, 7}, "changes metrics of cpu: cpu_usage_idle is no longer measured")
	f(`"usage_idle", "usage_user"`, `"usage_user", "usage_idle"`, [4]int{0, 0, 1, 7}, "changes metrics of cpu: the measurements are listed in another order")
	f(`"usage_user"]`, `{"name": "usage_user", "rename": "USER", "unit": "Count"}], "metrics_collection_interval": 10`, [4]int{0, 0, 1, 7},
		`changes metrics of cpu: cpu_usage_user is sent as USER; the unit of USER is "Count"; every 10s instead of 1m0s; at a resolution of 1s`)
	f(`"resources": ["*"]`, `"resources": ["/"], "append_dimensions": {"rack": "a"}`, [4]int{0, 0, 1, 7}, "changes metrics of disk: resources is /; append_dimensions adds rack=a")
	f(`"disk": {"measurement": ["used_percent"], "resources": ["*"]}`, `"mem": {"measurement": ["used"]}`, [4]int{1, 1, 0, 7}, "starts metrics of mem: mem_used; every 1m0s", "stops metrics of disk: disk_used_percent")
	f(`"metrics": {`, `"metrics": {"namespace": "N", "append_dimensions": {"InstanceId": "${aws:InstanceId}"}, "force_flush_interval": 10, `, [4]int{1, 1, 0, 7},
		`changes all metrics: the namespace is "N" instead of "CWAgent"; the dimension InstanceId is appended; the dimension host is not there any more, for append_dimensions is; sent every 10s instead of 1m0s`)
	f(`{"file_path": "/b.log"}`, `{"file_path": "/b.log", "log_group_name": "h", "retention_in_days": 7}`, [4]int{0, 0, 1, 7},
		`changes log files /b.log: the log group is "h"; kept 7 days instead of as the group says`)
	f(`"errors"`, `"faults"`, [4]int{0, 0, 1, 7}, `changes log files /a.log: the log stream is "faults" instead of "errors"`)
	f(`"ERROR"`, `"FATAL"`, [4]int{0, 0, 1, 7}, `changes log files /a.log: ships only what matches "FATAL"; no longer: ships only what matches "ERROR"`)
	f(`{"type": "include", "expression": "ERROR"}, {"type": "exclude", "expression": "test"}`, `{"type": "exclude", "expression": "test"}, {"type": "include", "expression": "ERROR"}`, [4]int{0, 0, 1, 7},
		"changes log files /a.log: the filters are listed in another order")
	f(`"/b.log"`, `"/c.log", "log_group_name": "h"`, [4]int{1, 1, 0, 7}, "starts log files /c.log: log group h, stream named after the host", "stops log files /b.log: log group named after the path, stream named after the host")
	f(`"logs": {`, `"logs": {"metrics_collected": {"emf": {}}, `, [4]int{2, 0, 0, 8}, "starts the emf listener: tcp://127.0.0.1:25888, udp://127.0.0.1:25888")
	f(`"logs": {`, `"logs": {"force_flush_interval": 1, `, [4]int{0, 0, 3, 5}, "changes all log files: sent every 1s instead of 5s")
	f(`"logs": {`, `"logs": {"endpoint_override": "https://logs.example", `, [4]int{0, 0, 4, 4}, `changes all log files: endpoint_override is "https://logs.example"`)
	f(`"region": "eu-west-1"`, `"region": "eu-west-2"`, [4]int{0, 0, 6, 2}, `changes the agent: the region is "eu-west-2" instead of "eu-west-1"`)
	f(`"region": "eu-west-1"`, `"region": "eu-west-1", "debug": true`, [4]int{0, 0, 0, 8}, "changes the agent: debug is true")
}

func TestNoDifferenceInWhatMeansTheSame(t *testing.T) {
	t.Parallel()
	f := func(after string) {
		t.Helper()
		if d := difference(t, baseline, after); !d.Same || len(d.Changes) > 0 || len(d.Tasks.Undisturbed) != 8 {
			t.Errorf("got %q, %+v", told(d), d.Tasks)
		}
	}
	f(baseline)
	f(strings.Join(strings.Fields(baseline), " "))
	f(strings.Replace(baseline, `"metrics": {`, `"metrics": {"force_flush_interval": 60, "namespace": "CWAgent",`, 1)) // defaults, written out
	f(strings.Replace(baseline, `"usage_idle"`, `"cpu_usage_idle"`, 1))                                                // the long name
	entry := `{"file_path": "/a.log", "log_group_name": "g", "log_stream_name": "s"}`
	f(strings.Replace(strings.Replace(baseline, entry+",", "", 1), `{"file_path": "/b.log"}`, `{"file_path": "/b.log"}, `+entry, 1)) // another order
}

func TestSectionsThatComeAndGo(t *testing.T) {
	t.Parallel()
	none := `{"agent": {"region": "eu-west-1"}}`
	comes, goes := difference(t, none, baseline), difference(t, baseline, none)
	if got := len(comes.Changes); got != 5 || len(comes.Tasks.Started) != 8 || comes.Changes[0].Does != starts {
		t.Errorf("comes: %q, %+v", told(comes), comes.Tasks)
	}
	if got := len(goes.Changes); got != 5 || len(goes.Tasks.Stopped) != 8 || goes.Changes[0].Does != stops {
		t.Errorf("goes: %q, %+v", told(goes), goes.Tasks)
	}
}

// No field of a configuration may change without a word.
func TestEveryFieldMakesADifference(t *testing.T) {
	t.Parallel()
	silent := []string{"Place", "Places", "Files", "Plugins", "Name", "Path"} // no content, or what the things are told apart by
	f := func(section any, differs func(changed reflect.Value) int, but ...string) {
		t.Helper()
		of := reflect.TypeOf(section)
		for _, field := range reflect.VisibleFields(of) {
			if field.Anonymous || slices.Contains(silent, field.Name) || slices.Contains(but, field.Name) {
				continue
			}
			changed := reflect.New(of).Elem()
			changed.Set(reflect.ValueOf(section))
			other(t, changed.FieldByIndex(field.Index))
			if differs(changed) == 0 {
				t.Errorf("%s.%s changes without a word", of.Name(), field.Name)
			}
		}
	}
	c := parsed(t, baseline)
	words := func(change func(*config.Config)) int {
		d, after := &Difference{}, *c
		change(&after)
		d.metrics(c, &after)
		d.logs(c, &after)
		d.emf(c, &after)
		d.prometheus(c, &after)
		d.agent(c, &after)
		return len(d.Changes)
	}
	f(c.Metrics.Plugins[0], func(v reflect.Value) int {
		return len(pluginDiffers(c.Metrics.Plugins[0], v.Interface().(config.Plugin)))
	})
	f(c.Logs.Files[0], func(v reflect.Value) int { return len(fileDiffers(c.Logs.Files[0], v.Interface().(config.File))) })
	f(*c.Metrics, func(v reflect.Value) int {
		m := v.Interface().(config.Metrics)
		return words(func(c *config.Config) { c.Metrics = &m })
	})
	f(*c.Logs, func(v reflect.Value) int {
		l := v.Interface().(config.Logs)
		return words(func(c *config.Config) { c.Logs = &l })
	})
	f(config.Prometheus{LogGroup: "g"}, func(v reflect.Value) int {
		before, after, now := *c.Logs, *c.Logs, v.Interface().(config.Prometheus)
		before.Prometheus, after.Prometheus = &config.Prometheus{LogGroup: "g"}, &now
		d := &Difference{}
		d.prometheus(&config.Config{Logs: &before}, &config.Config{Logs: &after})
		return len(d.Changes)
	})
	f(c.Agent, func(v reflect.Value) int {
		return words(func(c *config.Config) { c.Agent = v.Interface().(config.Agent) })
	}, "Interval") // it is the plugins'
}

// other gives a field a value that it does not have.
func other(t *testing.T, v reflect.Value) {
	t.Helper()
	switch v.Interface().(type) {
	case *config.EMF:
		v.Set(reflect.ValueOf(&config.EMF{Addresses: []config.EMFAddress{{Network: "tcp", Address: "127.0.0.1:1"}}}))
		return
	case *config.Prometheus:
		v.Set(reflect.ValueOf(&config.Prometheus{ConfigPath: "p.yaml"}))
		return
	case []config.PrometheusDeclaration:
		v.Set(reflect.ValueOf([]config.PrometheusDeclaration{{MetricSelectors: []string{"other"}}}))
		return
	case []config.Measurement:
		v.Set(reflect.ValueOf([]config.Measurement{{Name: "other"}}))
		return
	case []config.Filter:
		v.Set(reflect.ValueOf([]config.Filter{{Expression: regexp.MustCompile("other")}}))
		return
	case *regexp.Regexp:
		v.Set(reflect.ValueOf(regexp.MustCompile("other")))
		return
	case *time.Location:
		v.Set(reflect.ValueOf(time.FixedZone("other", 1)))
		return
	case map[string]string:
		v.Set(reflect.ValueOf(map[string]string{"other": "x"}))
		return
	case [][]string:
		v.Set(reflect.ValueOf([][]string{{"other"}}))
		return
	case []string:
		v.Set(reflect.ValueOf([]string{"other"}))
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(v.String() + "x")
	case reflect.Bool:
		v.SetBool(!v.Bool())
	case reflect.Int, reflect.Int64:
		v.SetInt(v.Int() + 1)
	default:
		t.Fatalf("a field of type %s: say here what another value of it is, and in diff_sections.go how it differs", v.Type())
	}
}

func TestDifferenceFitsATerminal(t *testing.T) {
	t.Parallel()
	after := strings.Replace(baseline, `"log_group_name": "g", "log_stream_name": "s"}`, `"log_group_name": "a/rather/long/name/of/a/log/group", "log_stream_name": "and/a/stream/that/is/no/shorter", "retention_in_days": 3653}`, 1)
	var b bytes.Buffer
	difference(t, baseline, after).Write(&b)
	lines := strings.Split(strings.TrimSpace(b.String()), "\n")
	for _, line := range lines {
		if len(line) > columns {
			t.Errorf("%d columns: %s", len(line), line)
		}
	}
	if !strings.HasPrefix(b.String(), "changes  log files /a.log: the log group is") || !strings.Contains(b.String(), "restart 1 and leave 7 tasks alone") {
		t.Errorf("got\n%s", b.String())
	}
	b.Reset()
	difference(t, baseline, baseline).Write(&b)
	if want := fmt.Sprintln("the same: a reload would leave all 8 tasks alone"); b.String() != want {
		t.Errorf("got %q", b.String())
	}
}
