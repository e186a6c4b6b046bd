package config

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// Every key of the table is parsed in the smallest configuration that has it: as it should be, of another type, just inside
// and just outside of its bounds. Parse and the published schema have to agree each time.
func TestEveryKey(t *testing.T) {
	t.Parallel()
	w := &walk{T: t, schema: published(t)}
	w.object(configShape(), "", done, func(v any) any { return v })
	t.Log(w.keys, "keys,", w.parsed, "configurations")
	if w.keys < 400 {
		t.Errorf("there are %d keys, which is too few", w.keys)
	}
}

type walk struct {
	*testing.T
	schema       *jsonschema.Schema
	keys, parsed int
}

// object visits the keys of an object; around puts one into its place in a configuration.
func (w *walk) object(s *shape, path string, outer state, around func(any) any) {
	for i := range s.keys {
		k := &s.keys[i]
		w.keys++
		at := join(path, k.name)
		inside := func(v any) any {
			o := sample(s).(map[string]any)
			o[k.name] = v
			return around(o)
		}
		w.accepted(at, inside(sample(k.shape)))
		w.told(at, k, outer, inside(sample(k.shape)))
		for _, v := range wrong(k.shape) {
			w.refused(at, inside(v))
		}
		for _, v := range atBounds(k.shape) {
			w.accepted(at, inside(v))
		}
		if k.needed != "" {
			o := sample(s).(map[string]any)
			delete(o, k.name)
			w.refused(at, around(o))
		}
		state := max(outer, k.state)
		w.value(k.shape, at, state, inside)
	}
	o := sample(s).(map[string]any)
	if o["no_such_key"] = 5; s.strict {
		w.refused(path, around(o))
	} else if s.others == nil {
		w.accepted(path, around(o))
	}
	if len(s.anyOf) > 0 {
		o := sample(s).(map[string]any)
		for _, name := range s.anyOf {
			delete(o, name)
		}
		w.refused(path, around(o))
	}
}

func (w *walk) value(s *shape, path string, outer state, inside func(any) any) {
	if s.or != nil {
		w.value(s.or, path, outer, inside)
	}
	switch s.kind {
	case object:
		w.object(s, path, outer, inside)
	case list:
		for _, v := range wrong(s.items) {
			w.refused(path+"[]", inside([]any{v}))
		}
		w.value(s.items, path+"[]", outer, func(v any) any { return inside([]any{v}) })
	}
}

func (w *walk) parse(v any) (src []byte, warnings []Problem, err error) {
	w.Helper()
	src, err = json.Marshal(v)
	if err != nil {
		w.Fatal(err)
	}
	w.parsed++
	c, err := Parse("f", src)
	return src, c.Warnings, err
}

func (w *walk) accepted(path string, v any) {
	w.Helper()
	src, _, err := w.parse(v)
	if err != nil {
		w.Errorf("%s: %.400v\n%.300s", path, err, src)
	}
	if err := validates(w, w.schema, src); err != nil {
		w.Errorf("%s: the schema says %.600v\n%.300s", path, err, src)
	}
}

func (w *walk) refused(path string, v any) {
	w.Helper()
	src, _, err := w.parse(v)
	if err == nil {
		w.Errorf("%s: not refused\n%.300s", path, src)
	}
	if validates(w, w.schema, src) == nil {
		w.Errorf("%s: not refused by the schema\n%.300s", path, src)
	}
}

// told wants one warning of a key that is not done, and none for what is in it.
func (w *walk) told(path string, k *key, outer state, v any) {
	w.Helper()
	_, warnings, _ := w.parse(v)
	n := 0
	for _, p := range warnings {
		if strings.HasPrefix(p.Text, fmt.Sprintf("%q is not", k.name)) || strings.HasPrefix(p.Text, fmt.Sprintf("%q has no effect", k.name)) || strings.HasPrefix(p.Text, fmt.Sprintf("%q is for Windows", k.name)) {
			n++
		}
	}
	want := 0
	if k.state != done && outer == done {
		want = 1
	}
	if n != want && !(outer != done && n == 1) { // the outer one may have the same name
		w.Errorf("%s: told of %d times, want %d: %v", path, n, want, warnings)
	}
}

