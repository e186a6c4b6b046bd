package migrate

import (
	"cmp"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/nephoscope/nephoscope/config"
)

// FluentBit reads a configuration of Fluent Bit, in its own form or in YAML, with what it includes. What goes to CloudWatch Logs
// from log files is taken over; everything else is noted. The error says what could not be read, or is config.Problems.
func FluentBit(path string) (Imported, error) {
	d, err := readDocument(path)
	if err != nil {
		return Imported{}, err
	}
	return fluentBit(newLoader(newImporting()), d)
}

func fluentBit(l *loader, d document) (Imported, error) {
	l.file(d)
	l.parsers(d)
	f := fluent{loader: l}
	for _, s := range l.sections {
		f.section(s)
	}
	if len(l.mistakes) == 0 && l.root.keys["logs"] == nil && l.root.keys["metrics"] == nil {
		l.note(d.at(1, 1, ""), "nothing in it goes to CloudWatch from log files", "")
	}
	return l.settle()
}

// fluent maps a pipeline. The keys: https://docs.fluentbit.io/manual/pipeline/inputs/tail and …/outputs/cloudwatch
type fluent struct{ *loader }

// section says what becomes of a section. Inputs look for their filters and outputs themselves.
func (f fluent) section(s *stage) {
	switch s.kind {
	case "service":
		f.service(s)
	case "input":
		f.input(s)
	case "filter":
		if p := s.plugin(); p != "grep" && p != "multiline" {
			f.note(s.at, fmt.Sprintf("the filter %q is not taken over: events are sent as they stand in the file", p), "config.json has filters (include and exclude) for log events, and nothing else")
		}
	case "output":
		f.output(s)
	case "parser", "multiline_parser", "plugins", "upstream", "node":
	default:
		f.note(s.at, fmt.Sprintf("there is no section %q; it is ignored", s.kind), config.Suggestion(s.kind, []string{"service", "input", "filter", "output"}))
	}
}

func (f fluent) service(s *stage) {
	if p, ok := s.get("flush"); ok {
		seconds, err := strconv.ParseFloat(p.value, 64)
		if err != nil || seconds <= 0 || seconds > 172800 {
			f.note(p.valueAt, fmt.Sprintf("%q is no number of seconds; it is ignored", short(p.value)), "events wait 5 s at most")
		} else {
			f.root.within("logs").set("force_flush_interval", p.valueAt, int(max(1, math.Round(seconds))))
		}
	}
	if p, ok := s.get("http_server"); ok && isOn(p.value) {
		f.note(p.at, "is not taken over", "status_address answers /healthz and /metrics on a loopback address")
	}
	if p, ok := s.get("log_file"); ok {
		f.note(p.at, "is not taken over", "agent.logfile is where the agent's own log goes")
	}
}

// clouds are the outputs that speak to CloudWatch Logs: the one in C, and the older one in Go.
func isCloud(s *stage) bool { return s.plugin() == "cloudwatch_logs" || s.plugin() == "cloudwatch" }

