package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nephoscope/nephoscope/agent"
	"github.com/nephoscope/nephoscope/config"
)

func TestContainerReadsWhatIsMountedAndElseItsVariable(t *testing.T) {
	dir := t.TempDir()
	f := func(folder, content, want string) {
		t.Helper()
		t.Setenv(containerContent, content)
		got, err := containerConfig(folder)
		if got != want || (err == nil) != (want != "") || err != nil && !strings.Contains(err.Error(), folder) {
			t.Errorf("%s, %q: got %q, %v", folder, content, got, err)
		}
	}
	const content = `{"metrics": {"metrics_collected": {"mem": {"measurement": ["total"]}}}}`
	absent := filepath.Join(dir, "absent")
	f(absent, "", "")
	f(absent, content, "env:"+containerContent)
	f(dir, "", "")
	f(dir, content, "env:"+containerContent)
	if err := os.WriteFile(filepath.Join(dir, "agent.json"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	f(dir, content, dir) // its mistakes are told, rather than something else run
	t.Setenv(containerContent, content)
	if c, err := config.Load("env:" + containerContent); err != nil || len(c.Metrics.Plugins) != 1 {
		t.Errorf("%v, %v", c, err)
	}
	if _, err := config.Load("env:NEPHOSCOPE_NO_SUCH_VARIABLE"); err == nil || !strings.Contains(err.Error(), `"NEPHOSCOPE_NO_SUCH_VARIABLE"`) {
		t.Errorf("got %v", err)
	}
}

func TestProbeSaysNothingWhileSomethingGetsThrough(t *testing.T) {
	b := newBed(t)
	b.config(`{"metrics": {"metrics_collected": {"mem": {"measurement": ["total"]}}}}`)
	if out, errs, status := nephoscope(t, "", "status", "--probe", "--state", b.path("state")); status != exitMistakes || out != "" || !strings.Contains(errs, "no agent runs") {
		t.Errorf("without an agent: status %d\n%s%s", status, out, errs)
	}
	b.start()
	b.until("an agent that answers", func() bool {
		out, errs, status := nephoscope(t, "", "status", "--probe", "--state", b.path("state"))
		return status == exitFine && out == "" && errs == ""
	})
	b.stop()
}

func TestProbeFailsWhenNothingGetsThrough(t *testing.T) {
	reasons := []agent.Reason{{What: "no log event has been acknowledged for 10m"}}
	if err := probed(agent.Status{Health: agent.Failing, Reasons: reasons}); err == nil || !strings.Contains(err.Error(), reasons[0].What) {
		t.Errorf("failing: got %v", err)
	}
	if err := probed(agent.Status{Health: agent.Degraded, Reasons: reasons}); err != nil {
		t.Errorf("degraded: got %v", err)
	}
}

func TestCheckForAnotherSystem(t *testing.T) {
	const c = `{"agent": {"run_as_user": "nobody-of-that-name"}, "metrics": {"metrics_collected": {"diskio": {"measurement": ["io_time", "reads"]}}}}`
	f := func(system, want string, status int) {
		t.Helper()
		out, errs, got := nephoscope(t, c, "check", "--os", system, "-")
		if got != status || !strings.Contains(out+errs, want) {
			t.Errorf("%s: status %d\n%s%s", system, got, out, errs)
		}
	}
	f("darwin", "standard input:1:112: metrics.metrics_collected.diskio.measurement[0]: diskio_io_time is not measured on macOS; it is ignored", exitFine)
	f("windows", `agent.run_as_user: "run_as_user" does nothing on Windows: it is for Linux`, exitFine)
	f("beos", "unknown system --os beos (darwin, linux, windows)", exitUnread)
}
