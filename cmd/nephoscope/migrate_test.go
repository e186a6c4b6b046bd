package main

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// A case is a file in testdata/migrate: what it is about, command lines after "> ", and the tree that they work on, each file
// after "-- name --". What they print, their statuses, and which files they wrote is in *.want. UPDATE_WANT=1 go test writes
// it; read the difference before it is committed.
func TestMigrate(t *testing.T) {
	cases, err := filepath.Glob("testdata/migrate/*.txtar")
	if err != nil || len(cases) == 0 {
		t.Fatal("no cases", err)
	}
	for _, name := range cases {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			t.Parallel()
			root, commands := unpackTree(t, name)
			var said strings.Builder
			for _, line := range commands {
				fmt.Fprintf(&said, "> %s\n", line)
				before := treeOf(t, root)
				out, errs, status := nephoscope(t, "", strings.Fields(strings.ReplaceAll(line, "$ROOT", root))...)
				for l := range strings.Lines(out + errs) {
					if !strings.Contains(l, "by this version") { // it changes with every version
						said.WriteString(l)
					}
				}
				changed := difference(before, treeOf(t, root))
				if changed != "" && !strings.Contains(line, "--apply") {
					t.Errorf("%s changed, without --apply:\n%s", line, changed)
				}
				fmt.Fprintf(&said, "%s= %d\n\n", changed, status)
			}
			sameAsWant(t, strings.TrimSuffix(name, ".txtar")+".want", strings.ReplaceAll(said.String(), root, "$ROOT"))
		})
	}
}

// unpackTree makes the tree of a case. States of the original are its own (nobody else may write them), and younger than all logs.
func unpackTree(t *testing.T, name string) (root string, commands []string) {
	t.Helper()
	src, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	root = t.TempDir()
	head, files, _ := strings.Cut(string(src), "\n-- ")
	for line := range strings.Lines(head) {
		if command, ok := strings.CutPrefix(strings.TrimSpace(line), "> "); ok {
			commands = append(commands, command)
		}
	}
	for _, one := range strings.Split(files, "\n-- ") {
		name, content, ok := strings.Cut(one, " --\n")
		if !ok {
			t.Fatalf("%q is no file of a tree", one)
		}
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if !strings.HasSuffix(content, "\n") {
			content += "\n"
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(name, "/state/") {
			later := time.Now().Add(time.Hour)
			if err := os.Chtimes(path, later, later); err != nil {
				t.Fatal(err)
			}
		}
	}
	return root, commands
}

// treeOf is every file below a folder with its content and time.
func treeOf(t *testing.T, root string) map[string]string {
	t.Helper()
	tree := map[string]string{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		info, err := d.Info()
		tree[path] = fmt.Sprintf("%s %s", info.ModTime(), content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

func difference(before, after map[string]string) string {
	var b strings.Builder
	for path := range before {
		if _, ok := after[path]; !ok {
			fmt.Fprintf(&b, "- %s\n", path)
		}
	}
	for path, content := range after {
		if old, ok := before[path]; !ok {
			fmt.Fprintf(&b, "+ %s\n", path)
		} else if old != content {
			fmt.Fprintf(&b, "! %s\n", path)
		}
	}
	lines := strings.SplitAfter(b.String(), "\n")
	slices.Sort(lines)
	return strings.Join(lines, "")
}

func sameAsWant(t *testing.T, name, got string) {
	t.Helper()
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

// The result is in the JSON report as JSON, and check accepts it as it is stored.
func TestMigrateAsJSON(t *testing.T) {
	t.Parallel()
	root, _ := unpackTree(t, "testdata/migrate/several.txtar")
	out, errs, status := nephoscope(t, "", "migrate", "--root", root, "--apply", "--json")
	var got struct {
		OK, Applied bool
		Agents      []struct {
			From   string
			Config map[string]any
			Notes  []struct {
				File string
				Line int
				Text string
			}
			Carried []struct{ Before, After string }
			Target  string
			Changed bool
			Next    []string
		}
	}
	if err := json.Unmarshal([]byte(out), &got); err != nil {
		t.Fatalf("%v\n%s%s", err, out, errs)
	}
	if !got.OK || !got.Applied || status != exitFine || len(got.Agents) != 2 {
		t.Fatalf("status %d\n%s%s", status, out, errs)
	}
	for _, a := range got.Agents {
		if a.Config == nil || len(a.Notes) == 0 || len(a.Carried) == 0 || !a.Changed || len(a.Next) == 0 {
			t.Errorf("incomplete: %+v", a)
		}
		if out, _, status := nephoscope(t, "", "check", a.Target); status != exitFine {
			t.Errorf("check refuses the result of %s:\n%s", a.From, out)
		}
	}
}

// What the importers make can be built into an agent: mistakes are those of the files that were read, and never of the result.
func TestWhatIsImportedCanBeBuilt(t *testing.T) {
	t.Parallel()
	cases, err := filepath.Glob("../../internal/migrate/testdata/*/*.conf")
	if err != nil || len(cases) < 20 {
		t.Fatalf("%d cases, %v", len(cases), err)
	}
	built := 0
	for _, path := range cases {
		from := filepath.Base(filepath.Dir(path))
		out, errs, status := nephoscope(t, "", "migrate", "--root", t.TempDir(), "--from", from, "--json", path)
		var got struct {
			Agents []struct {
				Config   map[string]any
				Mistakes []struct{ File, Text string }
			}
		}
		if err := json.Unmarshal([]byte(out), &got); err != nil || len(got.Agents) != 1 {
			t.Fatalf("%s: status %d, %v\n%s%s", path, status, err, out, errs)
		}
		for _, m := range got.Agents[0].Mistakes {
			if m.File != path {
				t.Errorf("%s: the result has a mistake: %+v", path, m)
			}
		}
		if got.Agents[0].Config != nil && status == exitFine {
			built++
		}
	}
	if built < 10 {
		t.Errorf("only %d of %d could be built", built, len(cases))
	}
}