// output takes over what an output says for all that goes through it.
func (f fluent) output(s *stage) {
	if !isCloud(s) {
		f.note(s.at, fmt.Sprintf("the output %q is not taken over: this agent sends to CloudWatch alone", s.plugin()), "")
		return
	}
	for _, key := range []string{"region", "role_arn", "endpoint"} {
		if _, own := s.get(key); !own {
			f.borrowed(s, key)
		}
	}
	for _, p := range s.properties {
		switch p.key {
		case "region":
			f.once(f.root.within("agent"), "region", p.valueAt, p.value)
		case "role_arn":
			f.once(f.root.within("logs", "credentials"), "role_arn", p.valueAt, p.value)
		case "endpoint":
			endpoint := p.value
			if !strings.Contains(endpoint, "://") {
				endpoint = "https://" + endpoint
			}
			f.once(f.root.within("logs"), "endpoint_override", p.valueAt, endpoint)
		case "log_group_template", "log_stream_template":
			f.note(p.at, "templates are not filled in here: the name that stands beside it is used", "")
		case "auto_create_group":
			if !isOn(p.value) {
				f.note(p.at, "is off: a log group that is missing is created here all the same", "without the permission logs:CreateLogGroup it is not")
			}
		case "log_format":
			if _, metrics := s.get("metric_namespace"); !metrics {
				f.note(p.at, "is not taken over: events are sent as they stand in the file", "")
			}
		case "retry_limit":
			f.note(p.at, "has no counterpart: what the service does not take is tried again for ever, and counted", "")
		case "profile":
			f.note(p.at, "is not taken over", "set shared_credential_profile in common-config.toml")
		case "sts_endpoint", "external_id", "add_entity":
			f.note(p.at, "is not taken over", "")
		case "name", "match", "match_regex", "log_group_name", "log_stream_name", "log_stream_prefix", "log_key", "log_group_class", "log_retention_days",
			"metric_namespace", "metric_dimensions", "alias", "log_level", "workers", "auto_retry_requests", "extra_user_agent", "port", "tls", "tls.verify":
		default:
			if !strings.HasPrefix(p.key, "net.") && !strings.HasPrefix(p.key, "storage.") && !strings.HasPrefix(p.key, "tls.") {
				f.note(p.at, fmt.Sprintf("%q is not taken over", p.key), "")
			}
		}
	}
}

// borrowed notes what an output does not say for itself, and now has from another.
func (f fluent) borrowed(s *stage, key string) {
	for _, other := range f.of("output") {
		if p, ok := other.get(key); ok && isCloud(other) {
			f.note(s.at, fmt.Sprintf("has no %s: there is one for all here, from %s:%d", key, p.at.File, p.at.Line), "run a second agent for it")
			return
		}
	}
}

func (f fluent) input(s *stage) {
	outputs := f.reached(s)
	switch name := s.plugin(); name {
	case "tail":
		if len(outputs) == 0 {
			f.note(s.at, "left out: no output to CloudWatch takes what has the tag "+f.tag(s), "")
			return
		}
		for _, out := range outputs {
			f.tail(s, out)
		}
		f.tailKeys(s)
	case "cpu", "mem":
		f.measured(s, outputs)
	case "disk", "netif", "proc", "docker", "node_exporter_metrics", "thermal", "collectd", "statsd":
		f.note(s.at, fmt.Sprintf("the input %q is not taken over: what it measures became log events, which this agent makes of log files alone", name), better(name))
	case "systemd":
		f.note(s.at, `the input "systemd" is not taken over`, "the journal is collected by logs.logs_collected.journald")
	default:
		f.note(s.at, fmt.Sprintf("the input %q is not taken over", name), "")
	}
}

// better is what measures the same here, as metrics.
func better(input string) string {
	names := map[string]string{"disk": "diskio", "netif": "net", "proc": "procstat", "collectd": "collectd", "statsd": "statsd"}
	if name := names[input]; name != "" {
		return "metrics.metrics_collected." + name + " makes metrics of it"
	}
	return ""
}

