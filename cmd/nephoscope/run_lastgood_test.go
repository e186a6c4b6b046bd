package main

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

func TestLastGoodConfigurationRunsWhileTheNewOneHasMistakes(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.config(oneLog)
	b.write("access.log", "a\n")
	b.start()
	b.until("that it is kept", func() bool { _, err := os.Stat(b.path("state/last-good/sources.json")); return err == nil })
	b.until("a line", func() bool { return len(b.events("g", "s")) == 1 })
	b.stop()
	if info, err := os.Stat(b.path("state/last-good/sources.json")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("got %v, %v", info, err)
	}
	b.replace("config.json", `{"logs": [}`)
	b.start("--strict")
	if err := <-b.ended; err == nil || b.cmd.ProcessState.ExitCode() != exitMistakes || !b.said("config.json:1:11") {
		t.Errorf("--strict ended with %v", err)
	}
	b.cmd = nil
	b.output = nil
	b.write("access.log", "b\n")
	b.start()
	b.until("a line under the last good configuration", func() bool { return len(b.events("g", "s")) == 2 })
	if !b.said("running with the last good one") || !b.said("ERROR configuration not applied: ") || !b.said("config.json:1:11") {
		t.Error("it is not loud")
	}
	s, code := b.ledger()
	if code != exitMistakes || !s.Configuration.LastGood || len(s.Reasons) != 1 || !strings.Contains(s.Reasons[0].What, "the last good one") || !strings.Contains(s.Reasons[0].What, "config.json:1:11") {
		t.Errorf("status %d, %+v", code, s)
	}
	b.config(oneLog)
	if got := b.reload(); !got.Applied {
		t.Errorf("got %+v", got)
	}
	if s, code := b.ledger(); code != exitFine || s.Configuration.LastGood {
		t.Errorf("status %d, %+v", code, s)
	}
	b.stop()
}

func TestLastGoodIsOfTheSameFilesAlone(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.config(oneLog)
	b.start()
	b.until("that it is kept", func() bool { _, err := os.Stat(b.path("state/last-good/sources.json")); return err == nil })
	b.stop()
	b.replace("other.json", `{"logs": [}`)
	f := func(why string, status int, said string, args ...string) {
		t.Helper()
		path, err := binary()
		b.must(err)
		cmd := exec.Command(path, append([]string{"run", "--state", b.path("state"), "--common-config", b.common()}, args...)...)
		cmd.Env = b.env
		raw, _ := cmd.CombinedOutput() // it fails
		out, code := string(raw), cmd.ProcessState.ExitCode()
		if code != status || !strings.Contains(out, said) || strings.Contains(out, "last good one") {
			t.Errorf("%s: status %d\n%s", why, code, out)
		}
	}
	f("other file", exitMistakes, "other.json:1:11", "--config", b.path("other.json"))
	b.must(os.Remove(b.path("config.json")))
	f("file that was taken away", exitUnread, "no such file", "--config", b.path("config.json"))
}
