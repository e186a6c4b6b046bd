package config

import (
	"errors"
	"fmt"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
	"time"
)

// file reads one entry of collect_list, in which every key has to be known. ok is false when it collects nothing.
func (r *reading) file(n *node) (f File, ok bool) {
	s := r.section(n)
	if s == nil {
		return f, false
	}
	f.Place = n.at
	s.require("file_path", "it says which file to read")
	path, group, stream := s.get("file_path"), s.get("log_group_name"), s.get("log_stream_name")
	f.Path = r.textOf(path, 0, 4096)
	r.variables(path)
	r.filePath(path)
	f.LogGroupName = r.textOf(group, 1, 512)
	r.groupName(group)
	f.LogStreamName = r.textOf(stream, 1, 512)
	r.streamName(stream)
	f.LogGroupClass = s.logGroupClass()
	f.RetentionDays = s.retention()
	s.times(&f)
	s.multiLine(&f)
	f.PublishMultiLogs = s.flag("publish_multi_logs", false)
	f.AutoRemoval = s.autoRemoval(f.PublishMultiLogs)
	f.Blacklist = s.pattern("blacklist", 1)
	f.Filters = s.filters()
	f.Encoding = s.text("encoding", 1, 4096)
	s.undone("backpressure_mode", "service.name", "deployment.environment", "ignore_symlinks", "kms_key_id")
	s.strict()
	return f, f.Path != ""
}

// autoRemoval reads auto_removal, which is about the one newest file of a pattern.
func (s *section) autoRemoval(all bool) bool {
	wanted := s.flag("auto_removal", false)
	if path := s.node.child("file_path"); wanted && path != nil && path.kind == text && !strings.ContainsAny(path.text, "*?[{") {
		at, _ := s.place("auto_removal")
		s.warn(at, "has no effect without a pattern: a file is removed when a newer one matches", "")
		return false
	}
	if at, ok := s.place("auto_removal"); ok && wanted && all {
		s.warn(at, "has no effect together with publish_multi_logs: all files are followed at once, so that none counts as finished", "remove one of the two")
		return false
	}
	return wanted
}

