package migrate

import (
	"fmt"
	"strings"
)

// tail makes items of collect_list of inputs.tail and the outputs cloudwatch_logs that take its lines
// (https://github.com/influxdata/telegraf/tree/master/plugins/outputs/cloudwatch_logs).
func (t *telegrafFiles) tail(in *table) {
	taken := false
	for _, out := range t.logs {
		if out.text("log_data_metric_name") == measured("tail", in) {
			taken = true
			for _, file := range in.texts("files") {
				t.file(in, out, file)
			}
		}
	}
	if !taken {
		t.note(in.near, `the input "tail" is not taken over: no output cloudwatch_logs has its name as log_data_metric_name`, "")
		return
	}
	offset := in.text("initial_read_offset")
	if !in.flag("from_beginning", false) && !strings.HasSuffix(offset, "beginning") {
		t.note(in.near, "a file without a checkpoint is read from its beginning, not from its end", "rotate it before this agent is started, with logrotate -f")
	}
	if format := in.text("data_format"); format != "value" {
		t.note(in.at("data_format"), "events are whole lines here, and not a field of what is parsed", "")
	}
	for _, key := range []string{"filters", "pipe"} {
		if in.has(key) && in.values[key] != false {
			t.note(in.at(key), "is not taken over", "")
		}
	}
}

// file is one path of an input for one output.
func (t *telegrafFiles) file(in, out *table, file string) {
	d := object(in.near)
	d.set("file_path", in.at("files"), file)
	if group := out.text("log_group"); group != "" {
		d.set("log_group_name", out.at("log_group"), group)
	}
	many := strings.ContainsAny(file, "*?[{")
	if many {
		d.set("publish_multi_logs", in.at("files"), true)
		t.note(in.at("files"), fmt.Sprintf("each file that matches %s gets a log stream of its own", file), "without publish_multi_logs only the newest is read")
	}
	stream := out.text("log_stream")
	t.stream(d, in, out, stream)
	d.was = fmt.Sprintf("%s: log group %s, log stream %s", file, out.text("log_group"), stream)
	t.lines(d, in)
	if encoding := in.text("character_encoding"); encoding != "" {
		t.encode(d, strings.ToLower(encoding), in.at("character_encoding"))
	}
	t.follow(d)
}

// stream takes over the name of the log stream, which may be a tag of what is sent.
func (t *telegrafFiles) stream(d *draft, in, out *table, stream string) {
	at := out.at("log_stream")
	tag, isTag := strings.CutPrefix(stream, "tag:")
	path := in.text("path_tag")
	if path == "" {
		path = "path"
	}
	switch own := in.within("tags").text(tag); {
	case isTag && tag == "host":
		d.set("log_stream_name", at, "{local_hostname}")
	case isTag && own != "":
		d.set("log_stream_name", at, own)
	case isTag && tag == path:
		d.set("log_stream_name", at, strings.TrimLeft(d.text("file_path"), "/"))
	case isTag || strings.HasPrefix(stream, "field:"):
		t.note(at, "is not taken over: there is nothing here that it could be read from; events go to the stream of the host", "name a log_stream_name")
	case stream != "":
		d.set("log_stream_name", at, stream)
	}
}

// lines takes over how lines are put together.
func (t *telegrafFiles) lines(d *draft, in *table) {
	m := in.within("multiline")
	pattern := m.text("pattern")
	switch {
	case pattern == "":
		d.set("multi_line_start_pattern", in.near, "^") // for Telegraf every line is an event
	case m.text("match_which_line") == "next":
		t.note(m.at("pattern"), "is not taken over: that lines belong to the next one cannot be said here; lines that begin with white space belong to the event before", "")
	case m.flag("invert_match", false):
		d.set("multi_line_start_pattern", m.at("pattern"), pattern)
	case pattern == `^\s` || pattern == `^\s+` || pattern == `^[\s]`: // the default
	default:
		t.note(m.at("pattern"), "is not taken over: it says which lines belong to the event before, and here a pattern says which begin one; lines that begin with white space belong to the event before",
			"name a multi_line_start_pattern")
	}
}
