package config

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// FuzzParse: no input makes Parse panic; the same input gives the same answer; problems stand inside the file; and what is
// JSON for encoding/json is JSON for us.
func FuzzParse(f *testing.F) {
	for _, pattern := range []string{"testdata/valid/*.json", "testdata/invalid/*.json", "testdata/merge/*/in/*.json"} {
		seed(f, pattern)
	}
	f.Add([]byte(`{"a":"\ud834\udd1e\ud834 \u00e9\/\b"}`))
	f.Add([]byte(`[-0.5e+7,1E3,01,+1,.5,5.,-]`))
	f.Fuzz(func(t *testing.T, src []byte) {
		c, err := Parse("f", src)
		again, errAgain := Parse("f", src)
		if !reflect.DeepEqual(c, again) || !reflect.DeepEqual(err, errAgain) {
			t.Fatalf("two answers:\n%v\n%v", err, errAgain)
		}
		problems, ok := err.(Problems)
		if err != nil && (!ok || len(problems) == 0) {
			t.Fatalf("got error %v, want Problems", err)
		}
		inside(t, src, problems, false)
		inside(t, src, c.Warnings, true)
		asJSON(t, src)
	})
}

// asJSON holds the scanner against encoding/json: the same documents, the same values.
func asJSON(t *testing.T, src []byte) {
	src = bytes.TrimPrefix(src, []byte("\xef\xbb\xbf"))
	if bytes.HasPrefix(src, []byte("\xef\xbb\xbf")) {
		return
	}
	tree, problems, whole := scan("f", src)
	mistakes, _ := split(problems)
	if len(mistakes) > 0 && strings.Contains(mistakes.Error(), "nest more than") {
		return
	}
	if ours := whole && len(mistakes) == 0; ours != json.Valid(src) {
		t.Fatalf("JSON: we say %t, encoding/json says %t: %v", ours, !ours, mistakes)
	}
	if len(mistakes) > 0 {
		return
	}
	var theirs any
	if json.Unmarshal(src, &theirs) != nil {
		return // a number out of range
	}
	if ours := plainValue(tree); !reflect.DeepEqual(ours, theirs) {
		t.Fatalf("got %#v, want %#v", ours, theirs)
	}
}

func plainValue(n *node) any {
	switch n.kind {
	case boolean:
		return n.text == "true"
	case number:
		var f float64
		if json.Unmarshal([]byte(n.text), &f) != nil {
			return nil
		}
		return f
	case text:
		return n.text
	case list:
		out := []any{}
		for _, v := range n.items {
			out = append(out, plainValue(v))
		}
		return out
	case object:
		out := map[string]any{}
		for _, m := range n.members {
			out[m.key] = plainValue(m.value)
		}
		return out
	}
	return nil
}

// FuzzMerge: two documents never make the merge panic, and whether they fit together does not depend on their order.
func FuzzMerge(f *testing.F) {
	cases, err := filepath.Glob("testdata/merge/*")
	if err != nil || len(cases) == 0 {
		f.Fatal("no seeds", err)
	}
	for _, dir := range cases {
		var pair [][]byte
		names, _ := filepath.Glob(filepath.Join(dir, "in", "*.json"))
		for _, name := range names {
			src, err := os.ReadFile(name)
			if err != nil {
				f.Fatal(err)
			}
			pair = append(pair, src)
		}
		f.Add(pair[0], pair[len(pair)-1])
	}
	f.Fuzz(func(t *testing.T, a, b []byte) {
		_, ab := build([]document{{"a", a}, {"b", b}})
		_, ba := build([]document{{"b", b}, {"a", a}})
		if (ab == nil) != (ba == nil) {
			t.Fatalf("a, b: %v\nb, a: %v", ab, ba)
		}
	})
}

// FuzzParseCommon is the same for common-config.toml.
func FuzzParseCommon(f *testing.F) {
	seed(f, "testdata/common/*.toml")
	f.Fuzz(func(t *testing.T, src []byte) {
		c, warnings, err := ParseCommon("f", src)
		again, warningsAgain, errAgain := ParseCommon("f", src)
		if c != again || !reflect.DeepEqual(warnings, warningsAgain) || !reflect.DeepEqual(err, errAgain) {
			t.Fatalf("two answers:\n%v\n%v", err, errAgain)
		}
		problems, ok := err.(Problems)
		if err != nil && (!ok || len(problems) == 0) {
			t.Fatalf("got error %v, want Problems", err)
		}
		inside(t, src, problems, false)
		inside(t, src, warnings, true)
	})
}

func seed(f *testing.F, pattern string) {
	names, err := filepath.Glob(pattern)
	if err != nil || len(names) == 0 {
		f.Fatal("no seeds for", pattern, err)
	}
	for _, name := range names {
		src, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(src)
	}
}

// inside wants every problem to stand at a byte of the file, or right behind its last one.
func inside(t *testing.T, src []byte, problems []Problem, warnings bool) {
	t.Helper()
	lines := strings.Split(string(src), "\n")
	for _, p := range problems {
		if p.File != "f" || p.Text == "" || p.Warning != warnings {
			t.Fatalf("odd problem %+v", p)
		}
		if p.Line < 1 || p.Line > len(lines) || p.Column < 1 || p.Column > len(lines[p.Line-1])+1 {
			t.Fatalf("%v stands outside the file", p)
		}
	}
}
