package config

import (
	"fmt"
	"strings"
)

// directives warns of % directives that the original does not know: they stay in the pattern as plain text, so no line matches.
// What the known ones match is docs/configuration.md's table.
func (r *reading) directives(n *node) {
	seen := map[string]bool{}
	for rest := n.text; ; {
		_, after, ok := strings.Cut(rest, "%")
		if !ok {
			break
		}
		letter := firstRune(strings.TrimPrefix(after, "-"))
		name := "%" + after[:len(after)-len(strings.TrimPrefix(after, "-"))] + letter
		rest = after[len(name)-1:]
		if knownDirective(name) || seen[name] {
			continue
		}
		seen[name] = true
		r.warn(n.at, fmt.Sprintf("%s is not a directive; it is matched as plain text", name), otherwise(name))
	}
	if !strings.Contains(n.text, "%") {
		r.warn(n.at, "there is no directive such as %Y in it, so no time is ever found", layoutHint(n.text))
	}
}

func firstRune(s string) string {
	for i := range s {
		if i > 0 {
			return s[:i]
		}
	}
	return s
}

func knownDirective(d string) bool {
	switch d {
	case "%B", "%b", "%m", "%-m", "%A", "%a", "%d", "%-d", "%H", "%I", "%-I", "%M", "%-M", "%S", "%-S", "%Y", "%y", "%p", "%Z", "%z", "%f":
		return true
	}
	return false
}

// otherwise is what to write for a directive of strftime that there is not.
func otherwise(d string) string {
	switch d {
	case "%e":
		return "write %-d"
	case "%T":
		return "write %H:%M:%S"
	case "%R":
		return "write %H:%M"
	case "%D":
		return "write %m/%d/%y"
	case "%F":
		return "write %Y-%m-%d"
	case "%h":
		return "write %b"
	case "%k", "%-H":
		return "write %H"
	case "%l":
		return "write %-I"
	case "%L", "%N", "%3N":
		return "write %f"
	case "%-y", "%-Y":
		return "write " + strings.Replace(d, "-", "", 1)
	}
	return ""
}

// layoutHint recognises the formats of other languages.
func layoutHint(format string) string {
	switch {
	case strings.Contains(format, "2006"):
		return "Go layouts are not read; write it like %Y-%m-%d %H:%M:%S"
	case strings.Contains(strings.ToLower(format), "yyyy"):
		return "write it like %Y-%m-%d %H:%M:%S"
	}
	return "write it like %Y-%m-%d %H:%M:%S"
}
