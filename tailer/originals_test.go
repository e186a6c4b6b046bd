package tailer

import (
	"compress/gzip"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/nephoscope/nephoscope/config"
)

// originalHost is a host's log folder and the original's state folder, under a root.
type originalHost struct {
	t    *testing.T
	root string
}

func (h originalHost) log(name, content string) {
	h.t.Helper()
	h.write(filepath.Join(h.root, "var", "log", name), content)
}

func (h originalHost) write(path, content string) {
	h.t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		h.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		h.t.Fatal(err)
	}
}

// state writes one that was saved some time from now: logs made now are older than it, or younger.
func (h originalHost) state(name, content string, from time.Duration) {
	h.t.Helper()
	path := filepath.Join(h.root, "state", name)
	h.write(path, content)
	if err := os.Chtimes(path, time.Now().Add(from), time.Now().Add(from)); err != nil {
		h.t.Fatal(err)
	}
}

func (h originalHost) states() map[string]OriginalState {
	h.t.Helper()
	all, err := OriginalStates(filepath.Join(h.root, "state"), h.root)
	if err != nil {
		h.t.Fatal(err)
	}
	named := map[string]OriginalState{}
	for _, s := range all {
		named[s.Name] = s
	}
	return named
}

func TestStatesOfTheOriginalAreListed(t *testing.T) {
	t.Parallel()
	h := originalHost{t, t.TempDir()}
	h.log("whole.log", "one\ntwo\n")
	h.state("_var_log_whole.log", "8\n/var/log/whole.log\n0-8", time.Hour)
	h.log("half.log", "one\ntwo\n")
	h.state("_var_log_half.log", "8\n/var/log/half.log\n0-4,5-8", time.Hour)
	h.state("_var_log_gone.log", "8\n/var/log/gone.log\n0-8", time.Hour)
	h.log("other.log", "x")
	h.state("_var_log_other.log", "8\n/var/log/other.log\n0-8", -time.Hour)
	h.state("_var_log_old.log", "4", time.Hour)
	h.state("_broken", "four\n/x", time.Hour)
	h.write(filepath.Join(h.root, "state", "otel", "receiver"), "bolt")
	all := h.states()
	if len(all) != 6 {
		t.Errorf("%d states, want 6: %v", len(all), all)
	}
	f := func(name, file string, from, size, unread int64) {
		t.Helper()
		s := all[name]
		if file != "" {
			file = filepath.Join(h.root, "var", "log", file)
		}
		if s.Err != nil || s.File != file || s.From != from || s.Size != size || s.File != "" && s.Unread() != unread {
			t.Errorf("%s: got %+v", name, s)
		}
	}
	f("_var_log_whole.log", "whole.log", 8, 8, 0)
	f("_var_log_half.log", "half.log", 4, 8, 4)
	f("_var_log_gone.log", "", 0, -1, 0)
	f("_var_log_other.log", "", 0, 1, 1) // shorter than what was acknowledged, and there is no other
	if s := all["_var_log_half.log"]; !s.Gaps || s.Offset != 4 {
		t.Errorf("gaps: got %+v", s)
	}
	if s := all["_var_log_old.log"]; s.Path != "" || s.Offset != 4 || s.Err != nil {
		t.Errorf("old: got %+v", s)
	}
	if s := all["_broken"]; s.Err == nil {
		t.Errorf("broken: got %+v", s)
	}
}

func TestStateOfAFileThatWasRotatedSince(t *testing.T) {
	t.Parallel()
	h := originalHost{t, t.TempDir()}
	h.state("_var_log_a.log", "4\n/var/log/a.log\n0-4", -time.Hour)
	var packed strings.Builder
	z := gzip.NewWriter(&packed)
	if _, err := z.Write([]byte("one\ntwo\n")); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	h.log("a.log.1.gz", packed.String())
	h.log("a.log", "new\n")
	s := h.states()["_var_log_a.log"]
	if want := filepath.Join(h.root, "var", "log", "a.log.1.gz"); s.File != want || s.From != 4 || s.Unread() != -1 {
		t.Errorf("got %+v, want %s", s, want)
	}
}

func TestListingStatesTouchesNothing(t *testing.T) {
	t.Parallel()
	h := originalHost{t, t.TempDir()}
	if _, err := OriginalStates(filepath.Join(h.root, "state"), h.root); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without a folder: got %v", err)
	}
	h.log("a.log", "one\n")
	h.state("_var_log_a.log", "4\n/var/log/a.log\n0-4", time.Hour)
	path := filepath.Join(h.root, "state", "_var_log_a.log")
	before, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	h.states()
	after, err := os.Stat(path)
	if err != nil || !after.ModTime().Equal(before.ModTime()) || after.Size() != before.Size() {
		t.Errorf("got %v, %v", after, err)
	}
}

func TestWhichEntryFollowsAPath(t *testing.T) {
	t.Parallel()
	f := func(pattern, blacklist, path string, want bool) {
		t.Helper()
		entry := config.File{Path: pattern}
		if blacklist != "" {
			entry.Blacklist = regexp.MustCompile(blacklist)
		}
		if got := Follows(entry, path); got != want {
			t.Errorf("%s without %q, %s: got %t", pattern, blacklist, path, got)
		}
	}
	f("/var/log/a.log", "", "/var/log/a.log", true)
	f("/var/log/a.log", "", "/var/log/b.log", false)
	f("/var/log/*.log", "", "/var/log/b.log", true)
	f("/var/log/*.log", "^b", "/var/log/b.log", false)
	f("/var/log/**.log", "", "/var/log/x/y/b.log", true)
	f("/var/log/[", "", "/var/log/[", false)
}