// measured takes over what an output made metrics of (its embedded metric format): of cpu and mem alone it did.
func (f fluent) measured(s *stage, outputs []*stage) {
	name := s.plugin()
	for _, out := range outputs {
		namespace, ok := out.get("metric_namespace")
		if !ok || !strings.HasPrefix(strings.ToLower(out.text("log_format")), "json/emf") {
			continue
		}
		f.once(f.root.within("metrics"), "namespace", namespace.valueAt, namespace.value)
		plugin := object(s.at)
		fields := map[string][]string{"cpu": {"usage_active", "usage_user", "usage_system"}, "mem": {"total", "used", "free"}}
		for _, field := range fields[name] {
			plugin.add("measurement", s.at, field)
		}
		was := map[string]string{"cpu": "cpu_p, user_p, system_p", "mem": "Mem.total, Mem.used, Mem.free (in KiB) and the same of Swap"}
		plugin.was = "namespace " + namespace.value + ": " + was[name]
		if p, ok := s.get("interval_sec"); ok {
			if n, err := strconv.Atoi(p.value); err == nil {
				plugin.set("metrics_collection_interval", p.valueAt, n)
			}
		}
		f.root.within("metrics", "metrics_collected").set(name, s.at, plugin)
		f.note(s.at, "becomes metrics with other names and units, and with the dimension host instead of those of metric_dimensions; log events with them are no more", "look at dashboards and alarms that use them")
		return
	}
	f.note(s.at, fmt.Sprintf("the input %q is not taken over: what it measures became log events, which this agent makes of log files alone", name), "metrics.metrics_collected."+name+" makes metrics of it")
}

// tag is what an input's records are called.
func (f fluent) tag(s *stage) string {
	if t := s.text("tag"); t != "" {
		return t
	}
	n := slices.Index(f.of("input"), s)
	return fmt.Sprintf("%s.%d", s.plugin(), n)
}

// tagOf is the tag of one of its paths: an asterisk stands for the path, with dots for slashes.
func (f fluent) tagOf(s *stage, path string) string {
	return strings.Replace(f.tag(s), "*", strings.ReplaceAll(strings.TrimLeft(path, "/"), "/", "."), 1)
}

// reached are the outputs to CloudWatch that an input's records go to.
func (f fluent) reached(s *stage) (all []*stage) {
	for _, out := range f.of("output") {
		if isCloud(out) && f.routed(s, out) {
			all = append(all, out)
		}
	}
	return all
}

// routed tells whether the records of an input go through a filter or an output.
func (f fluent) routed(s, through *stage) bool {
	if p, ok := through.get("match_regex"); ok {
		r, err := regexp.Compile(p.value)
		if err != nil {
			f.note(p.valueAt, "cannot be read as a regular expression of Go's, and counts as matching nothing", "")
			return false
		}
		return slices.ContainsFunc(f.tags(s), r.MatchString)
	}
	return slices.ContainsFunc(f.tags(s), func(tag string) bool { return wildcard(through.text("match"), tag) })
}

// tags are those of all paths of an input.
func (f fluent) tags(s *stage) (all []string) {
	for _, path := range paths(s) {
		all = append(all, f.tagOf(s, path))
	}
	if len(all) == 0 {
		all = append(all, f.tag(s))
	}
	return all
}

// paths are what an input of log files reads: several patterns with commas between them.
func paths(s *stage) (all []string) {
	for path := range strings.SplitSeq(s.text("path"), ",") {
		if path = strings.TrimSpace(path); path != "" {
			all = append(all, path)
		}
	}
	return all
}

// wildcard tells whether a pattern with asterisks matches all of a text.
func wildcard(pattern, text string) bool {
	if pattern == "" {
		return false
	}
	parts := strings.Split(pattern, "*")
	if !strings.HasPrefix(text, parts[0]) {
		return false
	}
	text = text[len(parts[0]):]
	for i, part := range parts[1:] {
		if i == len(parts)-2 {
			return strings.HasSuffix(text, part)
		}
		at := strings.Index(text, part)
		if at < 0 {
			return false
		}
		text = text[at+len(part):]
	}
	return text == ""
}

// streams are the log stream of a path before, and what to call it here.
func (f fluent) streams(s, out *stage, path string, many bool) (before, after string) {
	if name := out.text("log_stream_name"); name != "" {
		return name, name
	}
	prefix := out.text("log_stream_prefix")
	before = prefix + f.tagOf(s, path)
	if !many {
		return before, before
	}
	fixed, _, _ := strings.Cut(f.tag(s), "*")
	return before, cmp.Or(strings.Trim(prefix+fixed, ".-_/"), strings.Trim(s.plugin(), "."))
}