// filePath warns of a path at which no file will be found.
func (r *reading) filePath(n *node) {
	if n == nil || n.kind != text {
		return
	}
	path := n.text
	drive := len(path) > 2 && path[1] == ':' && (path[2] == '\\' || path[2] == '/')
	switch {
	case path == "":
		r.warn(n.at, "is empty: nothing is collected", "name a file, or a pattern such as /var/log/app/*.log")
	case strings.HasPrefix(path, "${"): // warned of already
	case strings.HasPrefix(path, "~"):
		r.warn(n.at, "~ does not stand for a home folder here", "write the whole path, beginning with /")
	case !drive && path[0] != '/' && path[0] != '\\':
		r.warn(n.at, "is relative to the folder that the agent is started in", "write the whole path, beginning with /")
	}
	if strings.HasSuffix(path, "/") || strings.HasSuffix(path, `\`) {
		r.warn(n.at, "is a folder: nothing is collected", "name the files in it, such as "+path+"*.log")
	}
}

func (s *section) logGroupClass() string {
	n := s.get("log_group_class")
	t := s.textOf(n, 1, 512)
	class := logGroupClass(t)
	if t != "" && class == "" {
		s.warn(n.at, fmt.Sprintf("there is no log group class %q; it is ignored", t), didYouMean(t, []string{"STANDARD", "INFREQUENT_ACCESS"}))
	}
	return class
}

// retention reads retention_in_days: one of the values that PutRetentionPolicy accepts, or -1 for hands off.
func (s *section) retention() int {
	n := s.get("retention_in_days")
	if !s.is(n, number) {
		return -1
	}
	allowed := []int64{-1, 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653}
	days, ok := n.whole()
	if ok && slices.Contains(allowed, days) {
		return int(days)
	}
	hint := "-1 leaves the log group as it is"
	if i, _ := slices.BinarySearch(allowed, days); ok && days > 0 && i < len(allowed) {
		hint = fmt.Sprintf("the next longer one is %d", allowed[i])
	} else if ok && days > 0 {
		hint = "the longest is 3653"
	}
	s.wrong(n.at, "CloudWatch Logs has no retention of "+n.short()+" days", hint)
	return -1
}

// times reads how an event's time is found.
func (s *section) times(f *File) {
	n := s.get("timestamp_format")
	f.TimestampFormat = s.textOf(n, 1, 4096)
	if f.TimestampFormat != "" {
		s.directives(n)
	}
	f.TrimTimestamp = s.flag("trim_timestamp", false)
	if f.TrimTimestamp && n == nil {
		s.warn(s.node.child("trim_timestamp").at, "there is nothing to trim without a timestamp_format", "")
	}
	f.Timezone = time.Local
	zone := s.get("timezone")
	switch t := s.textOf(zone, 0, 4096); {
	case zone == nil || zone.kind != text || t == "Local" || t == "LOCAL":
	case t == "UTC":
		f.Timezone = time.UTC
	default:
		s.wrong(zone.at, fmt.Sprintf("must be \"UTC\" or \"Local\", not %s", zone.short()), didYouMean(t, []string{"UTC", "Local"}))
	}
}

// multiLine reads multi_line_start_pattern.
func (s *section) multiLine(f *File) {
	const literal = "{timestamp_format}"
	n := s.get("multi_line_start_pattern")
	t := s.textOf(n, 1, 4096)
	bare := strings.HasPrefix(t, "{") && strings.HasSuffix(t, "}")
	switch {
	case t == literal && s.node.child("timestamp_format") == nil:
		s.warn(n.at, "{timestamp_format} stands for this entry's timestamp_format, which is missing; lines that do not begin with white space begin events",
			"add a timestamp_format")
	case t == literal:
		f.StartsWithTimestamp = true
	case bare && nearest(strings.Trim(t, "{}"), []string{"timestamp_format"}) != "":
		s.warn(n.at, fmt.Sprintf("%s is matched letter by letter, so hardly any line begins an event", t), fmt.Sprintf("did you mean %q?", literal))
		f.MultiLineStart = s.compile(n)
	case strings.Contains(t, literal):
		s.warn(n.at, "{timestamp_format} is replaced only when it is the whole pattern", "")
		f.MultiLineStart = s.compile(n)
	case t != "":
		f.MultiLineStart = s.compile(n)
	}
}

// filters reads filters. All of them have to agree to keep an event.
func (s *section) filters() []Filter {
	var all []Filter
	for _, item := range s.list("filters", 0, 65536) {
		f := s.reading.section(item)
		if f == nil {
			continue
		}
		f.require("type", `"include" or "exclude"`)
		f.require("expression", "a regular expression")
		n := f.get("type")
		t := f.textOf(n, 0, 4096)
		if n != nil && n.kind == text && t != "include" && t != "exclude" {
			f.wrong(n.at, fmt.Sprintf("must be \"include\" or \"exclude\", not %s", n.short()), didYouMean(t, []string{"include", "exclude"}))
		}
		if e := f.pattern("expression", 0); e != nil {
			all = append(all, Filter{Include: t == "include", Expression: e})
		}
		f.strict()
	}
	return all
}

// pattern reads a regular expression; nil when it is not there.
func (s *section) pattern(key string, least int) *regexp.Regexp {
	n := s.get(key)
	if n == nil || s.textOf(n, least, 65536) == "" && !(n.kind == text && n.text == "" && least == 0) {
		return nil
	}
	return s.compile(n)
}

func (r *reading) compile(n *node) *regexp.Regexp {
	re, err := regexp.Compile(n.text)
	if err == nil {
		return re
	}
	reason, hint := err.Error(), ""
	if e, ok := errors.AsType[*syntax.Error](err); ok {
		reason = fmt.Sprintf("%s: %q", e.Code, e.Expr)
		if strings.HasPrefix(e.Expr, "(?=") || strings.HasPrefix(e.Expr, "(?!") || strings.HasPrefix(e.Expr, "(?<") {
			hint = "patterns cannot look ahead or behind"
		}
	}
	r.wrong(n.at, "not a regular expression: "+reason, hint)
	return nil
}
