package config

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

const tiny = `{"metrics": {"metrics_collected": {"mem": {"measurement": ["used"]}}}}`

func write(t *testing.T, name, content string) string {
	t.Helper()
	if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestLoadFileAndFolder(t *testing.T) {
	dir := t.TempDir()
	file := write(t, filepath.Join(dir, "a.json"), tiny)
	more := filepath.Join(dir, "more")
	if err := os.MkdirAll(filepath.Join(more, "folder.json"), 0o755); err != nil {
		t.Fatal(err)
	}
	b := write(t, filepath.Join(more, "b.json"), `{"agent": {"region": "eu-west-1"}}`)
	write(t, filepath.Join(more, "file_c.json.tmp"), "{")
	write(t, filepath.Join(more, ".d.json"), "{")
	write(t, filepath.Join(more, "no-extension"), `{"agent": {"debug": true}}`)
	c, err := Load(file, more)
	if err != nil {
		t.Fatal(err)
	}
	if c.Agent.Region != "eu-west-1" || !c.Agent.Debug || len(c.Metrics.Plugins) != 1 {
		t.Errorf("got %+v", c)
	}
	if at := c.At("agent.region"); at.File != b {
		t.Errorf("agent.region is from %s", at.File)
	}
}

func TestLoadFollowsLinks(t *testing.T) {
	dir := t.TempDir()
	target := write(t, filepath.Join(t.TempDir(), "target"), tiny)
	if err := os.Symlink(target, filepath.Join(dir, "link.json")); err != nil {
		t.Fatal(err)
	}
	if c, err := Load(dir); err != nil || c.Metrics == nil {
		t.Errorf("got %v, %v", c, err)
	}
}

func TestLoadStandardInput(t *testing.T) {
	in, err := os.Open(write(t, filepath.Join(t.TempDir(), "in"), `{"agent": 5}`))
	if err != nil {
		t.Fatal(err)
	}
	before := os.Stdin
	os.Stdin = in
	defer func() { os.Stdin = before }()
	_, err = Load("-")
	if ps, ok := errors.AsType[Problems](err); !ok || ps[0].File != "standard input" {
		t.Errorf("got %v", err)
	}
}

// What could not be read is another kind of error than what is wrong: check exits 2 for it.
func TestLoadCannotRead(t *testing.T) {
	dir := t.TempDir()
	bad := write(t, filepath.Join(dir, "bad.json"), "{")
	f := func(is error, paths ...string) {
		t.Helper()
		_, err := Load(paths...)
		if _, ok := errors.AsType[Problems](err); ok || !errors.Is(err, is) {
			t.Errorf("%q: got %v", paths, err)
		}
	}
	f(fs.ErrInvalid)
	f(fs.ErrNotExist, filepath.Join(dir, "missing.json"))
	f(fs.ErrNotExist, bad, filepath.Join(dir, "missing.json"))
	f(fs.ErrNotExist, t.TempDir()) // an empty folder
	dangling := t.TempDir()
	if err := os.Symlink(filepath.Join(dir, "gone"), filepath.Join(dangling, "a.json")); err == nil {
		f(fs.ErrNotExist, dangling)
	}
}

func TestLoadSaysOfAFolderThatItHoldsNothing(t *testing.T) {
	f := func(want string, paths ...string) {
		t.Helper()
		if _, err := Load(paths...); !errors.Is(err, fs.ErrNotExist) || err.Error() != want {
			t.Errorf("%q: got %v, want %s", paths, err, want)
		}
	}
	a, b := t.TempDir(), t.TempDir()
	f("read configuration: the folder "+a+" holds no configuration", a)
	f("read configuration: the folders "+a+", "+b+" hold no configuration", a, b)
	write(t, filepath.Join(a, "a.yaml"), "agent:\n")
	f("read configuration: the folder "+a+" holds no configuration but YAML, which is not read by this version", a)
}

func TestLoadTooLarge(t *testing.T) {
	name := write(t, filepath.Join(t.TempDir(), "large.json"), "")
	if err := os.Truncate(name, maxFileBytes+1); err != nil {
		t.Fatal(err)
	}
	_, err := Load(name)
	if _, ok := errors.AsType[*fs.PathError](err); !ok {
		t.Errorf("got %v", err)
	}
}

// The order of files means nothing, but for where the second of two different values is.
func TestLoadOrderMeansNothing(t *testing.T) {
	dir := "testdata/merge/sections-join/in"
	a, b, c := filepath.Join(dir, "10-metrics.json"), filepath.Join(dir, "20-logs.json"), filepath.Join(dir, "30-more.json")
	same := func(paths ...string) map[string]bool {
		t.Helper()
		got, err := Load(paths...)
		if err != nil {
			t.Fatal(err)
		}
		keys := map[string]bool{}
		for _, p := range got.Metrics.Plugins {
			keys[p.Key()] = true
		}
		for _, f := range got.Logs.Files {
			keys[f.Key()] = true
		}
		return keys
	}
	want(t, "c b a", same(c, b, a), same(a, b, c))
	want(t, "b c a", same(b, c, a), same(a, b, c))
	want(t, "a a b c", same(a, a, b, c), same(a, b, c))
}
