package config

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
)

// docs/configuration.md holds tables between markers that name a place in config.json:
//
//	<!-- keys: logs.logs_collected -->
//	…
//	<!-- end of keys -->
//
// UPDATE_WANT=1 go test ./config writes them. A table goes down to the places that have a marker of their own.
func TestDocumentationHasEveryKey(t *testing.T) {
	const name = "../docs/configuration.md"
	raw, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	marked := regexp.MustCompile(`(?s)(<!-- keys: (\S+) -->\n).*?(<!-- end of keys -->)`)
	d := &keyTables{marked: map[string]bool{}, written: map[*key]bool{}, shapes: map[*shape]string{}}
	for _, m := range marked.FindAllStringSubmatch(string(raw), -1) {
		d.marked[m[2]] = true
	}
	want := marked.ReplaceAllStringFunc(string(raw), func(block string) string {
		m := marked.FindStringSubmatch(block)
		s := placeOf(m[2])
		if s == nil {
			t.Errorf("%s has a table of %s, which there is not", name, m[2])
			return block
		}
		return m[1] + "\n" + d.table(s, m[2]) + "\n" + m[3]
	})
	upToDate(t, name, want)
	everyKey(configShape(), "", func(path string, k *key) {
		if !d.written[k] && !k.shared {
			t.Errorf("no table of %s has the key %s", name, path)
		}
	})
}

// everyKey visits all keys.
func everyKey(s *shape, path string, visit func(path string, k *key)) {
	switch s.kind {
	case list:
		everyKey(s.items, path+"[]", visit)
	case object:
		for i := range s.keys {
			k := &s.keys[i]
			at := join(path, k.name)
			visit(at, k)
			everyKey(k.shape, at, visit)
		}
		if s.others != nil {
			everyKey(s.others, path+".*", visit)
		}
	}
}

// placeOf is the shape at a place: root, or keys with [] behind lists and * for what is not in the table.
func placeOf(path string) *shape {
	s := configShape()
	if path == "root" {
		return s
	}
	for name := range strings.SplitSeq(path, ".") {
		name, items := strings.CutSuffix(name, "[]")
		if s = s.under(name); s == nil {
			return nil
		}
		if items {
			s = s.items
		}
	}
	return s
}

type keyTables struct {
	marked  map[string]bool
	written map[*key]bool
	shapes  map[*shape]string // the key that each was first written of
}

type row struct{ name, kind, otherwise, says string }

func (d *keyTables) table(s *shape, path string) string {
	var b strings.Builder
	b.WriteString("| key | type, bounds | default | what it does |\n|---|---|---|---|\n")
	if path == "root" {
		path = ""
	}
	for _, r := range d.rows(s, path, "") {
		for _, cell := range []string{r.name, r.kind, r.otherwise, r.says} {
			b.WriteString("| " + strings.ReplaceAll(cell, "|", `\|`) + " ")
		}
		b.WriteString("|\n")
	}
	return b.String()
}

func (d *keyTables) rows(s *shape, path, prefix string) (all []row) {
	for i := range s.keys {
		k := &s.keys[i]
		at := join(path, k.name)
		if k.shared && !strings.HasSuffix(path, "*") {
			continue
		}
		d.written[k] = true
		r := row{"`" + prefix + k.name + "`", words(k.shape), preset(k), whatItDoes(k)}
		inner, innerPath, innerPrefix := k.shape, at, prefix+k.name+"."
		if inner.kind == list {
			inner, innerPath, innerPrefix = inner.items, at+"[]", prefix+k.name+"[]."
			if inner.or != nil {
				inner = inner.or
			}
		}
		apart := d.marked[at] || d.marked[innerPath]
		last := len(all) - 1
		switch {
		case apart && r.says == "":
			r.says = "see below"
		case apart:
			r.says += "; see below"
		}
		switch {
		case last >= 0 && all[last].kind == r.kind && all[last].otherwise == r.otherwise && all[last].says == r.says: // the same of several
			all[last].name += ", " + r.name
		case r.says != "" || inner.kind != object:
			all = append(all, r)
		}
		if first := d.shapes[inner]; inner.kind == object && !apart && first != "" {
			all[len(all)-1].says += "; its keys are those of `" + first + "`"
			continue
		}
		if len(inner.keys) > 0 {
			d.shapes[inner] = k.name
		}
		if inner.kind == object && !apart {
			all = append(all, d.rows(inner, innerPath, innerPrefix)...)
		}
	}
	return all
}

