package config

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// check holds a value against its shape and reports everything that is wrong or suspicious in it. What is wrong becomes
// broken, so that nobody reads or reports it again; so does what the system does not have.
func (r *reading) check(n *node, s *shape) {
	if n == nil || n.kind == broken || s == nil {
		return
	}
	if s.or != nil && n.kind == s.or.kind {
		s = s.or
	}
	fine := true
	switch {
	case s.kind == "":
	case n.kind != s.kind:
		r.wrongKind(n, s)
		fine = false
	case s.kind == text:
		fine = r.checkText(n, s)
	case s.kind == number:
		fine = r.checkNumber(n, s)
	case s.kind == list:
		fine = r.checkList(n, s)
	case s.kind == object:
		fine = r.checkObject(n, s)
	}
	if !fine {
		n.kind = broken
	} else if s.judge != nil {
		s.judge(r, n)
	}
}

// refuse reports a value that a judge does not accept.
func (r *reading) refuse(n *node, text, hint string) {
	r.wrong(n.at, text, hint)
	n.kind = broken
}

func (r *reading) wrongKind(n *node, s *shape) {
	want, k := string(s.kind), s.kind
	if s.or != nil {
		want += " or " + string(s.or.kind)
	}
	hint := ""
	switch {
	case n.kind == null && strings.HasSuffix(n.at.Path, "]"):
		hint = "remove it"
	case n.kind == null:
		hint = "leave the key out for its default"
	case n.kind == text && (k == number && validNumber(n.text) || k == boolean && (n.text == "true" || n.text == "false")):
		hint = "remove the quotes"
	case k == boolean && n.kind == text:
		hint = instead(n.text)
	case k == text && s.or == nil && (n.kind == number || n.kind == boolean):
		hint = "put it in double quotes"
	case k == list && s.or == nil && n.kind == text:
		hint = "put it in [ ]"
	}
	r.wrong(n.at, fmt.Sprintf("must be %s, not %s", want, n.kind), hint)
}

func (r *reading) checkText(n *node, s *shape) bool {
	length := int64(utf8.RuneCountInString(n.text))
	short := length < s.least && (s.unless == "" || !regexp.MustCompile(s.unless).MatchString(n.text))
	switch {
	case s.words != nil && !slices.Contains(s.words, n.text):
		hint := didYouMean(n.text, s.words)
		if hint == "" {
			hint = s.hint
		}
		r.wrong(n.at, fmt.Sprintf("must be %s, not %s", choice(s.words), n.short()), hint)
	case length == 0 && s.least > 0:
		r.wrong(n.at, "must not be empty", s.hint)
	case short:
		r.wrong(n.at, fmt.Sprintf("must be at least %d characters long, not %d", s.least, length), "")
	case s.most > 0 && length > s.most:
		r.wrong(n.at, fmt.Sprintf("must be at most %d characters long, not %d", s.most, length), "")
	case s.never != "" && n.text == s.never:
		r.wrong(n.at, fmt.Sprintf("must not be %q", s.never), s.hint)
	default:
		return true
	}
	return false
}

// choice is "a" or "b", or one of "a", "b", "c".
func choice(words []string) string {
	quoted := make([]string, len(words))
	for i, w := range words {
		quoted[i] = fmt.Sprintf("%q", w)
	}
	last := len(quoted) - 1
	if last == 0 {
		return quoted[0]
	}
	return strings.Join(quoted[:last], ", ") + " or " + quoted[last]
}

func (r *reading) checkNumber(n *node, s *shape) bool {
	of, unit := "", ""
	if s.unit != "" {
		of, unit = " of "+s.unit, " "+s.unit
	}
	v, ok := n.whole()
	switch {
	case s.among != nil:
		if ok && slices.Contains(s.among, v) {
			return true
		}
		r.noSuchRetention(n, s.among)
	case !ok:
		r.wrong(n.at, fmt.Sprintf("must be a whole number%s, not %s", of, n.short()), "")
	case v < s.least && s.most == 0:
		r.wrong(n.at, fmt.Sprintf("must be at least %d%s, not %d", s.least, unit, v), "")
	case v < s.least || s.most > 0 && v > s.most:
		r.wrong(n.at, fmt.Sprintf("must be %d to %d%s, not %d", s.least, s.most, unit, v), "")
	default:
		return true
	}
	return false
}

