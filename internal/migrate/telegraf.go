package migrate

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nephoscope/nephoscope/config"
)

// Telegraf reads telegraf.conf, and the *.conf files in the folder telegraf.d beside it. What its outputs cloudwatch and
// cloudwatch_logs send is taken over, as far as this agent can collect it; everything else is noted. The error says what could
// not be read, or is config.Problems.
func Telegraf(path string) (Imported, error) {
	main, err := readDocument(path)
	if err != nil {
		return Imported{}, err
	}
	all := []document{main}
	folder := filepath.Join(filepath.Dir(path), "telegraf.d")
	entries, err := os.ReadDir(folder)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return Imported{}, fmt.Errorf("read configuration: %w", err)
	}
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".conf") || e.IsDir() {
			continue
		}
		d, err := readDocument(filepath.Join(folder, e.Name()))
		if err != nil {
			return Imported{}, err
		}
		all = append(all, d)
	}
	return telegraf(all)
}

func telegraf(all []document) (Imported, error) {
	t := &telegrafFiles{importing: newImporting()}
	for _, d := range all {
		t.files = append(t.files, d.name)
		if root := t.readTOML(d); root != nil {
			t.roots = append(t.roots, root)
		}
	}
	if len(t.mistakes) == 0 {
		t.agent()
		t.outputs()
		t.inputs()
	}
	if len(t.mistakes) == 0 && t.root.keys["logs"] == nil && t.root.keys["metrics"] == nil {
		t.note(all[0].at(1, 1, ""), "nothing in it goes to CloudWatch that this agent could collect", "")
	}
	return t.settle()
}

// telegrafFiles is one configuration of Telegraf (https://docs.influxdata.com/telegraf/v1/configuration/).
type telegrafFiles struct {
	*importing
	roots    []*table
	interval time.Duration // of the agent
	metrics  *table        // outputs.cloudwatch; nil: none
	logs     []*table      // outputs.cloudwatch_logs
}

// plugins are the tables of one kind (inputs, outputs, …) by their names, in the order of the files and the names.
func (t *telegrafFiles) plugins(kind string, each func(name string, plugin *table)) {
	for _, root := range t.roots {
		all := root.within(kind)
		if all == nil {
			continue
		}
		for _, name := range slices.Sorted(maps.Keys(all.values)) {
			for _, plugin := range all.all(name) {
				each(name, plugin)
			}
		}
	}
}

// agent takes [agent] over.
func (t *telegrafFiles) agent() {
	t.interval = 10 * time.Second // Telegraf's default
	section := t.root.within("agent")
	at := t.roots[0].near
	for _, root := range t.roots {
		a := root.within("agent")
		if a == nil {
			continue
		}
		at = a.near
		if d, ok := t.duration(a, "interval"); ok {
			t.interval, at = d, a.at("interval")
		}
		for _, key := range []string{"hostname", "logfile"} {
			if v := a.text(key); v != "" {
				section.set(key, a.at(key), v)
			}
		}
		for _, key := range []string{"omit_hostname", "debug"} {
			if a.flag(key, false) {
				section.set(key, a.at(key), true)
			}
		}
		if d, ok := t.duration(a, "flush_interval"); ok {
			t.root.within("metrics").set("force_flush_interval", a.at("flush_interval"), t.seconds(d, a.at("flush_interval")))
		}
	}
	section.set("metrics_collection_interval", at, t.seconds(t.interval, at))
	t.ignored()
}

// ignored says of the parts that have no counterpart that they have none.
func (t *telegrafFiles) ignored() {
	for _, kind := range []string{"processors", "aggregators"} {
		t.plugins(kind, func(name string, plugin *table) {
			t.note(plugin.near, fmt.Sprintf("%s.%s is not taken over: data are sent as they are measured", kind, name), "")
		})
	}
}

// duration reads "10s", or a number of seconds.
func (t *telegrafFiles) duration(in *table, key string) (time.Duration, bool) {
	switch v := in.values[key].(type) {
	case string:
		d, err := time.ParseDuration(v)
		if err != nil {
			if n, err := strconv.ParseFloat(v, 64); err == nil && n > 0 && n < 1e6 {
				return time.Duration(n * float64(time.Second)), true
			}
			t.note(in.at(key), fmt.Sprintf("%q is no duration; it is ignored", short(v)), "")
			return 0, false
		}
		return d, true
	case int64:
		if v > 0 && v < 1e6 {
			return time.Duration(v) * time.Second, true
		}
	case float64:
		if v > 0 && v < 1e6 {
			return time.Duration(v * float64(time.Second)), true
		}
	}
	return 0, false
}

