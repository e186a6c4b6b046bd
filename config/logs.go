package config

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

func readLogs(s, ours section, a Agent, with func(name string) string) *Logs {
	l := &Logs{
		LogStreamName:      s.text("log_stream_name"),
		ForceFlushInterval: s.seconds("force_flush_interval"),
		EndpointOverride:   s.text("endpoint_override"),
		RoleARN:            s.section("credentials").text("role_arn"),
		Concurrency:        s.number("concurrency"),
		ReadBack:           ours.flag("read_back"),
		MemoryBudget:       int64(ours.number("memory_budget_mib")) << 20,
		DeletedBudget:      int64(ours.number("deleted_files_mib")) << 20,
		EventsBytes:        int64(ours.number("events_mib")) << 20,
		EMF:                readEMF(s.section("metrics_collected")),
		Prometheus:         readPrometheus(s.section("metrics_collected").section("prometheus"), ours, with),
	}
	if l.RoleARN == "" {
		l.RoleARN = a.RoleARN
	}
	for _, entry := range s.section("logs_collected").section("files").items("collect_list") {
		if f := readFileEntry(entry); f.Path != "" {
			l.Files = append(l.Files, f)
		}
	}
	return l
}

func readFileEntry(s section) File {
	f := File{
		Place:            s.node.at,
		Path:             s.text("file_path"),
		LogGroupName:     s.text("log_group_name"),
		LogStreamName:    s.text("log_stream_name"),
		LogGroupClass:    logGroupClass(s.text("log_group_class")),
		RetentionDays:    s.number("retention_in_days"),
		TimestampFormat:  s.text("timestamp_format"),
		Timezone:         time.Local,
		TrimTimestamp:    s.flag("trim_timestamp"),
		PublishMultiLogs: s.flag("publish_multi_logs"),
		Encoding:         s.text("encoding"),
		AutoRemoval:      s.flag("auto_removal") && !s.flag("publish_multi_logs") && isPattern(s.text("file_path")),
		Blacklist:        pattern(s.value("blacklist")),
	}
	if s.text("timezone") == "UTC" {
		f.Timezone = time.UTC
	}
	if start := s.value("multi_line_start_pattern"); start != nil && start.text != timestampLiteral {
		f.MultiLineStart = pattern(start)
	} else if start != nil {
		f.StartsWithTimestamp = f.TimestampFormat != ""
	}
	for _, filter := range s.items("filters") {
		if e := pattern(filter.value("expression")); e != nil {
			f.Filters = append(f.Filters, Filter{Include: filter.text("type") == "include", Expression: e})
		}
	}
	return f
}

// sameGroups judges the entries of a collect_list: they must not want different things of one log group. Log groups that
// differ in case only count as one, as for the original.
func (r *reading) sameGroups(n *node) {
	retention, class := map[string]*node{}, map[string]*node{}
	for _, item := range n.items {
		if item.kind != object {
			continue
		}
		group := item.child("log_group_name")
		if group == nil || group.kind != text {
			continue
		}
		name := strings.ToLower(group.text)
		if n := item.child("retention_in_days"); n != nil && n.kind == number {
			if days, ok := n.whole(); ok && days > 0 {
				r.agree(retention, name, n, "retention_in_days")
			}
		}
		if n := item.child("log_group_class"); n != nil && n.kind == text && logGroupClass(n.text) != "" {
			r.agree(class, name, n, "log_group_class")
		}
	}
}

func (r *reading) agree(chosen map[string]*node, group string, n *node, key string) {
	other := chosen[group]
	if other == nil {
		chosen[group] = n
		return
	}
	if !other.equal(n) && !strings.EqualFold(other.text, n.text) {
		r.wrong(n.at, fmt.Sprintf("log group %q has two different values of %s: %s here, %s at %s", group, key, n.short(), other.short(), spot(other.at)),
			"a log group has one; make them equal")
	}
}

// logGroupClass judges log_group_class, of which the original ignores what it does not know.
func (r *reading) logGroupClass(n *node) {
	if logGroupClass(n.text) == "" {
		r.warn(n.at, fmt.Sprintf("there is no log group class %q; it is ignored", n.text), didYouMean(n.text, []string{"STANDARD", "INFREQUENT_ACCESS"}))
	}
}

func logGroupClass(s string) string {
	switch c := strings.ToUpper(s); c {
	case "STANDARD", "INFREQUENT_ACCESS":
		return c
	}
	return ""
}

// noSuchRetention refuses a number of days that PutRetentionPolicy does not accept.
func (r *reading) noSuchRetention(n *node, allowed []int64) {
	days, ok := n.whole()
	hint := "-1 leaves the log group as it is"
	if i, _ := slices.BinarySearch(allowed, days); ok && days > 0 && i < len(allowed) {
		hint = fmt.Sprintf("the next longer one is %d", allowed[i])
	} else if ok && days > 0 {
		hint = "the longest is 3653"
	}
	r.refuse(n, "CloudWatch Logs has no retention of "+n.short()+" days", hint)
}

// groupName warns of a log group name that CloudWatch Logs will refuse.
func (r *reading) groupName(n *node) {
	rest, ok := r.placeholders(n)
	if !ok {
		return
	}
	for _, c := range rest {
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.ContainsRune("_/.#-", c)) {
			r.warn(n.at, fmt.Sprintf("CloudWatch Logs does not accept %q in the name of a log group", c), "it may hold letters, digits and _ / . # -")
			return
		}
	}
}

// streamName warns of a log stream name that CloudWatch Logs will refuse.
func (r *reading) streamName(n *node) {
	rest, ok := r.placeholders(n)
	if !ok {
		return
	}
	if i := strings.IndexAny(rest, ":*"); i >= 0 {
		r.warn(n.at, fmt.Sprintf("CloudWatch Logs does not accept %q in the name of a log stream", rest[i]), "")
	}
}

// placeholders warns of {names} that nothing will replace, and returns the name without its placeholders.
// ok is false when there is nothing more to say about it.
func (r *reading) placeholders(n *node) (rest string, ok bool) {
	known := []string{"instance_id", "hostname", "local_hostname", "ip_address", "aws_region", "account_id", "date"}
	if strings.Contains(n.text, "${") { // a variable that is not set was told of
		return "", false
	}
	var b strings.Builder
	for left := n.text; ; {
		before, after, opened := strings.Cut(left, "{")
		name, next, closed := strings.Cut(after, "}")
		if !opened || !closed {
			b.WriteString(left)
			return b.String(), true
		}
		b.WriteString(before)
		if !slices.Contains(known, name) {
			r.warn(n.at, fmt.Sprintf("there is no placeholder {%s}; it stays as it is", name), didYouMean(name, known))
			return "", false
		}
		left = next
	}
}
