package config

import (
	"bytes"
	"fmt"
	"sort"
	"strconv"
	"strings"
)

// maxDepth bounds how deep lists and objects nest; the deepest place that config.json has a use for is about ten.
const maxDepth = 100

// scanner reads JSON into a tree. It accepts exactly what encoding/json accepts, up to maxDepth. Common slips (a trailing
// comma, a comment, single quotes, …) are reported and read over, so that one run finds all of them; at anything else it
// stops, and dead is set.
type scanner struct {
	file      string
	src       []byte
	pos       int
	lines     []int // offsets at which lines begin
	problems  []Problem
	dead      bool
	commented bool // the first comment was reported
}

// scan reads one document. whole tells whether the tree is complete, so that missing keys really are missing.
func scan(file string, src []byte) (tree *node, problems []Problem, whole bool) {
	s := &scanner{file: file, src: src}
	body, _ := bytes.CutPrefix(src, []byte("\xef\xbb\xbf"))
	s.pos = len(src) - len(body)
	s.lines = append(s.lines, s.pos)
	for i, c := range src {
		if c == '\n' {
			s.lines = append(s.lines, i+1)
		}
	}
	if bytes.HasPrefix(src, []byte("\xff\xfe")) || bytes.HasPrefix(src, []byte("\xfe\xff")) {
		s.stop(0, "the file is encoded as UTF-16", "save it as UTF-8")
		return nil, s.problems, false
	}
	if begin, yaml := beginsYAML(body); yaml {
		s.stop(s.pos+begin, "this looks like YAML, not JSON", "only JSON is read by this version")
		return nil, s.problems, false
	}
	s.space()
	if s.pos == len(src) && !s.dead {
		s.stop(s.pos, "the file is empty", "the smallest configuration is {}")
		return nil, s.problems, false
	}
	tree = s.value("", 0)
	s.space()
	if !s.dead && s.pos < len(src) {
		hint := "one file holds one JSON object"
		if c := src[s.pos]; c == '}' || c == ']' {
			hint = fmt.Sprintf("there is one %q too many, here or further up", c)
		}
		s.stop(s.pos, "unexpected "+s.seen()+" after the end of the document", hint)
	}
	return tree, s.problems, !s.dead
}

// beginsYAML tells whether the first line that says something is one that YAML begins with and JSON never does: --- or
// a bare key. It also says where.
func beginsYAML(src []byte) (offset int, is bool) {
	for line := range bytes.Lines(src) {
		said := bytes.TrimSpace(line)
		if len(said) == 0 || said[0] == '#' || said[0] == '%' {
			offset += len(line)
			continue
		}
		key, after, colon := bytes.Cut(said, []byte(":"))
		bare := colon && (len(after) == 0 || after[0] == ' ') && !bytes.ContainsFunc(key, func(c rune) bool {
			return c > 0x7f || !wordByte(byte(c)) && c != '-'
		})
		return offset + bytes.Index(line, said), bytes.Equal(said, []byte("---")) || bare && len(key) > 0
	}
	return 0, false
}

// place turns an offset into line and column.
func (s *scanner) place(offset int, path string) Place {
	line := sort.SearchInts(s.lines, offset+1) // lines that begin at or before offset
	if line == 0 {                             // inside the byte order mark
		return Place{File: s.file, Line: 1, Column: 1, Path: path}
	}
	return Place{File: s.file, Line: line, Column: offset - s.lines[line-1] + 1, Path: path}
}

// slip reports a mistake that can be read over.
func (s *scanner) slip(offset int, path, text, hint string) {
	if !s.dead {
		s.problems = append(s.problems, Mistake(s.place(offset, path), text, hint))
	}
}

// stop reports a mistake after which nothing can be understood.
func (s *scanner) stop(offset int, text, hint string) *node {
	s.slip(offset, "", text, hint)
	s.dead = true
	return &node{kind: broken, at: s.place(offset, "")}
}

