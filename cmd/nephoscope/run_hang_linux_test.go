package main

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nephoscope/nephoscope/agent"
)

// hangingMem has the collector mem never come back: what it reads is a pipe that nobody writes to.
func (b *bed) hangingMem() {
	b.Helper()
	b.must(os.Mkdir(b.path("proc"), 0o755))
	b.must(syscall.Mkfifo(b.path("proc/meminfo"), 0o600))
	b.env = append(b.env, "HOST_PROC="+b.path("proc"))
}

var withMem = strings.TrimSuffix(secondLog, "}") + `, "metrics": {"metrics_collected": {"mem": {"measurement": ["used_percent"]}}}}`

func TestConfigurationThatDoesNotComeUpIsTakenBack(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.hangingMem()
	b.config(oneLog)
	b.write("access.log", "a\n")
	b.start("--reload-timeout", "1s")
	b.answers()
	b.config(withMem)
	got := b.reload()
	if got.Applied || got.Changed || !strings.Contains(got.Reason, "not up within 1s: collector mem") {
		t.Errorf("got %+v", got)
	}
	b.write("access.log", "b\nc\n")
	b.until("lines under the old configuration", func() bool { return slices.Equal(b.events("g", "s"), []string{"a", "b", "c"}) })
	s, code := b.ledger()
	if code != exitMistakes || s.Health != agent.Degraded || len(s.Reasons) != 1 || !strings.Contains(s.Reasons[0].What, "not the one that runs") || !strings.Contains(s.Reasons[0].What, "collector mem") {
		t.Errorf("status %d, %+v", code, s.Reasons)
	}
	if s.Files != 1 || s.Configuration.OnDisk != agent.Differs {
		t.Errorf("%d files, %+v", s.Files, s.Configuration)
	}
	if out, _, _ := b.status(); !strings.Contains(out, "what is on disk was refused") {
		t.Errorf("got\n%s", out)
	}
	b.config(secondLog)
	if got := b.reload(); !got.Applied || got.Started != 1 {
		t.Errorf("a good one: got %+v", got)
	}
	if s, code := b.ledger(); code != exitFine || len(s.Reasons) > 0 {
		t.Errorf("after a good one: status %d, %+v", code, s.Reasons)
	}
	b.stop()
}

func TestStopDuringAReloadIsQuick(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.hangingMem()
	b.config(oneLog)
	b.write("access.log", "a\n")
	b.start("--reload-timeout", "1h")
	b.answers()
	b.config(withMem)
	b.must(b.cmd.Process.Signal(syscall.SIGHUP))
	b.until("that it is being applied", func() bool { return b.said(`"stopped": 0, "undisturbed": 2`) })
	if took := b.stop(); took > time.Minute {
		t.Errorf("took %v", took)
	}
}

func TestExplainIsInterruptedWhileACollectorHangs(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.hangingMem()
	b.config(withMem)
	path, err := binary()
	b.must(err)
	cmd := exec.Command(path, "explain", b.path("config.json"))
	cmd.Env = b.env
	b.must(cmd.Start())
	b.until("a collector waits", func() bool {
		pipe, err := os.OpenFile(b.path("proc/meminfo"), os.O_WRONLY|syscall.O_NONBLOCK, 0) // somebody reads
		if err == nil {
			defer pipe.Close()
			b.must(cmd.Process.Signal(os.Interrupt))
		}
		return err == nil
	})
	_ = cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != exitUnread {
		t.Errorf("status %d", code)
	}
}
