package migrate

import (
	"fmt"
	"strings"

	"github.com/nephoscope/nephoscope/config"
)

// grepRule is one rule of the filter grep.
type grepRule struct {
	include bool
	pattern string
	at      config.Place
}

// filters takes over the filters grep that an input's records go through (https://docs.fluentbit.io/manual/pipeline/filters/grep).
func (f fluent) filters(d *draft, s *stage) {
	line := s.text("key")
	if line == "" {
		line = "log"
	}
	for _, filter := range f.of("filter") {
		if filter.plugin() != "grep" || !f.routed(s, filter) {
			continue
		}
		var rules []grepRule
		for _, p := range filter.properties {
			if p.key != "regex" && p.key != "exclude" {
				continue
			}
			key, pattern, _ := strings.Cut(p.value, " ")
			if key = strings.TrimPrefix(key, "$"); key != line {
				f.note(p.valueAt, fmt.Sprintf("is not taken over: it is about the field %q, and here there is only the line", key), "")
				continue
			}
			rules = append(rules, grepRule{p.key == "regex", strings.TrimSpace(pattern), p.valueAt})
		}
		for _, r := range f.joined(filter, rules) {
			one := object(r.at)
			kind := "exclude"
			if r.include {
				kind = "include"
			}
			one.set("type", r.at, kind)
			one.set("expression", r.at, r.pattern)
			d.add("filters", r.at, one)
		}
	}
}

// joined makes of the rules of one filter such that all of them have to agree, as they do here. Without logical_op, and for "and"
// among patterns that keep, that is how they are meant; "or" among those makes one pattern of them. "and" among those that
// leave out has no counterpart.
func (f fluent) joined(filter *stage, rules []grepRule) []grepRule {
	op, _ := filter.get("logical_op")
	switch strings.ToLower(op.value) {
	case "or":
		var kept []string
		var out []grepRule
		for _, r := range rules {
			if r.include {
				kept = append(kept, "(?:"+r.pattern+")")
			} else {
				out = append(out, r)
			}
		}
		if len(kept) > 0 {
			out = append(out, grepRule{true, strings.Join(kept, "|"), op.valueAt})
		}
		return out
	case "and":
		if len(rules) > 1 && !rules[0].include {
			f.note(op.valueAt, "is not taken over: that several patterns have to match before an event is left out cannot be said here", "")
			return nil
		}
	}
	return rules
}
