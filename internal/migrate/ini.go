package migrate

import (
	"fmt"
	"slices"
	"strings"

	"github.com/nephoscope/nephoscope/config"
)

// iniSection is one [section] of an INI file with its options, in the order of the file.
type iniSection struct {
	name    string
	at      config.Place
	options []iniOption
}

// iniOption is key = value. The key is in lower case, as Python's ConfigParser has it.
type iniOption struct {
	key, value string
	at         config.Place // of the key
	valueAt    config.Place
}

// readINI reads what the RawConfigParser of Python 2 and 3 reads, which the older agent ran under
// (https://docs.python.org/3/library/configparser.html#supported-ini-file-structure, and Python 2.7's ConfigParser.py):
// a value goes on in lines that are indented deeper than its key, blank lines among them; # and ; begin a comment on a line
// of their own, and " ;" behind a value for Python 2. There is no interpolation: %b and %(name)s are text. What stands twice
// counts the last time, as for Python 2; Python 3 refuses it.
func (m *importing) readINI(d document) (sections []*iniSection) {
	if !m.isText(d) {
		return nil
	}
	var current *iniSection
	var open *iniOption // which deeper lines belong to
	indent, number := 0, 0
	for line := range strings.Lines(d.body()) {
		number++
		line = strings.TrimRight(line, "\r\n")
		said := strings.TrimSpace(line)
		if said == "" || isComment(line, said) {
			continue
		}
		deep := indentation(line)
		at := d.at(number, deep+1, "")
		switch {
		case open != nil && deep > indent:
			m.goesOn(open, at)
		case said[0] == '[':
			open, indent = nil, deep
			current = m.header(&sections, said, at)
		case current == nil:
			m.wrong(at, "the line stands before the first [section]", "")
			return sections
		default:
			indent = deep
			open = m.option(current, said, at)
		}
	}
	return sections
}

// isComment tells comments from values. REM is one for Python 2 alone, and no key of the older agent.
func isComment(line, said string) bool {
	if said[0] == '#' || said[0] == ';' {
		return true
	}
	word, _, _ := strings.Cut(said, " ")
	return strings.EqualFold(word, "rem") && (line[0] == 'r' || line[0] == 'R')
}

// header reads [section]. A section that is there again is the one that was there before.
func (m *importing) header(sections *[]*iniSection, said string, at config.Place) *iniSection {
	name, after, closed := strings.Cut(said[1:], "]")
	at.Path = "[" + name + "]"
	switch {
	case !closed:
		m.wrong(at, "the name of this section is not closed", `write "]" behind it`)
	case name == "":
		m.wrong(at, "this section has no name", "")
	}
	if after = strings.TrimSpace(after); after != "" && after[0] != ';' && after[0] != '#' {
		m.note(at, fmt.Sprintf("%q behind the section's name is ignored", after), "")
	}
	for _, s := range *sections {
		if s.name == name {
			m.note(at, fmt.Sprintf("the section is here a second time, first at line %d; its keys are added to that", s.at.Line), "keep one of them")
			return s
		}
	}
	s := &iniSection{name: name, at: at}
	*sections = append(*sections, s)
	return s
}

// option reads key = value or key: value, whichever sign comes first.
func (m *importing) option(s *iniSection, said string, at config.Place) *iniOption {
	cut := strings.IndexAny(said, "=:")
	key := ""
	if cut > 0 {
		key = strings.ToLower(strings.TrimSpace(said[:cut]))
	}
	if key == "" {
		m.wrong(at, fmt.Sprintf("%q is neither a [section] nor key = value", short(said)), "")
		return nil
	}
	at.Path = "[" + s.name + "] " + key
	value := strings.TrimLeft(said[cut+1:], " \t\v\f\r")
	o := iniOption{key: key, at: at, valueAt: at}
	o.valueAt.Column += len(said) - len(value)
	if i := inlineComment(value); i >= 0 {
		m.note(o.valueAt, fmt.Sprintf("%q counts as a comment, as it does for Python 2; Python 3 takes it into the value", short(value[i:])), "")
		value = strings.TrimSpace(value[:i])
	}
	if i := strings.Index(value, " #"); i >= 0 {
		m.note(o.valueAt, fmt.Sprintf("%q is no comment but a part of the value", short(value[i+1:])), "comments stand on lines of their own")
	}
	if value == `""` {
		value = ""
	}
	o.value = value
	if i := slices.IndexFunc(s.options, func(o iniOption) bool { return o.key == key }); i >= 0 {
		m.note(at, fmt.Sprintf("%q is here a second time; the one in line %d is ignored", key, s.options[i].at.Line), "keep one of them")
		s.options[i] = o
		return &s.options[i]
	}
	s.options = append(s.options, o)
	return &s.options[len(s.options)-1]
}

// inlineComment is where a comment begins behind a value; -1 if none does.
func inlineComment(value string) int {
	for i := 1; i < len(value); i++ {
		if value[i] == ';' && (value[i-1] == ' ' || value[i-1] == '\t') {
			return i
		}
	}
	return -1
}

// goesOn leaves out a line that belongs to the value before it. No key of the older agent has a value of several lines.
func (m *importing) goesOn(o *iniOption, at config.Place) {
	at.Path = o.at.Path
	m.note(at, fmt.Sprintf("left out: the line is indented, so for awslogs it belongs to the value of %q in line %d", o.key, o.at.Line),
		"take the blanks before it away if it is a key or section of its own")
}

// short is a text as a message quotes it.
func short(text string) string {
	if r := []rune(text); len(r) > 40 {
		return string(r[:37]) + "..."
	}
	return text
}
