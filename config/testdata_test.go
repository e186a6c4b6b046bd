package config

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A case is a file: valid/*.json (with *.want: its warnings), invalid/*.json with *.want: its problems,
// merge/<case>/in with problems.want, and want.json (an equal configuration) if there is no mistake, common/*.toml with *.want.
// UPDATE_WANT=1 go test writes the *.want files; read the difference before it is committed.

func TestValid(t *testing.T) {
	eachFile(t, "testdata/valid/*.json", func(t *testing.T, name string, src []byte) {
		c, err := Parse(filepath.Base(name), src)
		if err != nil {
			t.Fatal(err)
		}
		wantFile(t, name, lines(c.Warnings, nil))
	})
}

func TestInvalid(t *testing.T) {
	eachFile(t, "testdata/invalid/*.json", func(t *testing.T, name string, src []byte) {
		c, err := Parse(filepath.Base(name), src)
		problems, ok := err.(Problems)
		if !ok {
			t.Fatalf("got error %v, want Problems", err)
		}
		wantFile(t, name, lines(c.Warnings, problems))
	})
}

func TestMerge(t *testing.T) {
	cases, err := filepath.Glob("testdata/merge/*")
	if err != nil || len(cases) == 0 {
		t.Fatal("no cases", err)
	}
	for _, dir := range cases {
		t.Run(filepath.Base(dir), func(t *testing.T) {
			c, err := Load(filepath.Join(dir, "in"))
			var all string
			if problems, ok := err.(Problems); ok {
				all = lines(c.Warnings, problems)
			} else if err != nil {
				t.Fatal(err)
			} else {
				all = lines(c.Warnings, nil)
				sameConfig(t, c, filepath.Join(dir, "want.json"))
			}
			all = strings.ReplaceAll(all, filepath.Join(dir, "in")+string(filepath.Separator), "")
			wantFile(t, filepath.Join(dir, "problems"), all)
		})
	}
}

// sameConfig compares a configuration with one that is written in one file, places aside.
func sameConfig(t *testing.T, c *Config, name string) {
	t.Helper()
	src, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	want, err := Parse(name, src)
	if err != nil {
		t.Fatal(err)
	}
	if g, w := describe(c), describe(want); g != w {
		t.Errorf("got\n%s\nwant\n%s", g, w)
	}
}

// describe is everything a configuration says, without places.
func describe(c *Config) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%+v\n", c.Agent)
	if c.Metrics != nil {
		m := *c.Metrics
		m.Plugins = nil
		fmt.Fprintf(&b, "%+v\n", m)
		for _, p := range c.Metrics.Plugins {
			fmt.Fprintln(&b, p.Key())
		}
	}
	if c.Logs != nil {
		l := *c.Logs
		l.Files = nil
		fmt.Fprintf(&b, "%+v\n", l)
		for _, f := range c.Logs.Files {
			fmt.Fprintln(&b, f.Key())
		}
	}
	return b.String()
}

func TestCommonConfig(t *testing.T) {
	eachFile(t, "testdata/common/*.toml", func(t *testing.T, name string, src []byte) {
		c, warnings, err := ParseCommon(filepath.Base(name), src)
		problems, ok := err.(Problems)
		if err != nil && !ok {
			t.Fatalf("got error %v, want Problems", err)
		}
		all := lines(warnings, problems)
		if err == nil {
			all += fmt.Sprintf("%+v\n", c)
		}
		wantFile(t, name, all)
	})
}

// "A config with ten mistakes gives ten placed errors", each on its own line of the file.
func TestTenMistakes(t *testing.T) {
	src, err := os.ReadFile("testdata/invalid/ten-mistakes.json")
	if err != nil {
		t.Fatal(err)
	}
	_, err = Parse("ten.json", src)
	problems, _ := err.(Problems)
	if len(problems) != 10 {
		t.Errorf("got %d mistakes, want 10:\n%v", len(problems), err)
	}
	for _, p := range problems {
		if p.Warning || p.File != "ten.json" || p.Line < 1 || p.Column < 1 || p.Path == "" || p.Text == "" {
			t.Errorf("not a placed mistake: %+v", p)
		}
	}
}

func eachFile(t *testing.T, pattern string, test func(t *testing.T, name string, src []byte)) {
	t.Helper()
	names, err := filepath.Glob(pattern)
	if err != nil || len(names) == 0 {
		t.Fatalf("no cases for %s: %v", pattern, err)
	}
	for _, name := range names {
		t.Run(strings.TrimSuffix(filepath.Base(name), filepath.Ext(name)), func(t *testing.T) {
			src, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			test(t, name, src)
		})
	}
}

func lines(warnings []Problem, mistakes Problems) string {
	var b strings.Builder
	for _, p := range mistakes {
		fmt.Fprintln(&b, p.Error())
	}
	for _, p := range warnings {
		fmt.Fprintln(&b, "warning:", p.Error())
	}
	return b.String()
}

// wantFile compares with the .want file beside a case; without one there is to be nothing.
func wantFile(t *testing.T, name, got string) {
	t.Helper()
	name = strings.TrimSuffix(name, filepath.Ext(name)) + ".want"
	if os.Getenv("UPDATE_WANT") != "" {
		if got == "" {
			os.Remove(name)
		} else if err := os.WriteFile(name, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
