package migrate

import (
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"
)

// classic reads the form of Fluent Bit that is its own: [SECTION], and indented "Key value" below it
// (https://docs.fluentbit.io/manual/administration/configuring-fluent-bit/classic-mode/format-schema).
func (l *loader) classic(d document) {
	if !l.isText(d) {
		return
	}
	var current *stage
	number := 0
	for line := range strings.Lines(d.body()) {
		number++
		said := strings.TrimSpace(line)
		if said == "" || said[0] == '#' {
			continue
		}
		column := indentation(line) + 1
		at := d.at(number, column, "")
		key, value := said, ""
		if i := strings.IndexAny(said, " \t"); i >= 0 {
			key, value = said[:i], strings.TrimSpace(said[i:])
		}
		valueAt := at
		if value != "" {
			valueAt.Column = column + strings.Index(said, value)
		}
		switch {
		case said[0] == '[':
			name, _, closed := strings.Cut(said[1:], "]")
			if !closed {
				l.wrong(at, "the name of this section is not closed", `write "]" behind it`)
			}
			at.Path = "[" + name + "]"
			current = &stage{kind: strings.ToLower(name), at: at}
			l.sections = append(l.sections, current)
		case strings.EqualFold(key, "@include"):
			l.include(d, l.filled(value), at)
		case strings.EqualFold(key, "@set"):
			name, value, _ := strings.Cut(value, "=")
			l.variables[strings.TrimSpace(name)] = strings.TrimSpace(value)
		case current == nil:
			l.wrong(at, fmt.Sprintf("%q stands before the first [SECTION]", short(said)), "")
			return
		default:
			at.Path = current.at.Path + " " + key
			valueAt.Path = at.Path
			if value == "" {
				l.note(at, fmt.Sprintf("the key %q has no value; it is ignored", key), "")
				continue
			}
			current.properties = append(current.properties, property{strings.ToLower(key), l.filled(value), at, valueAt})
		}
	}
}

// yaml reads the other form (https://docs.fluentbit.io/manual/administration/configuring-fluent-bit/yaml/configuration-file).
func (l *loader) yaml(d document) {
	root := l.readYAML(d)
	for _, p := range d.pairs(root, "") {
		switch p.key {
		case "env":
			for _, v := range d.pairs(p.value, p.key) {
				l.variables[v.key] = v.value.Value
			}
		case "includes":
			for _, n := range items(p.value) {
				l.include(d, l.filled(n.Value), p.at)
			}
		case "service":
			l.stage(d, "service", p.key, p.value)
		case "parsers", "multiline_parsers":
			for i, n := range items(p.value) {
				l.stage(d, strings.TrimSuffix(p.key, "s"), fmt.Sprintf("%s[%d]", p.key, i), n)
			}
		case "pipeline":
			for _, part := range d.pairs(p.value, p.key) {
				for i, n := range items(part.value) {
					l.stage(d, strings.TrimSuffix(part.key, "s"), fmt.Sprintf("%s[%d]", part.at.Path, i), n)
				}
			}
		default:
			l.note(p.at, fmt.Sprintf("%q is not taken over", p.key), "")
		}
	}
}

// stage reads one mapping of the YAML form. A list is a key that is there several times.
func (l *loader) stage(d document, kind, path string, n *yaml.Node) {
	if n.Kind != yaml.MappingNode {
		l.wrong(d.at(n.Line, n.Column, path), "must be a mapping of keys and values, not "+yamlKind(n), "")
		return
	}
	s := &stage{kind: kind, at: d.at(n.Line, n.Column, path)}
	for _, p := range d.pairs(n, path) {
		values := []*yaml.Node{p.value}
		if p.value.Kind == yaml.SequenceNode {
			values = items(p.value)
		}
		if p.key == "processors" {
			l.note(p.at, "processors are not taken over", "config.json has filters (include and exclude) for log events, and nothing else")
			continue
		}
		for _, v := range values {
			text := v.Value
			if kind == "multiline_parser" && v.Kind == yaml.MappingNode { // a rule: state, regex, next_state
				text = rule(d, v)
			}
			s.properties = append(s.properties, property{strings.ToLower(p.key), l.filled(text), p.at, d.at(v.Line, v.Column, p.at.Path)})
		}
	}
	l.sections = append(l.sections, s)
}

// rule writes a rule of a multi-line parser in the classic form.
func rule(d document, n *yaml.Node) string {
	said := map[string]string{}
	for _, p := range d.pairs(n, "") {
		said[p.key] = p.value.Value
	}
	return fmt.Sprintf("%q %q %q", said["state"], said["regex"], said["next_state"])
}
