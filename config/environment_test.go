package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"strings"
	"testing"
)

func TestEnvironmentOfTheOriginal(t *testing.T) {
	src := "{\n\t\"CWAGENT_LOG_LEVEL\": \"DEBUG\",\n\t\"HTTPS_PROXY\": \"http://me:pa\\u0020ss@proxy:3128\",\n\t\"MINE\": \"\"\n}"
	got, warnings, err := ParseEnvironment("env-config.json", []byte(src))
	want := map[string]string{"CWAGENT_LOG_LEVEL": "DEBUG", "HTTPS_PROXY": "http://me:pa ss@proxy:3128", "MINE": ""}
	if err != nil || len(warnings) > 0 || !maps.Equal(got, want) {
		t.Errorf("got %q, %v, %v", got, warnings, err)
	}
}

func TestMistakesOfAnEnvironment(t *testing.T) {
	f := func(src, want string) {
		t.Helper()
		got, _, err := ParseEnvironment("env.json", []byte(src))
		if _, ok := errors.AsType[Problems](err); !ok || got != nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: got %v, %v", src, got, err)
		}
	}
	f(`{"A": 5}`, `env.json:1:7: A: must be a string, not a number (put it in double quotes)`)
	f(`{"A": null}`, `env.json:1:7: A: must be a string`)
	f(`{"A": {"B": "x"}}`, `env.json:1:7: A: must be a string, not an object`)
	f(`["A"]`, `env.json:1:1: must be an object, not a list`)
	f(`{"A=B": "x"}`, `env.json:1:2: A=B: "A=B" cannot be the name of an environment variable`)
	f(`{"": "x"}`, `env.json:1:2: "" cannot be the name`)
	f(`{"A": "x\u0000"}`, `env.json:1:7: A: an environment variable cannot hold a zero byte`)
	f(`{"A": "x",}`, `env.json:1:10: `)
	f(`{"A": "x"`, `env.json:1:`)
	f(`A: x`, `env.json:1:1: this looks like YAML`)
	f(`{"A": 5, "B": 6}`, "env.json:1:7: A: must be a string, not a number (put it in double quotes)\nenv.json:1:15: B: ")
}

func TestEmptyEnvironmentSaysNothing(t *testing.T) {
	for _, src := range []string{"", " \n", "{}"} {
		if got, warnings, err := ParseEnvironment("env.json", []byte(src)); err != nil || len(warnings) > 0 || len(got) > 0 {
			t.Errorf("%q: got %v, %v, %v", src, got, warnings, err)
		}
	}
}

func TestLogLevelInTheEnvironment(t *testing.T) {
	f := func(level string, known bool) {
		t.Helper()
		got, warnings, err := ParseEnvironment("env.json", fmt.Appendf(nil, `{"CWAGENT_LOG_LEVEL": %q}`, level))
		if _, there := got[LogLevelVariable]; err != nil || there != known || (len(warnings) == 0) != known {
			t.Errorf("%q: got %v, %v, %v", level, got, warnings, err)
		}
	}
	for _, level := range LogLevels() {
		f(level, true)
		f(strings.ToLower(level), true)
	}
	f("Warn", true)
	f("", true) // as good as not there
	f("LOUD", false)
	f("FATAL", false)
}

func TestDocumentsAreWhatLoadReads(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(dir+"/"+name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("b.json", `{"agent": {"region": "eu-west-1"}}`)
	write("a.json", `{"agent": {"debug": true}}`)
	write("c.tmp", "x")
	write("d.yaml", "x")
	files, skipped, err := ReadDocuments(dir)
	if err != nil || len(skipped) != 1 || len(files) != 2 || files[0].Name != dir+"/a.json" || files[1].Text != `{"agent": {"region": "eu-west-1"}}` {
		t.Fatalf("got %q, %v, %v", files, skipped, err)
	}
	c, err := LoadDocuments(files)
	if err != nil || !c.Agent.Debug || c.Agent.Region != "eu-west-1" || c.At("agent.region").File != dir+"/b.json" {
		t.Errorf("got %+v, %v", c, err)
	}
	if _, _, err := ReadDocuments(dir + "/x"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}

// FuzzParseEnvironment: no input makes it panic; what it accepts is what encoding/json reads as a map of strings.
func FuzzParseEnvironment(f *testing.F) {
	for _, seed := range []string{`{}`, `{"A": "x"}`, `{"A": 5}`, `{"A": "x",}`, "\xef\xbb\xbf{\"A\":\"\\u00e9\"}", `{"A": "x", "A": "y"}`, `[`, "A: x", `{"CWAGENT_LOG_LEVEL": "x"}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		got, warnings, err := ParseEnvironment("e", src)
		if err != nil {
			if ps, ok := errors.AsType[Problems](err); !ok || len(ps) == 0 || ps[0].Line < 1 || got != nil {
				t.Errorf("got %v, %v", got, err)
			}
			return
		}
		if len(strings.TrimSpace(string(src))) == 0 || len(warnings) > 0 {
			return
		}
		want := map[string]string{}
		if err := json.Unmarshal([]byte(strings.TrimPrefix(string(src), "\ufeff")), &want); err != nil || !maps.Equal(got, want) {
			t.Errorf("got %q, encoding/json reads %q, %v", got, want, err)
		}
	})
}
