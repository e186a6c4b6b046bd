package config

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// logs reads the "logs" section, in which every key has to be known.
func (r *reading) logs(n *node, a Agent) *Logs {
	s := r.section(n)
	if s == nil {
		return nil
	}
	stream := s.get("log_stream_name")
	l := &Logs{
		LogStreamName:      r.textOf(stream, 1, 512),
		ForceFlushInterval: s.seconds("force_flush_interval", 5*time.Second),
		EndpointOverride:   s.text("endpoint_override", 4, 2048),
		RoleARN:            s.roleARN(),
		Concurrency:        s.number("concurrency", 0, 1, 1<<20),
		ReadBack:           s.flag("read_back", false),
		MemoryBudget:       int64(s.number("memory_budget_mib", DefaultMemoryBudget>>20, 4, 1<<20)) << 20,
		DeletedBudget:      int64(s.number("deleted_files_mib", 1024, 0, 1<<30)) << 20,
	}
	r.streamName(stream)
	r.variables(s.node.child("endpoint_override"))
	if l.RoleARN == "" {
		l.RoleARN = a.RoleARN
	}
	collected, embedded := s.get("logs_collected"), s.get("metrics_collected")
	if collected == nil && embedded == nil && !r.mayGrow(n) {
		r.wrong(n.at, `"logs_collected" is missing`, "it says which logs to collect")
	}
	l.Files = r.logsCollected(collected)
	if e := r.section(embedded); e != nil {
		for _, m := range embedded.members {
			e.later(m.key)
		}
	}
	s.undone("service.name", "deployment.environment")
	s.strict()
	return l
}

func (r *reading) logsCollected(n *node) []File {
	s := r.section(n)
	if s == nil {
		return nil
	}
	if len(n.members) == 0 && !r.mayGrow(n) {
		r.wrong(n.at, "must not be empty", `name what to collect, such as "files"`)
	}
	var all []File
	if f := s.section("files"); f != nil {
		f.require("collect_list", "it lists the files")
		all = f.files()
		f.strict()
	}
	s.later("journald", "windows_events", "application_signals")
	s.strict()
	return all
}

// files reads collect_list. An entry that is there twice counts once: the original's merge sees to that, also within one file.
func (s *section) files() []File {
	var all []File
	items := s.list("collect_list", 1, 16384)
	first := map[string]*node{}
	for _, item := range items {
		key := item.canonical()
		if other := first[key]; other != nil && item.kind == object {
			s.warn(item.at, fmt.Sprintf("the same entry is at %d:%d; it is collected once", other.at.Line, other.at.Column), "remove one")
			continue
		}
		first[key] = item
		if f, ok := s.file(item); ok {
			all = append(all, f)
		}
	}
	s.sameGroups(items)
	return all
}

// sameGroups reports entries that want different things of one log group. Log groups that differ in case only count as
// one, as for the original.
func (s *section) sameGroups(items []*node) {
	retention, class := map[string]*node{}, map[string]*node{}
	for _, item := range items {
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
				s.agree(retention, name, n, "retention_in_days")
			}
		}
		if n := item.child("log_group_class"); n != nil && n.kind == text && logGroupClass(n.text) != "" {
			s.agree(class, name, n, "log_group_class")
		}
	}
}

func (s *section) agree(chosen map[string]*node, group string, n *node, key string) {
	other := chosen[group]
	if other == nil {
		chosen[group] = n
		return
	}
	if !other.equal(n) && !strings.EqualFold(other.text, n.text) {
		s.wrong(n.at, fmt.Sprintf("log group %q has two different values of %s: %s here, %s at %s", group, key, n.short(), other.short(), spot(other.at)),
			"a log group has one; make them equal")
	}
}

// spot is a place as a message shows it.
func spot(p Place) string { return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column) }

func logGroupClass(s string) string {
	switch c := strings.ToUpper(s); c {
	case "STANDARD", "INFREQUENT_ACCESS":
		return c
	}
	return ""
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
	if n == nil || n.kind != text {
		return "", false
	}
	known := []string{"instance_id", "hostname", "local_hostname", "ip_address", "aws_region", "account_id", "date"}
	if strings.Contains(n.text, "${") {
		r.variables(n)
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