// seconds is a duration in whole seconds, one at least.
func (t *telegrafFiles) seconds(d time.Duration, at config.Place) int {
	n := int(max(1, math.Round(d.Seconds())))
	if time.Duration(n)*time.Second != d {
		t.note(at, fmt.Sprintf("%s becomes %d s: only whole seconds are known here", d, n), "")
	}
	return n
}

// outputs takes over where things go.
func (t *telegrafFiles) outputs() {
	t.plugins("outputs", func(name string, out *table) {
		switch {
		case name == "cloudwatch_logs":
			t.logs = append(t.logs, out)
			t.destination(out, "logs")
		case name == "cloudwatch" && t.metrics == nil:
			t.metrics = out
			t.destination(out, "metrics")
			t.cloudwatch(out)
		case name == "cloudwatch":
			t.note(out.near, "is not taken over: there is one destination for all metrics, and the first counts", "run a second agent for it")
		default:
			t.note(out.near, fmt.Sprintf("the output %q is not taken over: this agent sends to CloudWatch alone", name), "")
		}
	})
}

// cloudwatch takes over outputs.cloudwatch (https://github.com/influxdata/telegraf/tree/master/plugins/outputs/cloudwatch).
func (t *telegrafFiles) cloudwatch(out *table) {
	if namespace := out.text("namespace"); namespace != "" {
		t.root.within("metrics").set("namespace", out.at("namespace"), namespace)
	}
	if out.flag("write_statistics", false) {
		t.note(out.at("write_statistics"), "has no counterpart: values of one metric and moment are sent together anyway", "")
	}
	if t.interval < time.Minute && !out.flag("high_resolution_metrics", false) {
		t.note(out.near, fmt.Sprintf("metrics that are collected every %s are high-resolution metrics here, which CloudWatch keeps for 3 hours at that resolution; alarms on them may cost more", t.interval),
			"an agent.metrics_collection_interval of 60 makes ordinary ones of them")
	}
	t.note(out.near, "metrics carry their units here (Percent, Bytes, …), which Telegraf leaves out: alarms that name the unit None match no more", "")
}

// destination takes over region, role and address of an output. Keys and secrets are not copied, and not quoted.
func (t *telegrafFiles) destination(out *table, section string) {
	agent, own := t.root.within("agent"), t.root.within(section)
	if region := out.text("region"); region != "" {
		t.once(agent, "region", out.at("region"), region)
	}
	if role := out.text("role_arn"); role != "" {
		t.once(own.within("credentials"), "role_arn", out.at("role_arn"), role)
	}
	if address := out.text("endpoint_url"); address != "" {
		t.once(own, "endpoint_override", out.at("endpoint_url"), address)
	}
	for _, key := range []string{"access_key", "secret_key", "token"} {
		if out.text(key) != "" {
			t.note(out.at(key), "is not taken over: a secret has no place in config.json", "an instance role, or a credentials file named in common-config.toml")
		}
	}
	for _, c := range []struct{ key, instead string }{
		{"profile", "shared_credential_profile"}, {"shared_credential_file", "shared_credential_file"}, {"use_system_proxy", "[proxy]"}, {"http_proxy_url", "[proxy]"},
	} {
		if out.has(c.key) && out.values[c.key] != "" && out.values[c.key] != false {
			t.note(out.at(c.key), "is not taken over", "set "+c.instead+" in common-config.toml")
		}
	}
	for _, key := range []string{"web_identity_token_file", "role_session_name", "tagpass", "tagdrop", "fieldpass", "fielddrop", "fieldinclude", "fieldexclude", "metricpass"} {
		if out.has(key) && out.values[key] != "" {
			t.note(out.at(key), "is not taken over", "")
		}
	}
}

// passes tells whether an output takes the metrics of a name: namepass and namedrop.
func passes(out *table, name string) bool {
	matches := func(key string) bool {
		return slices.ContainsFunc(out.texts(key), func(pattern string) bool { return wildcard(pattern, name) })
	}
	return (!out.has("namepass") || matches("namepass")) && !matches("namedrop")
}