// seen names what stands at the current position.
func (s *scanner) seen() string {
	if s.pos >= len(s.src) {
		return "end of file"
	}
	switch c := s.src[s.pos]; {
	case c == '"':
		return "string"
	case c == '-' || c >= '0' && c <= '9':
		return "number"
	case wordByte(c):
		return "the word " + clip(string(s.src[s.pos:s.wordEnd()]))
	case c < 0x20 || c >= 0x7f:
		return fmt.Sprintf("byte 0x%02x", c)
	default:
		return fmt.Sprintf("%q", c)
	}
}

func clip(s string) string {
	if len(s) > 24 {
		return s[:24] + "..."
	}
	return s
}

func wordByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' || c == '$'
}

func (s *scanner) wordEnd() int {
	end := s.pos
	for end < len(s.src) && (wordByte(s.src[end]) || strings.IndexByte("0123456789.-", s.src[end]) >= 0) {
		end++
	}
	return end
}

// space moves over white space, and over comments, which JSON does not have.
func (s *scanner) space() {
	for s.pos < len(s.src) && !s.dead {
		rest := s.src[s.pos:]
		switch {
		case strings.IndexByte(" \t\r\n", rest[0]) >= 0:
			s.pos++
		case rest[0] == '#' || bytes.HasPrefix(rest, []byte("//")):
			s.comment()
			if end := bytes.IndexByte(rest, '\n'); end >= 0 {
				s.pos += end
			} else {
				s.pos = len(s.src)
			}
		case bytes.HasPrefix(rest, []byte("/*")):
			s.comment()
			end := bytes.Index(rest[2:], []byte("*/"))
			if end < 0 {
				s.stop(s.pos, "this comment is never closed", "remove it")
				return
			}
			s.pos += 2 + end + 2
		default:
			return
		}
	}
}

func (s *scanner) comment() {
	if !s.commented {
		s.slip(s.pos, "", "JSON has no comments", "remove this one and all others")
	}
	s.commented = true
}

// value reads the value that begins here.
func (s *scanner) value(path string, depth int) *node {
	if s.dead {
		return &node{kind: broken}
	}
	if s.pos >= len(s.src) {
		return s.stop(s.pos, "the file ends where a value should be", "is it complete?")
	}
	if depth > maxDepth {
		return s.stop(s.pos, fmt.Sprintf("lists and objects nest more than %d deep", maxDepth), "")
	}
	n := &node{at: s.place(s.pos, path)}
	switch c := s.src[s.pos]; {
	case c == '{':
		s.object(n, depth)
	case c == '[':
		s.list(n, depth)
	case c == '"':
		n.kind, n.text = text, s.quoted(path)
	case c == '\'':
		n.kind, n.text = text, s.singleQuoted(path)
	case strings.IndexByte("+-.0123456789", c) >= 0:
		s.number(n)
	case wordByte(c):
		s.word(n)
	default:
		return s.stop(s.pos, "expected a value, found "+s.seen(), "")
	}
	return n
}

// word reads true, false and null, and what people write instead of them.
func (s *scanner) word(n *node) {
	end := s.wordEnd()
	w := string(s.src[s.pos:end])
	switch w {
	case "true", "false":
		n.kind, n.text = boolean, w
	case "null":
		n.kind = null
	default:
		n.kind = broken
		hint := instead(w)
		if hint == "" {
			hint = "put strings in double quotes"
		}
		s.slip(s.pos, n.at.Path, clip(w)+" is not a JSON value", hint)
	}
	s.pos = end
}

// number reads a number by the grammar of JSON: no leading zeros, no plus, no bare dot.
func (s *scanner) number(n *node) {
	start := s.pos
	for s.pos < len(s.src) && strings.IndexByte("+-.0123456789eE", s.src[s.pos]) >= 0 {
		s.pos++
	}
	n.kind, n.text = number, string(s.src[start:s.pos])
	if !validNumber(n.text) {
		n.kind = broken
		s.slip(start, n.at.Path, clip(n.text)+" is not a JSON number", "write it like 60, -1 or 0.5; anything else goes in double quotes")
	}
}

