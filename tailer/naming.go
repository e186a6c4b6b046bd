package tailer

import (
	"path/filepath"
	"strings"

	"github.com/nephoscope/nephoscope/cloudwatch"
)

// Naming makes the log stream of a path by the original's rules: without a group it is named after the path; with
// publish_multi_logs each path gets a group, or a stream, of its own. expand replaces placeholders; stream is used where
// the entry names none.
func (e *Entry) Naming(stream string, expand func(string) string) func(path string) cloudwatch.LogStream {
	f := e.file
	return func(path string) cloudwatch.LogStream {
		group, name := f.LogGroupName, f.LogStreamName
		if name == "" {
			name = stream
		}
		group, name = expand(group), expand(name)
		switch {
		case group == "" && e.all:
			group = strings.Map(groupRune, path)
		case group == "":
			group = strings.Map(groupRune, strings.TrimSuffix(path, filepath.Ext(path)))
		case e.all:
			name += "_" + strings.ReplaceAll(strings.Map(groupRune, path), "/", "_")
		}
		return cloudwatch.LogStream{Group: group, Name: name, Class: f.LogGroupClass, RetentionDays: f.RetentionDays}
	}
}

// groupRune replaces what a log group's name must not hold.
func groupRune(r rune) rune {
	if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("._-/#", r) {
		return r
	}
	return '_'
}
