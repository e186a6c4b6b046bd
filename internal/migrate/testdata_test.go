package migrate

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nephoscope/nephoscope/config"
	"github.com/nephoscope/nephoscope/tailer"
)

// A case is a file, or a folder with a main file in it; *.want beside it is what becomes of it: mistakes, notes, what goes on, and
// the result. UPDATE_WANT=1 go test writes the *.want files; read the difference before it is committed.

func TestAwsLogs(t *testing.T)   { eachCase(t, "awslogs", "awslogs.conf", AwsLogs) }
func TestXRay(t *testing.T)      { eachCase(t, "xray", "cfg.yaml", XRay) }
func TestFluentBit(t *testing.T) { eachCase(t, "fluent-bit", "fluent-bit.conf", FluentBit) }
func TestTelegraf(t *testing.T)  { eachCase(t, "telegraf", "telegraf.conf", Telegraf) }

func eachCase(t *testing.T, folder, main string, read func(path string) (Imported, error)) {
	t.Helper()
	folder = filepath.Join("testdata", folder)
	entries, err := os.ReadDir(folder)
	if err != nil || len(entries) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, e := range entries {
		path := filepath.Join(folder, e.Name())
		if e.IsDir() {
			if path = filepath.Join(path, main); !isFile(path) {
				continue // what a case includes
			}
		} else if filepath.Ext(path) == ".want" {
			continue
		}
		t.Run(e.Name(), func(t *testing.T) {
			t.Parallel()
			i, err := read(path)
			mistakes, ok := errors.AsType[config.Problems](err)
			if err != nil && !ok {
				t.Fatal(err)
			}
			if err == nil {
				accepted(t, i)
			}
			placed(t, i.Notes, mistakes)
			wantFile(t, filepath.Join(folder, e.Name()+".want"), filepath.Dir(path), describe(i, mistakes))
		})
	}
}

// accepted holds the result against the configuration's own reader.
func accepted(t *testing.T, i Imported) {
	t.Helper()
	c, err := config.Parse("result.json", i.JSON())
	if err != nil {
		t.Errorf("the result is not accepted:\n%v\n%s", err, i.JSON())
	}
	if err == nil && len(tailer.Check(c)) > 0 {
		t.Errorf("an entry is not accepted:\n%v\n%s", tailer.Check(c), i.JSON())
	}
}

// placed says of every note and mistake that it stands in a file that was read.
func placed(t *testing.T, notes []config.Problem, mistakes config.Problems) {
	t.Helper()
	for _, p := range append(append([]config.Problem{}, notes...), mistakes...) {
		if p.File == "" || p.File == resultName || p.Text == "" {
			t.Errorf("not placed, or not said: %+v", p)
		}
	}
}

func describe(i Imported, mistakes config.Problems) string {
	var b strings.Builder
	for _, p := range mistakes {
		fmt.Fprintln(&b, "mistake:", p.Error())
	}
	for _, p := range i.Notes {
		if !strings.Contains(p.Text, "by this version") { // it changes with every version
			fmt.Fprintln(&b, p.Error())
		}
	}
	for _, c := range i.Carried {
		fmt.Fprintf(&b, "%s:%d: %s\n\t→ %s\n", c.File, c.Line, c.Before, c.After)
	}
	if len(mistakes) == 0 {
		b.Write(i.JSON())
	}
	return b.String()
}

// wantFile compares with a file of the case; the folder is taken off the names in it.
func wantFile(t *testing.T, name, folder, got string) {
	t.Helper()
	got = strings.ReplaceAll(got, folder+string(filepath.Separator), "")
	if os.Getenv("UPDATE_WANT") != "" {
		if err := os.WriteFile(name, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