func validNumber(t string) bool {
	t = strings.TrimPrefix(t, "-")
	digits := func() bool {
		rest := strings.TrimLeft(t, "0123456789")
		some := len(rest) < len(t)
		t = rest
		return some
	}
	if strings.HasPrefix(t, "0") {
		t = t[1:]
	} else if !digits() {
		return false
	}
	if after, ok := strings.CutPrefix(t, "."); ok {
		if t = after; !digits() {
			return false
		}
	}
	if t != "" && (t[0] == 'e' || t[0] == 'E') {
		if t = t[1:]; t != "" && (t[0] == '+' || t[0] == '-') {
			t = t[1:]
		}
		if !digits() {
			return false
		}
	}
	return t == ""
}

// list reads [ value, … ].
func (s *scanner) list(n *node, depth int) {
	n.kind = list
	s.elements(n.at, ']', "list", func() {
		n.items = append(n.items, s.value(n.at.Path+"["+strconv.Itoa(len(n.items))+"]", depth+1))
	})
}

// object reads { key: value, … }. Of a key that is there twice the last one counts, as for the original.
func (s *scanner) object(n *node, depth int) {
	n.kind = object
	index := map[string]int{}
	s.elements(n.at, '}', "object", func() {
		start := s.pos
		key, ok := s.key(n.at.Path)
		if !ok {
			return
		}
		m := member{key: key, at: s.place(start, join(n.at.Path, key))}
		m.value = s.value(m.at.Path, depth+1)
		i, twice := index[key]
		if !twice {
			index[key] = len(n.members)
			n.members = append(n.members, m)
			return
		}
		first := n.members[i].at
		s.problems = append(s.problems, Suspicion(m.at, fmt.Sprintf("%q is here a second time; the one at %d:%d is ignored",
			key, first.Line, first.Column), "keep one of them"))
		n.members[i] = m
	})
}

// key reads a key and the colon behind it.
func (s *scanner) key(parent string) (string, bool) {
	var key string
	switch c := s.src[s.pos]; {
	case c == '"':
		key = s.quoted(parent)
	case c == '\'':
		key = s.singleQuoted(parent)
	case wordByte(c):
		key = string(s.src[s.pos:s.wordEnd()])
		s.slip(s.pos, join(parent, key), "the key is not in quotes", "write "+strconv.Quote(clip(key)))
		s.pos += len(key)
	default:
		s.stop(s.pos, "expected a key in double quotes, found "+s.seen(), "")
		return "", false
	}
	s.space()
	if s.dead {
		return "", false
	}
	if s.pos >= len(s.src) || s.src[s.pos] != ':' {
		s.stop(min(s.pos, len(s.src)), fmt.Sprintf("expected ':' after the key %q, found %s", clip(key), s.seen()), "")
		return "", false
	}
	s.pos++
	s.space()
	return key, !s.dead
}

// elements reads what stands between an opening bracket and closer, separated by commas.
func (s *scanner) elements(opened Place, closer byte, what string, element func()) {
	s.pos++
	comma := -1 // where the last comma stands, while nothing followed it
	for {
		s.space()
		if s.dead {
			return
		}
		if s.pos >= len(s.src) {
			s.stop(s.pos, fmt.Sprintf("the file ends inside the %s that begins at %d:%d", what, opened.Line, opened.Column),
				fmt.Sprintf("is it complete? close it with %q", closer))
			return
		}
		switch s.src[s.pos] {
		case closer:
			if comma >= 0 {
				s.slip(comma, opened.Path, "there is a comma after the last element", "remove it")
			}
			s.pos++
			return
		case ',':
			s.slip(s.pos, opened.Path, "there is a comma where an element should be", "remove it")
			s.pos++
			continue
		}
		element()
		end := s.pos
		s.space()
		comma = -1
		switch {
		case s.dead || s.pos >= len(s.src) || s.src[s.pos] == closer:
		case s.src[s.pos] == ',':
			comma = s.pos
			s.pos++
		case s.beginsElement():
			s.slip(end, opened.Path, "there is no comma between two elements", "add one here")
		default:
			s.stop(s.pos, fmt.Sprintf("expected ',' or %q, found %s", closer, s.seen()), "")
		}
	}
}

func (s *scanner) beginsElement() bool {
	c := s.src[s.pos]
	return wordByte(c) || strings.IndexByte("\"'{[-0123456789", c) >= 0
}
