package migrate

import (
	"fmt"
	"path"
	"regexp"
	"strconv"
	"strings"
)

// tail makes items of collect_list of one input of log files and one output: one for each of its paths.
func (f fluent) tail(s, out *stage) {
	for _, file := range paths(s) {
		p, _ := s.get("path")
		d := object(s.at)
		d.set("file_path", p.valueAt, file)
		many := strings.ContainsAny(file, "*?[{")
		group, _ := out.get("log_group_name")
		if group.value != "" {
			d.set("log_group_name", group.valueAt, group.value)
		}
		before, after := f.streams(s, out, file, many)
		stream, _ := out.get("log_stream_name")
		d.set("log_stream_name", stream.valueAt, after)
		d.was = fmt.Sprintf("%s: log group %s, log stream %s", file, group.value, before)
		if many {
			d.set("publish_multi_logs", p.valueAt, true)
			f.note(p.valueAt, fmt.Sprintf("each file that matches %s gets a log stream of its own, with another name than before", file), "without publish_multi_logs only the newest is read")
		}
		if class, ok := out.get("log_group_class"); ok {
			d.set("log_group_class", class.valueAt, strings.ToUpper(class.value))
		}
		f.retention(d, out)
		f.excluded(d, s, file)
		f.lines(d, s)
		f.filters(d, s)
		f.encoding(d, s)
		f.record(s, out)
		f.follow(d)
	}
	if len(paths(s)) == 0 {
		f.note(s.at, "left out: it has no path", "")
	}
}

func (f fluent) retention(d *draft, out *stage) {
	p, ok := out.get("log_retention_days")
	if !ok {
		return
	}
	if days, err := strconv.Atoi(p.value); err == nil && days > 0 {
		d.set("retention_in_days", p.valueAt, days)
	} else if err != nil {
		f.note(p.valueAt, fmt.Sprintf("%q is no number of days; it is ignored", short(p.value)), "")
	}
}

// record says how events differ: Fluent Bit sends records, this agent lines.
func (f fluent) record(s, out *stage) {
	line := s.text("key")
	if line == "" {
		line = "log"
	}
	key, ok := out.get("log_key")
	parser, parsed := s.get("parser")
	switch {
	case !ok:
		f.note(out.at, fmt.Sprintf("events are the lines of the file here, and not JSON with the line under %q", line), "look at metric filters and queries that read the JSON")
	case parsed:
		f.note(parser.valueAt, fmt.Sprintf("events are whole lines here, and not the field %q that the parser makes of them", key.value), "")
	case key.value != line:
		f.note(key.valueAt, fmt.Sprintf("events are whole lines here, and not the field %q", key.value), "")
	}
}

// excluded makes a blacklist, which is about base names, of exclude_path, which is about paths.
func (f fluent) excluded(d *draft, s *stage, file string) {
	p, ok := s.get("exclude_path")
	if !ok {
		return
	}
	var names []string
	for one := range strings.SplitSeq(p.value, ",") {
		one = strings.TrimSpace(one)
		dir, name := path.Split(one)
		if folder, _ := path.Split(file); one == "" || dir != "" && dir != folder && !wildcard(folder, dir) {
			continue // it is about other folders
		}
		names = append(names, globRegexp(name))
	}
	if len(names) > 0 {
		d.set("blacklist", p.valueAt, "^(?:"+strings.Join(names, "|")+")$")
	}
}

