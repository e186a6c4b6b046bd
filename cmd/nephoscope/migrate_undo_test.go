//go:build unix

package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nephoscope/nephoscope/internal/migrate"
)

// The way back: what was read here is told to the original, nothing of ours changes, and coming again goes on with that.
func TestUndoHasTheOriginalGoOnWhereWeStopped(t *testing.T) {
	b := newBed(t)
	root := b.path("root")
	home, state := filepath.Join(root, "opt/aws/amazon-cloudwatch-agent"), filepath.Join(root, "var/lib/nephoscope")
	b.must(os.MkdirAll(filepath.Join(home, "etc/amazon-cloudwatch-agent.d"), 0o755))
	b.must(os.MkdirAll(filepath.Dir(filepath.Join(root, b.dir)), 0o755))
	b.must(os.Symlink(b.dir, filepath.Join(root, b.dir))) // the log file lies under the root as well
	b.config(oneLog)
	config, err := os.ReadFile(b.path("config.json"))
	b.must(err)
	b.must(os.WriteFile(filepath.Join(home, "etc/amazon-cloudwatch-agent.d/file_config.json"), config, 0o644))
	for _, name := range []string{"amazon-cloudwatch-agent.json", "amazon-cloudwatch-agent.d/file_amazon-cloudwatch-agent.json"} {
		b.must(os.WriteFile(filepath.Join(home, "etc", name), []byte(`{}`), 0o644)) // the legacy one, as it was taken over
	}
	lines, text := numbered(0, 60)
	b.write("access.log", text)
	b.start("--state", state)
	b.until("the lines", func() bool { return len(b.events("g", "s")) >= len(lines) })

	if out, errs, status := nephoscope(t, "", "migrate", "--root", root, "--undo"); status != exitFine || !strings.Contains(out, "The agent runs, and would be stopped") {
		t.Errorf("status %d: %s%s", status, out, errs)
	}
	if out, errs, status := nephoscope(t, "", "migrate", "--root", root, "--undo", "--apply"); status != exitFine || !strings.Contains(out, "The agent has been stopped") {
		t.Fatalf("status %d: %s%s", status, out, errs)
	}
	b.must(<-b.ended)
	b.cmd = nil
	b.write("access.log", "unread\n")

	before := treeOf(t, state)
	out, errs, status := nephoscope(t, "", "migrate", "--root", root, "--undo", "--apply", "--json")
	var got undone
	if err := json.Unmarshal([]byte(out), &got); err != nil || status != exitFine || !got.OK || len(got.Positions) != 1 {
		t.Fatalf("status %d, %v: %s%s", status, err, out, errs)
	}
	if p := got.Positions[0]; p.Offset != int64(len(text)) || p.Unread != 7 || p.Changed { // it was told before
		t.Errorf("got %+v", p)
	}
	path := b.path("access.log")
	said, err := os.ReadFile(filepath.Join(home, "logs/state", strings.ReplaceAll(path, "/", "_")))
	if want := fmt.Sprintf("%d\n%s\n0-%d", len(text), path, len(text)); err != nil || string(said) != want {
		t.Errorf("the original is told %q, %v, want %q", said, err, want)
	}
	if d := difference(before, treeOf(t, state)); d != "" {
		t.Errorf("our state has changed:\n%s", d)
	}
	if _, err := os.Stat(filepath.Join(home, "etc/amazon-cloudwatch-agent.d/file_amazon-cloudwatch-agent.json")); err == nil {
		t.Error("the legacy configuration is still stored twice")
	}
	if out, _, _ := nephoscope(t, "", "migrate", "--root", root, "--undo", "--apply"); !strings.Contains(out, "Nothing to do") {
		t.Errorf("a second time it says:\n%s", out)
	}

	// The original reads on; what it says then is not taken back.
	b.must(os.WriteFile(got.Positions[0].State, fmt.Appendf(nil, "%d\n%s\n0-%d", len(text)+7, path, len(text)+7), 0o644))
	out, _, _ = nephoscope(t, "", "migrate", "--root", root, "--undo", "--apply")
	said, _ = os.ReadFile(got.Positions[0].State)
	if !strings.HasPrefix(string(said), fmt.Sprint(len(text)+7)) || !strings.Contains(out, "the original has read it since") {
		t.Errorf("it holds %q, and we say:\n%s", said, out)
	}

	b.start("--state", state)
	b.until("what we had not read", func() bool { return len(b.events("g", "s")) > len(lines) })
	b.stop()
	if got := b.events("g", "s"); len(got) != len(lines)+1 {
		t.Errorf("coming again has sent %d events, want %d", len(got), len(lines)+1)
	}
}

// Names come from whoever could make a file: a terminal obeys none of them.
func TestUndoPrintsNamesThatATerminalDoesNotObey(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	bad := "/tmp/\x1b[2J\xff.log"
	r := undone{OK: true, Positions: []migrate.Position{{Path: bad, Left: []migrate.Left{{Path: bad, Bytes: 1}}}}}
	r.print(&b)
	if !strings.Contains(b.String(), "[2J") || strings.Contains(b.String(), "\x1b") {
		t.Errorf("%q", b.String())
	}
}

func TestUndoRefusesWhatMeansNothingToIt(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"--from", "awslogs"}, {"--output", "x"}, {"--force"}, {"/etc/awslogs.conf"}} {
		if _, errs, status := nephoscope(t, "", append([]string{"migrate", "--undo", "--root", t.TempDir()}, args...)...); status != exitUnread || !strings.Contains(errs, "--undo") {
			t.Errorf("%v: status %d: %s", args, status, errs)
		}
	}
	if out, errs, status := nephoscope(t, "", "migrate", "--undo", "--root", t.TempDir()); status != exitFine || !strings.Contains(out, "Nothing to do") {
		t.Errorf("where nothing is: status %d: %s%s", status, out, errs)
	}
}
