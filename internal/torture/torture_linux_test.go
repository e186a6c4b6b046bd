package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestAgentSurvivesAShortTorture(t *testing.T) {
	dir := t.TempDir()
	agent := filepath.Join(dir, "nephoscope")
	if said, err := exec.Command("go", "build", "-o", agent, "github.com/nephoscope/nephoscope/cmd/nephoscope").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	o := options{duration: 15 * time.Second, seed: 1, files: 6, rate: 2000, agent: agent, progress: io.Discard}
	r, err := run(t.Context(), o, dir)
	if err != nil {
		t.Fatal(err)
	}
	var said strings.Builder
	if err := r.print(&said, false); err != nil {
		t.Fatal(err)
	}
	t.Log(said.String())
	if len(r.Problems) > 0 {
		history, _ := os.ReadFile(filepath.Join(dir, "history.log"))
		t.Errorf("%d problems; what happened:\n%s", len(r.Problems), history)
	}
	if r.Kills == 0 || r.rotations() < 3 || r.Outages == 0 {
		t.Errorf("%d kills, %d rotations, %d outages: that is no torture", r.Kills, r.rotations(), r.Outages)
	}
}

func TestLedgersThatDoNotBalanceAreAProblem(t *testing.T) {
	tortured := writers(t)
	tortured.writers = tortured.writers[:1]
	path := tortured.writers[0].path
	agent := filepath.Join(tortured.dir, "agent")
	f := func(says, want string) {
		t.Helper()
		script := fmt.Sprintf("#!/bin/sh\n[ \"$*\" = 'status --json --state %s/state' ] || exit 1\ncat <<'END'\n%s\nEND\n", tortured.dir, says)
		if err := os.WriteFile(agent, []byte(script), 0o700); err != nil {
			t.Fatal(err)
		}
		var err error
		if tortured.agent, err = newAgent(agent, tortured.dir, "http://127.0.0.1:1", nil); err != nil {
			t.Fatal(err)
		}
		got := strings.Join(tortured.wrongLedgers(t.Context()), "\n")
		if !strings.Contains(got, want) || want == "" && got != "" {
			t.Errorf("said of %s: %q, want %q", says, got, want)
		}
	}
	books := func(rest string) string { return fmt.Sprintf(`{"logs": [{"path": %q, %s}]}`, path, rest) }
	f(books(`"read": {"events": 3, "bytes": 30}, "sent": {"events": 2, "bytes": 20}, "blank": {"events": 1, "bytes": 10}`), "")
	f(books(`"read": {"events": 3, "bytes": 30}, "sent": {"events": 2, "bytes": 30}`), "does not balance")
	f(books(`"read": {"events": 3, "bytes": 30}, "sent": {"events": 2, "bytes": 20}, "pending": {"events": 1, "bytes": 10}`), "something pending")
	f(books(`"read": {"events": 1, "bytes": 10}, "rejected": {"too_old": {"events": 1, "bytes": 10}}`), "says that the service rejected events")
	f(`{"logs": []}`, path+" is not in it")
	f(`not JSON`, "is no JSON")

	if err := os.WriteFile(agent, []byte("#!/bin/sh\nexit 1\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	tortured.checkLedgers(t.Context())
	if len(tortured.wrong) != 0 || len(tortured.notes) != 1 || !strings.Contains(tortured.notes[0], "no status command") {
		t.Errorf("an agent without the command: %q %q", tortured.wrong, tortured.notes)
	}
}
