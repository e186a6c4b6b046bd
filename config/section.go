package config

import (
	"fmt"
	"slices"
	"sort"
	"time"
	"unicode/utf8"
)

// reading turns a tree into values and collects everything that is wrong or suspicious on the way. A value that is wrong
// reads as its default, so that the rest is checked too.
type reading struct {
	problems []Problem
	partial  bool // a document could not be read to its end: what seems to be missing may be in it
}

func (r *reading) wrong(at Place, text, hint string) {
	r.problems = append(r.problems, Mistake(at, text, hint))
}

func (r *reading) warn(at Place, text, hint string) {
	r.problems = append(r.problems, Suspicion(at, text, hint))
}

// is tells whether n is of kind k, and reports it if not. nil and what the scanner already reported are silently not.
func (r *reading) is(n *node, k kind) bool {
	if n == nil || n.kind == broken {
		return false
	}
	if n.kind == k {
		return true
	}
	hint := ""
	switch {
	case n.kind == null:
		hint = "leave the key out for its default"
	case n.kind == text && (k == number && validNumber(n.text) || k == boolean && (n.text == "true" || n.text == "false")):
		hint = "remove the quotes"
	case k == boolean && n.kind == text:
		hint = instead(n.text)
	case k == text && (n.kind == number || n.kind == boolean):
		hint = "put it in double quotes"
	case k == list && n.kind == text:
		hint = "put it in [ ]"
	}
	r.wrong(n.at, fmt.Sprintf("must be %s, not %s", k, n.kind), hint)
	return false
}

// section is an object that is being read key by key. Keys that nobody asked for are found by strict or open at the end.
type section struct {
	*reading
	node  *node
	asked []string
}

// section begins to read an object; nil when it is not there or not an object.
func (r *reading) section(n *node) *section {
	if !r.is(n, object) {
		return nil
	}
	return &section{reading: r, node: n}
}

func (s *section) get(key string) *node {
	s.asked = append(s.asked, key)
	return s.node.child(key)
}

func (s *section) section(key string) *section { return s.reading.section(s.get(key)) }

// mayGrow tells whether a document that could not be read may hold more of this section or list.
func (r *reading) mayGrow(n *node) bool {
	return r.partial && (isSection(n.at.Path) || isUnion(n.at.Path))
}

// require reports a key that has to be there.
func (s *section) require(key, hint string) {
	if s.node.child(key) == nil && !s.mayGrow(s.node) {
		s.wrong(s.node.at, fmt.Sprintf("%q is missing", key), hint)
	}
}

// text reads a string of least to most characters; "" when it is not there.
func (s *section) text(key string, least, most int) string {
	return s.textOf(s.get(key), least, most)
}

func (r *reading) textOf(n *node, least, most int) string {
	if !r.is(n, text) {
		return ""
	}
	switch length := utf8.RuneCountInString(n.text); {
	case length == 0 && least > 0:
		r.wrong(n.at, "must not be empty", "")
	case length < least:
		r.wrong(n.at, fmt.Sprintf("must be at least %d characters long, not %d", least, length), "")
	case length > most:
		r.wrong(n.at, fmt.Sprintf("must be at most %d characters long, not %d", most, length), "")
	default:
		return n.text
	}
	return ""
}

func (s *section) flag(key string, otherwise bool) bool {
	if n := s.get(key); s.is(n, boolean) {
		return n.text == "true"
	}
	return otherwise
}

// seconds reads an interval as the original bounds them: 1 s to 2 days.
func (s *section) seconds(key string, otherwise time.Duration) time.Duration {
	n := s.get(key)
	if !s.is(n, number) {
		return otherwise
	}
	v, ok := n.whole()
	switch {
	case !ok:
		s.wrong(n.at, "must be a whole number of seconds, not "+n.short(), "")
	case v < 1 || v > 172800:
		s.wrong(n.at, fmt.Sprintf("must be 1 to 172800 seconds, not %d", v), "")
	default:
		return time.Duration(v) * time.Second
	}
	return otherwise
}

