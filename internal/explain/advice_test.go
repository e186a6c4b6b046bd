package explain

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/nephoscope/nephoscope/agent"
	"github.com/nephoscope/nephoscope/collectors"
	"github.com/nephoscope/nephoscope/config"
)

var update = flag.Bool("update", false, "write the golden files")

// captured is a machine with snaps, partitions and a memory file system.
var captured = collectors.Host{Root: filepath.Join("..", "..", "collectors", "testdata", "hosts", "ec2-ubuntu", "first")}

func explained(t *testing.T, mode agent.Mode, name, text string) *Report {
	t.Helper()
	c, err := config.Parse(name, []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := agent.Check(c); err != nil {
		t.Fatal(err)
	}
	r, err := Explain(t.Context(), c, Options{Env: agent.Env{Mode: mode, Host: captured}})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// Each file of testdata/reports is a configuration; beside it is the report for people, on the captured machine, with everything.
func TestReports(t *testing.T) {
	t.Parallel()
	all, err := filepath.Glob("testdata/reports/*.json")
	if err != nil || len(all) == 0 {
		t.Fatal("no report", err)
	}
	for _, path := range all {
		t.Run(filepath.Base(path), func(t *testing.T) {
			t.Parallel()
			src, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			mode := agent.OnPremise
			if strings.Contains(path, "ec2") {
				mode = agent.EC2
			}
			r := explained(t, mode, filepath.Base(path), string(src))
			var text bytes.Buffer
			r.Write(&text, true)
			fmt.Fprintf(&text, "\n--- preview\n%s", r.preview())
			golden := strings.TrimSuffix(path, ".json") + ".txt"
			if *update {
				if err := os.WriteFile(golden, text.Bytes(), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil || !bytes.Equal(text.Bytes(), want) {
				t.Errorf("%v; got\n%s", err, text.String())
			}
			for line := range strings.Lines(text.String()) {
				if n := len([]rune(strings.TrimSuffix(line, "\n"))); n > columns && strings.Contains(strings.TrimSpace(line), " ") && !strings.Contains(line, "=") {
					t.Errorf("%d columns: %s", n, line)
				}
			}
		})
	}
}

// What advice says to write is to be worth what it says.
func TestAdviceIsWorthWhatItSays(t *testing.T) {
	t.Parallel()
	f := func(topic, plugin string) {
		t.Helper()
		text := func(section string) string {
			return `{"metrics": {"metrics_collected": {` + section + `}}}`
		}
		before := explained(t, agent.OnPremise, "c.json", text(plugin+"}"))
		i := slices.IndexFunc(before.Advice, func(a Advice) bool { return a.Topic == topic })
		if i < 0 {
			t.Errorf("%s: no advice", topic)
			return
		}
		a := before.Advice[i]
		after := explained(t, agent.OnPremise, "c.json", text(replaced(plugin, a.Change)+"}"))
		if got := len(before.Metrics.Series) - len(after.Metrics.Series); got != a.Series || got == 0 && a.Dollars == 0 {
			t.Errorf("%s: %d series fewer, said were %d (%s)", topic, got, a.Series, a.Change)
		}
		if got := before.Bill.Total - after.Bill.Total; !about(got, a.Dollars) {
			t.Errorf("%s: $%v less, said was $%v", topic, got, a.Dollars)
		}
		if slices.ContainsFunc(after.Advice, func(a Advice) bool { return a.Topic == topic }) {
			t.Errorf("%s: it is said again", topic)
		}
	}
	f("pseudo_file_systems", `"disk": {"measurement": ["used_percent", "free"], "ignore_file_system_types": ["sysfs"]`)
	f("devices", `"diskio": {"measurement": ["iops_in_progress"]`)
	f("high_resolution", `"disk": {"measurement": ["total", "inodes_total", "used"], "ignore_pseudo_file_systems": true, "metrics_collection_interval": 1`)
}

// replaced gives a plugin what advice says, instead of what it had.
func replaced(plugin, change string) string {
	key, _, _ := strings.Cut(change, ":")
	if at := strings.Index(plugin, ", "+key); at >= 0 {
		plugin = plugin[:at]
	}
	return plugin + ", " + change
}

func topics(r *Report) (all []string) {
	for _, a := range r.Advice {
		all = append(all, a.Topic)
	}
	slices.Sort(all)
	return all
}

func TestAdviceOnWhatAConfigurationSays(t *testing.T) {
	t.Parallel()
	f := func(mode agent.Mode, text string, want ...string) {
		t.Helper()
		if got := topics(explained(t, mode, "c.json", text)); !slices.Equal(got, want) {
			t.Errorf("%s: got %q, want %q", text, got, want)
		}
	}
	metrics := func(more string) string {
		return `{"metrics": {` + more + `"metrics_collected": {"mem": {"measurement": ["used"]}}}}`
	}
	f(agent.EC2, metrics(""))
	f(agent.EC2, `{"metrics": {"metrics_collected": {"mem": {"measurement": ["used"], "metrics_collection_interval": 10}}}}`, "high_resolution")
	f(agent.EC2, metrics(`"force_flush_interval": 10,`)) // nothing is collected as often, and nothing sent
	f(agent.EC2, `{"agent": {"metrics_collection_interval": 10}, `+metrics(`"force_flush_interval": 10,`)[1:], "flush", "high_resolution")
	both := `"append_dimensions": {"AutoScalingGroupName": "${aws:AutoScalingGroupName}", "InstanceId": "${aws:InstanceId}"},`
	f(agent.EC2, metrics(both), "auto_scaling")
	f(agent.EC2, metrics(both+`"aggregation_dimensions": [["AutoScalingGroupName"]],`))
	f(agent.EC2, `{"metrics": {"metrics_collected": {"disk": {"measurement": ["used"], "resources": ["/", "/nowhere"]}}}}`, "disks")
	f(agent.EC2, `{"metrics": {"metrics_collected": {"diskio": {"measurement": ["ebs_volume_queue_length"]}}}}`, "rights")
	logs := func(entry string) string {
		return `{"logs": {"logs_collected": {"files": {"collect_list": [{"file_path": "/nowhere/a.log", ` + entry + `}]}}}}`
	}
	f(agent.EC2, logs(`"retention_in_days": 7`))
	f(agent.EC2, logs(`"log_group_name": "g"`), "retention")
	f(agent.EC2, logs(`"log_group_name": "g-{hostname}", "retention_in_days": 7`), "names")
	f(agent.EC2, logs(`"log_stream_name": "{instance_id}/{date}", "retention_in_days": 7`), "names")
	f(agent.OnPremise, logs(`"log_stream_name": "{instance_id}/{date}", "retention_in_days": 7`), "names", "names")
}

func TestAdviceOnCoresAndClasses(t *testing.T) {
	t.Parallel()
	r := threeFiles()
	r.Metrics.Series = append(r.Metrics.Series, Series{Plugin: "cpu", Dimensions: []Dimension{{"cpu", "cpu0"}}}, Series{Plugin: "cpu", Dimensions: []Dimension{{"cpu", "cpu1"}}})
	r.Logs.Entries[0].Files[0].Growth.BytesPerDay *= 5 // ten gigabytes a month
	c := parsed(t, `{"metrics": {"metrics_collected": {"cpu": {"measurement": ["usage_idle"], "resources": ["*"]}}}, "logs": {"logs_collected": {"files": {"collect_list": [{"file_path": "/a"}]}}}}`)
	plan := &agent.Plan{Plugins: []agent.PlannedPlugin{{Plugin: c.Metrics.Plugins[0]}}}
	f := func(topic, change string, series int, dollars float64) {
		t.Helper()
		for _, a := range adviceOn(c, plan, r, defaults(t)) {
			if a.Topic == topic && a.Change == change && a.Series == series && about(a.Dollars, dollars) {
				return
			}
		}
		t.Errorf("%s is not among %+v", topic, adviceOn(c, plan, r, defaults(t)))
	}
	f("cores", `"resources": [], "totalcpu": true`, 2, 0.60)
	f("class", `"log_group_class": "INFREQUENT_ACCESS"`, 0, 10*0.25)
}

// Whoever asks may see what the service does not.
func TestAdviceOnRightsForProcesses(t *testing.T) {
	t.Parallel()
	f := func(entry string, advice []config.Problem, want ...string) {
		t.Helper()
		c := parsed(t, `{"metrics": {"metrics_collected": {"procstat": [`+entry+`]}}}`)
		r := threeFiles()
		r.Logs = nil
		r.Advice = adviceOn(c, &agent.Plan{Plugins: []agent.PlannedPlugin{{Plugin: c.Metrics.Plugins[0], Advice: advice}}}, r, defaults(t))
		got := slices.DeleteFunc(topics(r), func(topic string) bool { return topic != "rights" && topic != "processes" })
		if !slices.Equal(got, want) {
			t.Errorf("%s: got %q, want %q", entry, got, want)
		}
	}
	f(`{"exe": "app", "measurement": ["pid_count"]}`, nil, "rights")
	f(`{"exe": "app", "measurement": ["pid_count"]}`, []config.Problem{{Warning: true, Text: "hidden"}}, "processes")
	f(`{"pattern": "app", "measurement": ["write_count"]}`, nil, "rights")
	f(`{"pattern": "app", "measurement": ["num_fds"]}`, nil)
	f(`{"pid_file": "/run/app.pid", "exe": "app", "measurement": ["num_fds"]}`, nil)
}

// The names of a report's fields are a promise: docs/explain.md tells each.
func TestDocumentationTellsEveryFieldOfAReport(t *testing.T) {
	t.Parallel()
	doc, err := os.ReadFile("../../docs/explain.md")
	if err != nil {
		t.Fatal(err)
	}
	r := explained(t, agent.EC2, "c.json", `{"metrics": {"aggregation_dimensions": [[]], "metrics_collected": {"disk": {"measurement": ["used"]}}},
		"logs": {"logs_collected": {"files": {"collect_list": [{"file_path": "../../docs/*.md"}]}}}}`)
	raw, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	var whole map[string]any
	if err := json.Unmarshal(raw, &whole); err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	var walk func(v any)
	walk = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			for name, below := range v {
				names[name] = true
				walk(below)
			}
		case []any:
			for _, below := range v {
				walk(below)
			}
		}
	}
	delete(whole, "permissions") // IAM's own
	walk(whole)
	if len(names) < 50 {
		t.Errorf("only %d names", len(names))
	}
	for name := range names {
		if !bytes.Contains(doc, []byte("`"+name+"`")) {
			t.Errorf("docs/explain.md does not tell what `%s` is", name)
		}
	}
}
