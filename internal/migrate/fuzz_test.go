package migrate

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/nephoscope/nephoscope/config"
)

// What all readers promise of any input: no panic, the same answer to the same input, an error that is mistakes and nothing
// else, notes that stand inside the file, and a result that the configuration's own reader accepts.

func FuzzAwsLogs(f *testing.F) {
	seed(f, "awslogs/*.conf")
	f.Fuzz(func(t *testing.T, src []byte) {
		promises(t, src, func() (Imported, error) { return newImporting().awsLogs([]document{{"f", src}}) })
	})
}

func FuzzXRay(f *testing.F) {
	seed(f, "xray/*.yaml")
	f.Fuzz(func(t *testing.T, src []byte) {
		promises(t, src, func() (Imported, error) { return xray(document{"f.yaml", src}) })
	})
}

// FuzzFluentBit reads the same bytes in both forms. What they include is themselves.
func FuzzFluentBit(f *testing.F) {
	seed(f, "fluent-bit/*.conf", "fluent-bit/*.yaml", "fluent-bit/*/*.conf")
	f.Fuzz(func(t *testing.T, src []byte) {
		if bytes.Count(bytes.ToLower(src), []byte("include"))+bytes.Count(bytes.ToLower(src), []byte("parsers_file")) > 1 {
			return // ten times that many, ten levels deep
		}
		for _, name := range []string{"f.conf", "f.yaml"} {
			promises(t, src, func() (Imported, error) {
				l := newLoader(newImporting())
				l.glob = func(string) ([]string, error) { return []string{name}, nil }
				l.read = func(string) (document, error) { return document{name, src}, nil }
				return fluentBit(l, document{name, src})
			})
		}
	})
}

func FuzzTelegraf(f *testing.F) {
	seed(f, "telegraf/*.conf")
	f.Fuzz(func(t *testing.T, src []byte) {
		promises(t, src, func() (Imported, error) { return telegraf([]document{{"f", src}}) })
	})
}

// yamlBreak is what ends a line in YAML 1.1.
var yamlBreak = regexp.MustCompile("\r\n|[\n\r\u0085\u2028\u2029]")

func seed(f *testing.F, patterns ...string) {
	f.Helper()
	for _, pattern := range patterns {
		names, err := filepath.Glob(filepath.Join("testdata", pattern))
		if err != nil || len(names) == 0 {
			f.Fatalf("no seeds for %s: %v", pattern, err)
		}
		for _, name := range names {
			src, err := os.ReadFile(name)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(src)
		}
	}
}

func promises(t *testing.T, src []byte, read func() (Imported, error)) {
	t.Helper()
	i, err := read()
	again, errAgain := read()
	if !reflect.DeepEqual(i, again) || !reflect.DeepEqual(err, errAgain) {
		t.Fatalf("two answers:\n%+v %v\n%+v %v", i, err, again, errAgain)
	}
	mistakes, ok := errors.AsType[config.Problems](err)
	if err != nil && (!ok || len(mistakes) == 0) {
		t.Fatalf("got error %v, want mistakes", err)
	}
	if err == nil {
		accepted(t, i)
	}
	placed(t, i.Notes, mistakes)
	inFile := strings.TrimPrefix(string(src), "\ufeff")
	for _, p := range append(append([]config.Problem{}, i.Notes...), mistakes...) {
		lines := strings.Split(inFile, "\n")
		if strings.HasSuffix(p.File, ".yaml") {
			lines = yamlBreak.Split(inFile, -1)
		}
		if p.Line < 1 || p.Line > len(lines)+1 || p.Column < 1 || p.Line <= len(lines) && p.Column > len(lines[p.Line-1])+1 {
			t.Fatalf("not inside the file: %+v", p)
		}
	}
}
