package wizard

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// build makes the configuration of the answers that are there. What lacks an answer that it cannot do without is left out.
func (iv *interview) build() map[string]any {
	v := view{iv, ""}
	c := map[string]any{}
	put(c, "agent", v.agent())
	put(c, "metrics", v.metrics())
	put(c, "logs", v.logs())
	put(c, "traces", v.traces())
	return c
}

// put leaves out what is empty.
func put(into map[string]any, key string, section map[string]any) {
	if len(section) > 0 {
		into[key] = section
	}
}

// write is put for a string.
func write(into map[string]any, key, value string) {
	if value != "" {
		into[key] = value
	}
}

func (v view) agent() map[string]any {
	a := map[string]any{}
	if i := v.interval(); i > 0 {
		a["metrics_collection_interval"] = i
	}
	switch user := v.get("user"); user {
	case others:
		write(a, "run_as_user", v.get("user.name"))
	default:
		write(a, "run_as_user", user)
	}
	return a
}

// interval is how often metrics are collected, in seconds; 0 before that is known.
func (v view) interval() int { return seconds(v.get("resolution")) }

// seconds reads a choice such as 10s; 0 for a word.
func seconds(word string) int {
	n, _ := strconv.Atoi(strings.TrimSuffix(word, "s"))
	return n
}

func (v view) metrics() map[string]any {
	collected := map[string]any{}
	for _, p := range v.wanted() {
		collected[p.name] = p.section(v, v.interval())
	}
	if v.yes("statsd") {
		collected["statsd"] = map[string]any{
			"service_address":              ":" + orElse(v.get("statsd.port"), "8125"),
			"metrics_collection_interval":  seconds(orElse(v.get("statsd.interval"), "10s")),
			"metrics_aggregation_interval": v.statsdAggregation(),
		}
	}
	if v.yes("collectd") {
		every := 60
		if v.yes("statsd") {
			every = v.statsdAggregation()
		}
		collected["collectd"] = map[string]any{"metrics_aggregation_interval": every}
	}
	if len(collected) == 0 {
		return nil
	}
	m := map[string]any{"metrics_collected": collected}
	if v.yes("dimensions") {
		m["append_dimensions"] = map[string]any{
			"AutoScalingGroupName": "${aws:AutoScalingGroupName}", "ImageId": "${aws:ImageId}",
			"InstanceId": "${aws:InstanceId}", "InstanceType": "${aws:InstanceType}",
		}
	}
	if v.yes("aggregate") {
		m["aggregation_dimensions"] = []any{[]any{"InstanceId"}}
	}
	return m
}

func (v view) statsdAggregation() int { return seconds(orElse(v.get("statsd.aggregation"), "60s")) }

func orElse(value, other string) string {
	if value == "" {
		return other
	}
	return value
}

func (v view) logs() map[string]any {
	logs, files := v.importedLogs()
	for f := range v.rounds("log", "path") {
		files = append(files, f.logFile())
	}
	collected := map[string]any{}
	if len(files) > 0 {
		collected["files"] = map[string]any{"collect_list": files}
	}
	for _, kind := range []struct {
		id, key, needs string
		entry          func(view) map[string]any
	}{{"event", "windows_events", "name", view.event}, {"journald", "journald", "group", view.journal}} {
		var list []any
		for e := range v.rounds(kind.id, kind.needs) {
			list = append(list, kind.entry(e))
		}
		if len(list) > 0 {
			collected[kind.key] = map[string]any{"collect_list": list}
		}
	}
	if len(collected) == 0 {
		return nil
	}
	logs["logs_collected"] = collected
	return logs
}

// importedLogs is the logs section that was taken over, without its files, and the files.
func (v view) importedLogs() (logs map[string]any, files []any) {
	logs = map[string]any{}
	if !v.yes("import") || v.get("import.path") == "" {
		return logs, nil
	}
	section, _ := v.imported["awslogs "+v.get("import.path")].Config["logs"].(map[string]any)
	maps.Copy(logs, section)
	collected, _ := section["logs_collected"].(map[string]any)
	list, _ := collected["files"].(map[string]any)
	switch all := list["collect_list"].(type) {
	case []any:
		files = slices.Clone(all)
	case []map[string]any:
		for _, f := range all {
			files = append(files, f)
		}
	}
	delete(logs, "logs_collected")
	return logs, files
}

// rounds are the rounds of a loop in which the question that counts was answered.
func (v view) rounds(loop, needs string) func(func(view) bool) {
	return func(each func(view) bool) {
		for n := 1; ; n++ {
			round := view{v.interview, fmt.Sprintf("%s%s.%d.", v.prefix, loop, n)}
			answer, there := v.answers[round.prefix+needs]
			if !there || answer != "" && !each(round) {
				return
			}
		}
	}
}

// destination is where the entries of all kinds go.
func (v view) destination() map[string]any {
	e := map[string]any{}
	write(e, "log_group_name", v.own("group"))
	write(e, "log_stream_name", v.own("stream"))
	write(e, "log_group_class", v.own("class"))
	if days := v.own("retention"); days != "" {
		e["retention_in_days"] = retentionDays(days)
	}
	return e
}

func (v view) logFile() map[string]any {
	f := v.destination()
	f["file_path"] = v.own("path")
	return f
}

func (v view) event() map[string]any {
	e := v.destination()
	e["event_name"] = v.own("name")
	var levels []string
	for _, level := range eventLevels() {
		if v.ownYes(strings.ToLower(level)) {
			levels = append(levels, level)
		}
	}
	if len(levels) > 0 {
		e["event_levels"] = levels
	}
	if ids := numbers(v.own("ids")); len(ids) > 0 {
		e["event_ids"] = ids
	}
	if f := v.filters(); len(f) > 0 {
		e["filters"] = f
	}
	if e["event_levels"] == nil && e["event_ids"] == nil && e["filters"] == nil { // nothing narrows it down, or not yet
		e["event_levels"] = eventLevels()
	}
	switch v.own("format") {
	case eventXML:
		e["event_format"] = "xml"
	case eventText:
		e["event_format"] = "text"
	}
	return e
}

func (v view) journal() map[string]any {
	j := v.destination()
	if units := names(v.own("units")); len(units) > 0 {
		j["units"] = units
	}
	write(j, "priority", v.own("priority"))
	var matches []any
	for m := range v.rounds("match", "value") {
		matches = append(matches, map[string]any{m.own("field"): m.own("value")})
	}
	if len(matches) > 0 {
		j["matches"] = matches
	}
	if f := v.filters(); len(f) > 0 {
		j["filters"] = f
	}
	return j
}

func (v view) filters() (all []any) {
	for f := range v.rounds("filter", "pattern") {
		all = append(all, map[string]any{"type": f.own("type"), "expression": f.own("pattern")})
	}
	return all
}

// names reads a list with commas; empty parts and repetitions count for nothing.
func names(list string) (all []string) {
	for part := range strings.SplitSeq(list, ",") {
		if part = strings.TrimSpace(part); part != "" && !slices.Contains(all, part) {
			all = append(all, part)
		}
	}
	return all
}

func numbers(list string) (all []int) {
	for _, part := range names(list) {
		if n, err := strconv.Atoi(part); err == nil {
			all = append(all, n)
		}
	}
	return all
}
