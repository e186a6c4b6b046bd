package config

import (
	"errors"
	"fmt"
	"regexp"
	"regexp/syntax"
	"strings"
)

// timestampLiteral is what stands for the timestamp format in multi_line_start_pattern.
const timestampLiteral = "{timestamp_format}"

// file judges what the keys of one entry of collect_list mean together.
func (r *reading) file(n *node) {
	text := func(key string) (*node, string) {
		if v := n.child(key); v != nil && v.kind == text {
			return v, v.text
		}
		return nil, ""
	}
	on := func(key string) *node {
		if v := n.child(key); v != nil && v.kind == boolean && v.text == "true" {
			return v
		}
		return nil
	}
	if trim := on("trim_timestamp"); trim != nil && n.child("timestamp_format") == nil {
		r.warn(trim.at, "there is nothing to trim without a timestamp_format", "")
	}
	if start, pattern := text("multi_line_start_pattern"); start != nil {
		r.multiLine(start, pattern, n.child("timestamp_format") != nil)
	}
	removal := on("auto_removal")
	path, written := text("file_path")
	switch {
	case removal == nil:
	case path != nil && !isPattern(written):
		r.warn(n.keyAt("auto_removal"), "has no effect without a pattern: a file is removed when a newer one matches", "")
	case on("publish_multi_logs") != nil:
		r.warn(n.keyAt("auto_removal"), "has no effect together with publish_multi_logs: all files are followed at once, so that none counts as finished", "remove one of the two")
	}
}

// isPattern tells whether a path may match several files.
func isPattern(path string) bool { return strings.ContainsAny(path, "*?[{") }

// multiLine judges multi_line_start_pattern.
func (r *reading) multiLine(n *node, t string, timed bool) {
	bare := strings.HasPrefix(t, "{") && strings.HasSuffix(t, "}")
	switch {
	case t == timestampLiteral && !timed:
		r.warn(n.at, "{timestamp_format} stands for this entry's timestamp_format, which is missing; lines that do not begin with white space begin events",
			"add a timestamp_format")
		return
	case t == timestampLiteral:
		return
	case bare && nearest(strings.Trim(t, "{}"), []string{"timestamp_format"}) != "":
		r.warn(n.at, fmt.Sprintf("%s is matched letter by letter, so hardly any line begins an event", t), fmt.Sprintf("did you mean %q?", timestampLiteral))
	case strings.Contains(t, timestampLiteral):
		r.warn(n.at, "{timestamp_format} is replaced only when it is the whole pattern", "")
	}
	r.regex(n)
}

// filePath warns of a path at which no file will be found.
func (r *reading) filePath(n *node) {
	path := n.text
	switch {
	case path == "":
		r.warn(n.at, "is empty: nothing is collected", "name a file, or a pattern such as /var/log/app/*.log")
	case strings.HasPrefix(path, "${"): // a variable that is not set was told of
	case strings.HasPrefix(path, "~"):
		r.warn(n.at, "~ does not stand for a home folder here", "write the whole path, beginning with /")
	default:
		if wrong, hint := r.wholePath(path); wrong != "" {
			r.warn(n.at, wrong, hint)
		}
	}
	if strings.HasSuffix(path, "/") || strings.HasSuffix(path, `\`) {
		r.warn(n.at, "is a folder: nothing is collected", "name the files in it, such as "+path+"*.log")
	}
}

// onDrive tells a path of Windows that begins with a drive.
func onDrive(path string) bool {
	return len(path) > 2 && path[1] == ':' && (path[2] == '\\' || path[2] == '/')
}

// logFile warns of a log of the agent's own that will be wherever the agent is started.
func (r *reading) logFile(n *node) {
	switch {
	case n.text == "" || strings.HasPrefix(n.text, "${"):
	case r.options.system == "" && onDrive(n.text):
		r.warn(n.at, "is a path of Windows; elsewhere it is a file in the folder that the agent is started in", "write the whole path, beginning with /")
	default:
		if wrong, hint := r.wholePath(n.text); wrong != "" {
			r.warn(n.at, wrong, hint)
		}
	}
}

// regex refuses what is not a regular expression.
func (r *reading) regex(n *node) {
	_, err := regexp.Compile(n.text)
	if err == nil {
		return
	}
	reason, hint := err.Error(), ""
	if e, ok := errors.AsType[*syntax.Error](err); ok {
		reason = fmt.Sprintf("%s: %q", e.Code, e.Expr)
		if strings.HasPrefix(e.Expr, "(?=") || strings.HasPrefix(e.Expr, "(?!") || strings.HasPrefix(e.Expr, "(?<") {
			hint = "patterns cannot look ahead or behind"
		}
	}
	r.refuse(n, "not a regular expression: "+reason, hint)
}

// pattern is a regular expression that regex has accepted; nil: there is none.
func pattern(n *node) *regexp.Regexp {
	if n == nil {
		return nil
	}
	return regexp.MustCompile(n.text)
}