// sample is the least that a shape accepts.
func sample(s *shape) any {
	switch {
	case s.kind == text && s.words != nil:
		return s.words[0]
	case s.measures != nil && s.measures.names != nil:
		return s.measures.names[0]
	case s.kind == text && s.example != "":
		return s.example
	case s.kind == text:
		return strings.Repeat("/", int(max(s.least, 1)))
	case s.among != nil:
		return s.among[0]
	case s.kind == number:
		return s.least
	case s.kind == list:
		return []any{sample(s.items)}
	case s.kind == object:
		o := map[string]any{}
		for _, k := range s.keys {
			if k.needed != "" || slices.Contains(s.anyOf, k.name) && len(o) == 0 {
				o[k.name] = sample(k.shape)
			}
		}
		for _, k := range s.keys {
			if int64(len(o)) < s.least && (k.state == done || k.name == "xray") {
				o[k.name] = sample(k.shape)
			}
		}
		if len(s.anyOf) > 0 && !slices.ContainsFunc(s.anyOf, func(name string) bool { return o[name] != nil }) {
			o[s.anyOf[0]] = sample(s.under(s.anyOf[0]))
		}
		return o
	}
	return true
}

// wrong are values that a shape refuses.
func wrong(s *shape) (all []any) {
	if s.kind == "" {
		return nil
	}
	all = append(all, nil, 1.5)
	switch s.kind {
	case text:
		all = append(all, 5)
		if s.least > 0 {
			all = append(all, strings.Repeat("/", int(s.least)-1))
		}
		if s.most > 0 {
			all = append(all, strings.Repeat("/", int(s.most)+1))
		}
		if s.words != nil {
			all = append(all, "no such word")
		}
		if s.never != "" {
			all = append(all, s.never)
		}
	case number:
		all = append(all, "5")
		if s.among != nil {
			return append(all, 0, 2, 4000)
		}
		if all = append(all, s.least-1); s.most > 0 {
			all = append(all, s.most+1)
		}
	case boolean:
		all = append(all, "true", 1)
	case list:
		if s.least > 0 {
			all = append(all, []any{})
		}
		if s.most > 0 && s.most < 300 {
			all = append(all, slices.Repeat([]any{sample(s.items)}, int(s.most)+1))
		}
		if s.distinct {
			all = append(all, []any{sample(s.items), sample(s.items)})
		}
		if s.or == nil {
			all = append(all, map[string]any{})
		}
	case object:
		all = append(all, []any{})
		if s.least > 0 {
			all = append(all, map[string]any{})
		}
		if s.most > 0 {
			all = append(all, many(int(s.most)+1, s.others))
		}
	}
	return all
}

// atBounds are the values that a shape just accepts.
func atBounds(s *shape) (all []any) {
	switch {
	case s.kind == text && s.words == nil && s.judge == nil && s.measures == nil && s.most > 0:
		all = append(all, strings.Repeat("/", int(s.most)), strings.Repeat("ß", int(s.most)))
	case s.kind == text:
		for _, word := range s.words {
			all = append(all, word)
		}
	case s.among != nil:
		for _, n := range s.among {
			all = append(all, n)
		}
	case s.kind == number:
		all = append(all, max(s.most, s.least), json.RawMessage(fmt.Sprint(max(s.most, s.least), ".0")))
	case s.kind == list && !s.distinct && s.most > 0 && s.most < 300:
		all = append(all, slices.Repeat([]any{sample(s.items)}, int(s.most)))
	case s.kind == object && s.others != nil && s.most > 0:
		all = append(all, many(int(s.most), s.others))
	}
	return all
}

func many(n int, of *shape) map[string]any {
	o := map[string]any{}
	for i := range n {
		o[fmt.Sprintf("key%d", i)] = sample(of)
	}
	return o
}