// number reads a whole number within bounds.
func (s *section) number(key string, otherwise, least, most int) int {
	n := s.get(key)
	if !s.is(n, number) {
		return otherwise
	}
	v, ok := n.whole()
	switch {
	case !ok:
		s.wrong(n.at, "must be a whole number, not "+n.short(), "")
	case v < int64(least) || v > int64(most):
		s.wrong(n.at, fmt.Sprintf("must be %d to %d, not %d", least, most, v), "")
	default:
		return int(v)
	}
	return otherwise
}

// list reads the items of a list of least to most items; nil when it is not there.
func (s *section) list(key string, least, most int) []*node {
	return s.listOf(s.get(key), least, most)
}

func (r *reading) listOf(n *node, least, most int) []*node {
	if !r.is(n, list) {
		return nil
	}
	switch length := len(n.items); {
	case length == 0 && least > 0 && !r.mayGrow(n):
		r.wrong(n.at, "must not be empty", "")
	case length > most:
		r.wrong(n.at, fmt.Sprintf("must hold at most %d items, not %d", most, length), "")
		return n.items[:most]
	}
	return n.items
}

// texts reads a list of strings; nil when it is not there, empty but not nil when it is empty.
func (s *section) texts(key string, most, longest int) []string {
	n := s.get(key)
	if n == nil {
		return nil
	}
	out := []string{}
	for _, item := range s.listOf(n, 0, most) {
		if t := s.textOf(item, 1, longest); t != "" {
			out = append(out, t)
		}
	}
	return out
}

// unique reports items that are in a list twice, and returns the later ones of them.
func (r *reading) unique(items []*node) map[*node]bool {
	first, again := map[string]*node{}, map[*node]bool{}
	for _, item := range items {
		if item.kind == broken {
			continue
		}
		key := item.canonical()
		if other := first[key]; other != nil {
			again[item] = true
			r.wrong(item.at, fmt.Sprintf("%s is in the list twice, first at %d:%d", item.short(), other.at.Line, other.at.Column), "remove one")
			continue
		}
		first[key] = item
	}
	return again
}

// later accepts sections of the original that this version does not collect.
func (s *section) later(keys ...string) {
	for _, key := range keys {
		if at, ok := s.place(key); ok {
			s.warn(at, fmt.Sprintf("%q is not collected by this version; it is ignored", key), "")
		}
	}
}

// undone accepts options of the original that this version does not have.
func (s *section) undone(keys ...string) {
	for _, key := range keys {
		if at, ok := s.place(key); ok {
			s.warn(at, fmt.Sprintf("%q is not done by this version; it is ignored", key), "")
		}
	}
}

// place is where a key stands, if it is there.
func (s *section) place(key string) (Place, bool) {
	s.asked = append(s.asked, key)
	for i := range s.node.members {
		if s.node.members[i].key == key {
			return s.node.members[i].at, true
		}
	}
	return Place{}, false
}

// idle accepts keys that change nothing, for the reason given.
func (s *section) idle(reason string, keys ...string) {
	for _, key := range keys {
		if at, ok := s.place(key); ok {
			s.warn(at, fmt.Sprintf("%q has no effect: %s", key, reason), "")
		}
	}
}

// strict ends a section that has no other keys than those asked for.
func (s *section) strict() {
	s.others(func(m member) { s.wrong(m.at, fmt.Sprintf("unknown key %q", m.key), keyHint(m.key, s.asked)) })
}

// open ends a section in which the original tolerates keys that it does not know.
func (s *section) open() {
	s.others(func(m member) {
		s.warn(m.at, fmt.Sprintf("unknown key %q is ignored", m.key), didYouMean(m.key, s.asked))
	})
}

func (s *section) others(report func(member)) {
	for _, m := range s.node.members {
		if !slices.Contains(s.asked, m.key) {
			report(m)
		}
	}
}

// inFileOrder sorts problems by the order of the files and their places in them.
func inFileOrder(problems []Problem, files []string) {
	rank := make(map[string]int, len(files))
	for i, f := range files {
		if _, ok := rank[f]; !ok {
			rank[f] = i
		}
	}
	sort.SliceStable(problems, func(i, j int) bool {
		a, b := problems[i], problems[j]
		if a.File != b.File {
			return rank[a.File] < rank[b.File]
		}
		if a.Line != b.Line {
			return a.Line < b.Line
		}
		return a.Column < b.Column
	})
}