// globRegexp is a regular expression for what a pattern of one name matches.
func globRegexp(glob string) string {
	var b strings.Builder
	for i := 0; i < len(glob); i++ {
		switch c := glob[i]; c {
		case '*':
			b.WriteString(".*")
		case '?':
			b.WriteString(".")
		case '[':
			end := strings.IndexByte(glob[i:], ']')
			if end < 2 {
				b.WriteString(`\[`)
				continue
			}
			set := strings.ReplaceAll(glob[i+1:i+end], `\`, `\\`)
			if set[0] == '!' {
				set = "^" + set[1:]
			}
			b.WriteString("[" + set + "]")
			i += end
		default:
			b.WriteString(regexp.QuoteMeta(string(c)))
		}
	}
	return b.String()
}

// lines takes over how lines are put together, and where their time is.
func (f fluent) lines(d *draft, s *stage) {
	if p, ok := s.get("multiline.parser"); ok {
		f.multiline(d, p)
	} else if p, ok := s.get("parser_firstline"); ok && s.is("multiline") {
		f.firstLine(d, p)
	} else {
		for _, filter := range f.of("filter") {
			if p, ok := filter.get("multiline.parser"); ok && filter.plugin() == "multiline" && f.routed(s, filter) {
				f.multiline(d, p)
				return
			}
		}
		d.set("multi_line_start_pattern", s.at, "^") // for Fluent Bit every line is an event
	}
	if p, ok := s.get("parser"); ok {
		f.time(d, p)
	}
}

// multiline makes a pattern of the rule for a first line. What such a parser says of the lines behind it has no counterpart:
// they belong to the event until another one begins.
func (f fluent) multiline(d *draft, p property) {
	for name := range strings.SplitSeq(p.value, ",") {
		name = strings.TrimSpace(name)
		parser := f.named("multiline_parser", name)
		if parser == nil {
			f.note(p.valueAt, fmt.Sprintf("the multi-line parser %q has no counterpart: lines that begin with white space belong to the event before, and nothing else does", name),
				"a multi_line_start_pattern says which lines begin an event")
			continue
		}
		for _, r := range parser.properties {
			words := quotedWords(r.value)
			if r.key != "rule" && r.key != "rules" || len(words) < 2 || words[0] != "start_state" {
				continue
			}
			d.set("multi_line_start_pattern", r.valueAt, strings.TrimSuffix(strings.TrimPrefix(words[1], "/"), "/"))
			f.note(r.valueAt, "every line that does not match it belongs to the event before, whatever the other rules say", "")
			return
		}
	}
}

// quotedWords are the strings in double quotes of a rule.
func quotedWords(rule string) (all []string) {
	for {
		start := strings.IndexByte(rule, '"')
		if start < 0 {
			return all
		}
		quoted, err := strconv.QuotedPrefix(rule[start:])
		if err != nil { // a regular expression with escapes that are none of Go's
			end := strings.IndexByte(rule[start+1:], '"')
			if end < 0 {
				return all
			}
			quoted = rule[start : start+end+2]
		}
		word, err := strconv.Unquote(quoted)
		if err != nil {
			word = quoted[1 : len(quoted)-1]
		}
		all, rule = append(all, word), rule[start+len(quoted):]
	}
}

// firstLine is the older way: a parser whose pattern matches first lines.
func (f fluent) firstLine(d *draft, p property) {
	parser := f.named("parser", p.value)
	if parser == nil || parser.text("regex") == "" {
		f.note(p.valueAt, fmt.Sprintf("the pattern of the parser %q is not known: lines that begin with white space belong to the event before", p.value), "")
		return
	}
	r, _ := parser.get("regex")
	d.set("multi_line_start_pattern", r.valueAt, r.value)
}

// time takes over where a parser finds an event's time.
func (f fluent) time(d *draft, p property) {
	parser := f.named("parser", p.value)
	if parser == nil {
		f.note(p.valueAt, fmt.Sprintf("the parser %q is not known: events carry the time at which they are found in the file", p.value), "a timestamp_format says where their time is")
		return
	}
	format, ok := parser.get("time_format")
	if !ok {
		return
	}
	text := strings.NewReplacer("%T", "%H:%M:%S", "%F", "%Y-%m-%d", "%D", "%m/%d/%y", "%R", "%H:%M", "%e", "%-d", "%h", "%b", "%L", "%f").Replace(format.value)
	d.set("timestamp_format", format.valueAt, text)
	if parser.is("time_system_timezone") {
		return
	}
	if offset := parser.text("time_offset"); offset == "" || strings.Trim(offset, "+-0") == "" {
		d.set("timezone", format.valueAt, "UTC") // Fluent Bit takes times without a zone for UTC
	} else {
		f.note(format.valueAt, "time_offset is not taken over: times without a zone are the host's", "")
	}
}

// encoding takes over the two keys that there are for it.
func (f fluent) encoding(d *draft, s *stage) {
	if p, ok := s.get("unicode.encoding"); ok && !strings.EqualFold(p.value, "auto") {
		f.encode(d, strings.ToLower(p.value), p.valueAt)
	}
	if p, ok := s.get("generic.encoding"); ok {
		name := strings.ToLower(p.value)
		for from, to := range map[string]string{"shiftjis": "shift_jis", "sjis": "shift_jis", "uhc": "euc-kr", "win": "windows-"} {
			if rest, ok := strings.CutPrefix(name, from); ok {
				name = to + rest
			}
		}
		if name == "windows-866" {
			name = "ibm866"
		}
		f.encode(d, name, p.valueAt)
	}
}

// tailKeys says what becomes of the keys of an input that are not about events.
func (f fluent) tailKeys(s *stage) {
	if p, _ := s.get("read_from_head"); !isOn(p.value) {
		f.note(p.at, "a file without a checkpoint is read from its beginning, not from its end", "rotate it before this agent is started, with logrotate -f")
	}
	for _, p := range s.properties {
		switch p.key {
		case "db":
			f.note(p.at, "the positions in this database are not read: each log file is read from its beginning, and what was sent of it is sent again",
				"to prevent that, rotate the log files after Fluent Bit has been stopped and before this agent is started, with logrotate -f")
		case "path_key", "offset_key":
			f.note(p.at, "is not taken over: events are the lines and hold nothing else", "")
		case "ignore_older":
			f.note(p.at, "is not taken over: old files are read too", "a blacklist leaves files out by their names")
		case "skip_long_lines":
			f.note(p.at, "has no counterpart: long lines are sent in pieces, and none is left out", "")
		case "tag_regex":
			f.note(p.at, "is not taken over", "")
		case "docker_mode":
			f.note(p.at, "is not taken over: lines of Docker's are sent as they stand in the file", "")
		case "exit_on_eof":
			f.note(p.at, "is not taken over: files are followed", "")
		}
	}
}
