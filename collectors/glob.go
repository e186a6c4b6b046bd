package collectors

import (
	"regexp"
	"slices"
	"strings"
)

// globs makes one expression of patterns, with *, ?, [a-z], [!a-z] and {a,b} as the original takes them; a device may be
// written with its /dev/. It is nil when everything is wanted: no patterns, or "*" among them.
func globs(patterns []string) *regexp.Regexp {
	if len(patterns) == 0 || slices.Contains(patterns, "*") {
		return nil
	}
	all := make([]string, len(patterns))
	for i, p := range patterns {
		p = strings.ToValidUTF8(strings.TrimPrefix(p, "/dev/"), "\uFFFD") // an expression has to be UTF-8
		all[i] = globExpression(p)
		if _, err := regexp.Compile(all[i]); err != nil {
			all[i] = regexp.QuoteMeta(p) // a pattern that is none, such as an open bracket, is a name
		}
	}
	return regexp.MustCompile(`^(?s:` + strings.Join(all, "|") + `)$`)
}

func globExpression(pattern string) string {
	var b strings.Builder
	inClass, inChoice := false, false
	for i, r := range pattern {
		switch {
		case r == ']' && inClass:
			inClass = false
			b.WriteByte(']')
		case inClass && r == '!' && pattern[i-1] == '[':
			b.WriteByte('^')
		case inClass && r != '-':
			b.WriteString(regexp.QuoteMeta(string(r)))
		case inClass:
			b.WriteByte('-')
		case r == '[':
			inClass = true
			b.WriteByte('[')
		case r == '*':
			b.WriteString(`.*`)
		case r == '?':
			b.WriteByte('.')
		case r == '{' && !inChoice:
			inChoice = true
			b.WriteString(`(?:`)
		case r == '}' && inChoice:
			inChoice = false
			b.WriteByte(')')
		case r == ',' && inChoice:
			b.WriteByte('|')
		default:
			b.WriteString(regexp.QuoteMeta(string(r)))
		}
	}
	return b.String()
}
