package config

import (
	"encoding/json"
	"regexp"
	"strings"
)

// JSONSchema is what is known of config.json as a JSON Schema (draft 7), for editors and for anyone who makes
// configurations. It accepts what Parse accepts; Parse refuses a little more, which no schema can say: a regular expression
// that is none, two different retentions of one log group, an address that cannot be listened on.
func JSONSchema() []byte {
	root := configShape().schema()
	root["$schema"] = "http://json-schema.org/draft-07/schema#"
	root["title"] = "config.json of Nephoscope and of the Amazon CloudWatch agent"
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", " ")
	if err := e.Encode(root); err != nil {
		panic("config: " + err.Error()) // a table holds a default that is no JSON
	}
	return []byte(b.String())
}

type jsonObject = map[string]any

func (s *shape) schema() jsonObject {
	if s.or != nil {
		alone := *s
		alone.or = nil
		return jsonObject{"anyOf": []any{alone.schema(), s.or.schema()}}
	}
	o := jsonObject{}
	switch s.kind {
	case text:
		s.textSchema(o)
	case number:
		o["type"] = "integer"
		if s.among != nil {
			o["enum"] = s.among
			break
		}
		o["minimum"] = s.least
		s.atMost(o, "maximum")
	case boolean:
		o["type"] = "boolean"
	case list:
		o["type"], o["items"] = "array", s.items.schema()
		if s.distinct {
			o["uniqueItems"] = true
		}
		s.bounds(o, "minItems", "maxItems")
	case object:
		s.objectSchema(o)
	}
	return o
}

func (s *shape) bounds(o jsonObject, least, most string) {
	if s.least > 0 {
		o[least] = s.least
	}
	s.atMost(o, most)
}

func (s *shape) atMost(o jsonObject, most string) {
	if s.most > 0 {
		o[most] = s.most
	}
}

func (s *shape) textSchema(o jsonObject) {
	o["type"] = "string"
	if s.words != nil {
		o["enum"] = s.words
	}
	if s.never != "" {
		o["not"] = jsonObject{"const": s.never}
	}
	s.bounds(o, "minLength", "maxLength")
	if s.unless != "" {
		delete(o, "minLength")
		o["anyOf"] = []any{jsonObject{"minLength": s.least}, jsonObject{"pattern": s.unless}}
	}
	if s.measures != nil {
		s.measures.schema(o)
	}
	if s.example != "" {
		o["examples"] = []string{s.example}
	}
}

// schema lists the names, which lets editors complete them, and matches them, which lets them have blanks and the plugin's
// name around them.
func (n *metricNames) schema(o jsonObject) {
	if n.names == nil {
		o["pattern"] = `\S`
		return
	}
	all := n.names
	o["anyOf"] = []any{
		jsonObject{"enum": all},
		jsonObject{"pattern": `^\s*(` + strings.Join(n.prefixes(), "|") + `)?(` + strings.Join(all, "|") + `)\s*$`},
	}
}

func (s *shape) objectSchema(o jsonObject) {
	o["type"] = "object"
	s.bounds(o, "minProperties", "maxProperties")
	properties, required := jsonObject{}, []string{}
	for _, k := range s.keys {
		properties[k.name] = k.schema()
		if k.needed != "" {
			required = append(required, k.name)
		}
	}
	if len(properties) > 0 {
		o["properties"] = properties
	}
	if len(required) > 0 {
		o["required"] = required
	}
	var alternatives []any
	for _, name := range s.anyOf {
		alternatives = append(alternatives, jsonObject{"required": []string{name}})
	}
	if alternatives != nil {
		o["anyOf"] = alternatives
	}
	switch {
	case s.others != nil:
		o["additionalProperties"] = s.others.schema()
	case s.strict:
		o["additionalProperties"] = false
	}
}

var markdown = regexp.MustCompile("\\*\\*|`|\\[([^]]*)]\\([^)]*\\)\\.?")

func (k *key) schema() jsonObject {
	o := k.shape.schema()
	said := strings.TrimSpace(markdown.ReplaceAllString(k.says, "$1"))
	said = strings.TrimSuffix(strings.TrimSpace(strings.TrimSuffix(said, "More")), ".")
	switch {
	case k.state == later:
		said += ". Not done by this version"
	case k.state == idle:
		said += ". Without effect: " + k.why
	case k.state == foreign:
		said = "for Windows. Not done by this version"
	case k.ours:
		said += ". Nephoscope's own; the original ignores it"
	}
	if said = strings.TrimPrefix(said, ". "); said != "" {
		o["description"] = strings.ToUpper(said[:1]) + said[1:] + "."
	}
	if k.preset != nil {
		o["default"] = k.preset
	}
	return o
}