func whatItDoes(k *key) string {
	s := k.says
	one := k.shape
	if one.kind == list {
		one = one.items
	}
	if m := one.key("measurement"); m != nil && m.shape.items.measures.names != nil && k.state != idle {
		n := m.shape.items.measures
		if s != "" {
			s += "; "
		}
		s += "measures `" + strings.Join(n.names, "` `") + "`"
	}
	switch {
	case k.ours:
		return "**ours**: " + s
	case k.state == later && s == "":
		return "*not done yet*"
	case k.state == later:
		return "*not done yet*: " + s
	case k.state == idle && s == "":
		return "*no effect*: " + k.why
	case k.state == idle:
		return s + ". *No effect*: " + k.why
	case k.state == foreign:
		return "*for Windows*"
	}
	return s
}

func preset(k *key) string {
	switch {
	case k.needed != "":
		return "required"
	case k.preset != nil:
		raw, _ := json.Marshal(k.preset)
		return "`" + string(raw) + "`"
	}
	return k.absent
}

// words says a shape in a few words.
func words(s *shape) string {
	if s.or != nil {
		alone := *s
		alone.or = nil
		return words(&alone) + ", or " + words(s.or)
	}
	switch {
	case s.kind == list:
		return "list of " + items(s)
	case s.kind == object && s.strict:
		return "object, strict"
	case s.kind == object && len(s.keys) > 0:
		return "object, open"
	case s.kind == object && s.others != nil:
		return "object of " + strings.TrimSpace(bounds(s)+" "+several(s.others))
	case s.kind == object:
		return "object"
	case s.kind == text && s.words == nil && s.least+s.most > 0:
		exempt := ""
		if s.unless != "" {
			exempt = ", or `${…}`"
		}
		return "string, " + bounds(s) + exempt
	case s.kind == text && s.words == nil:
		return "string"
	case s.unit != "" && s.least == 1:
		return "interval"
	case s.kind == number && s.unit != "":
		return fmt.Sprintf("%d to %d s", s.least, s.most)
	case s.kind == number && s.among == nil:
		return "whole number, " + bounds(s)
	}
	return several(s)
}

// items says what is in a list.
func items(s *shape) string {
	said := several(s.items)
	if s.distinct {
		said = "different " + said
	}
	return strings.TrimSpace(bounds(s) + " " + said)
}

// several says a shape in the plural.
func several(s *shape) string {
	switch {
	case s.or != nil:
		return "strings and objects"
	case s.words != nil:
		return "`" + strings.Join(s.words, "` `") + "`"
	case s.among != nil:
		return strings.Trim(strings.ReplaceAll(fmt.Sprint(s.among), " ", ", "), "[]")
	case s.kind == text && s.least+s.most > 0:
		return "strings of " + bounds(s)
	case s.kind == text:
		return "strings"
	case s.kind == number:
		return "whole numbers, " + bounds(s)
	case s.kind == boolean:
		return "true or false"
	case s.kind == list:
		return "lists of " + items(s)
	case s.kind == object && s.strict:
		return "objects, strict"
	case s.kind == object:
		return "objects"
	}
	return "anything"
}

func bounds(s *shape) string {
	switch {
	case s.most > 0 && (s.least > 0 || s.kind == number):
		return fmt.Sprintf("%d to %d", s.least, s.most)
	case s.most > 0:
		return fmt.Sprintf("up to %d", s.most)
	case s.least > 0 || s.kind == number:
		return fmt.Sprintf("at least %d", s.least)
	}
	return ""
}

// Every key says something for itself, in the documentation and in editors.
func TestEveryKeySaysWhatItDoes(t *testing.T) {
	everyKey(configShape(), "", func(path string, k *key) {
		if whatItDoes(k) == "" && len(k.shape.keys) == 0 {
			t.Errorf("%s says nothing", path)
		}
		if k.state == idle && k.why == "" || strings.HasSuffix(k.says, ".") {
			t.Errorf("%s: %q, %q", path, k.says, k.why)
		}
	})
}