func (r *reading) checkList(n *node, s *shape) bool {
	if len(n.items) == 0 && s.least > 0 && !r.mayGrow(s) {
		r.wrong(n.at, "must not be empty", s.hint)
		return false
	}
	if s.distinct {
		r.checkDistinct(n.items)
	}
	for _, item := range n.items {
		r.check(item, s.items)
	}
	if s.most > 0 && int64(len(n.items)) > s.most {
		r.wrong(n.at, fmt.Sprintf("must hold at most %s, not %d", counted(s.most, "item"), len(n.items)), "")
		return false
	}
	return true
}

func counted(n int64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// checkDistinct reports items that are in a list twice.
func (r *reading) checkDistinct(items []*node) {
	first := map[string]*node{}
	for _, item := range items {
		if item.kind == broken {
			continue
		}
		spelling := item.canonical()
		if other := first[spelling]; other != nil {
			what := item.short()
			if item.kind == object {
				what = "the same entry"
			}
			r.refuse(item, fmt.Sprintf("%s is in the list twice, first at %d:%d", what, other.at.Line, other.at.Column), "remove one")
			continue
		}
		first[spelling] = item
	}
}

func (r *reading) checkObject(n *node, s *shape) bool {
	switch length := int64(len(n.members)); {
	case length == 0 && s.least > 0 && !r.mayGrow(s):
		r.wrong(n.at, "must not be empty", s.hint)
	case s.most > 0 && length > s.most:
		r.wrong(n.at, fmt.Sprintf("must hold at most %s, not %d", counted(s.most, "key"), length), "")
	}
	for _, k := range s.keys {
		if k.needed != "" && n.child(k.name) == nil && !r.mayGrow(s) {
			r.wrong(n.at, fmt.Sprintf("%q is missing", k.name), k.needed)
		}
	}
	if len(s.anyOf) > 0 && !slices.ContainsFunc(s.anyOf, func(name string) bool { return n.child(name) != nil }) && !r.mayGrow(s) {
		known := s.names()
		wanted := slices.DeleteFunc(slices.Clone(s.anyOf), func(name string) bool { return !slices.Contains(known, name) })
		r.wrong(n.at, choice(wanted)+" is missing", s.hint)
	}
	for _, m := range n.members {
		r.checkMember(m, s)
	}
	return true
}

func (r *reading) checkMember(m member, s *shape) {
	k := s.key(m.key)
	switch {
	case k != nil:
		elsewhere := r.elsewhere(m)
		if !elsewhere {
			r.tell(m, k)
		}
		r.quietly(elsewhere || k.state != done, func() { r.check(m.value, k.shape) })
		if elsewhere {
			m.value.kind = broken
		}
	case s.others != nil:
		if s.stranger != nil {
			s.stranger(r, m)
		}
		r.quietly(s.stranger != nil, func() { r.check(m.value, s.others) })
	case s.strict:
		r.wrong(m.at, fmt.Sprintf("unknown key %q", m.key), keyHint(m.key, s.names()))
	case s.stranger != nil:
		s.stranger(r, m)
	default:
		r.warn(m.at, fmt.Sprintf("unknown key %q is ignored", m.key), keyHint(m.key, s.names()))
	}
}

// quietly checks what is ignored anyhow: of that, mistakes are told, and warnings are not.
func (r *reading) quietly(ignored bool, check func()) {
	before := r.quiet
	r.quiet = before || ignored
	check()
	r.quiet = before
}

// tell says of a key what becomes of it, if that is not what its author will expect.
func (r *reading) tell(m member, k *key) {
	switch k.state {
	case later:
		verb, instead := "done", k.why
		if instead == "" {
			instead = "it is ignored"
			if k.shape.kind == object || k.shape.kind == list {
				verb = "collected"
			}
		}
		r.warn(m.at, fmt.Sprintf("%q is not %s by this version; %s", k.name, verb, instead), "")
	case idle:
		r.warn(m.at, fmt.Sprintf("%q has no effect: %s", k.name, k.why), "")
	case foreign:
		r.warn(m.at, fmt.Sprintf("%q is for Windows; this version does not collect it", k.name), "")
	}
}

// mayGrow tells whether a document that could not be read may hold more of an object or list.
func (r *reading) mayGrow(s *shape) bool { return r.partial && s.joins }
