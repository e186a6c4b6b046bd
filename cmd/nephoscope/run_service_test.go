package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/nephoscope/nephoscope/agent"
)

// hear waits for something that the agent tells its service manager.
func (b *bed) hear(heard <-chan string, want string) {
	b.Helper()
	b.until("to the manager: "+want, func() bool {
		for {
			select {
			case said := <-heard:
				if strings.Contains(said, want) {
					return true
				}
			default:
				return false
			}
		}
	})
}

// managed has the agent started as systemd would; what it says there comes on the channel.
func (b *bed) managed() <-chan string {
	b.Helper()
	dir, err := os.MkdirTemp("", "m") // a short path, as unix sockets need it
	b.must(err)
	b.Cleanup(func() { _ = os.RemoveAll(dir) })
	heard := listening(b.T, filepath.Join(dir, "n"))
	b.must(os.Chmod(dir, 0o755))
	b.must(os.Chmod(filepath.Join(dir, "n"), 0o666))
	b.env = append(b.env, "NOTIFY_SOCKET="+filepath.Join(dir, "n"))
	return heard
}

func TestManagerIsToldOfStartReloadHealthAndStop(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	heard := b.managed()
	b.must(os.Mkdir(b.path("run"), 0o755))
	b.env = append(b.env, "WATCHDOG_USEC=600000", "RUNTIME_DIRECTORY="+b.path("run"))
	b.config(oneLog)
	b.write("access.log", "a\n")
	b.start()
	b.hear(heard, "READY=1\nSTATUS=started")
	b.answers()
	b.hear(heard, "WATCHDOG=1")
	if raw, err := os.ReadFile(b.path("run/" + pidName)); err != nil || strings.TrimSpace(string(raw)) != strconv.Itoa(b.cmd.Process.Pid) {
		t.Errorf("pid file: %q, %v", raw, err)
	}
	b.hear(heard, "STATUS=shipping 1 log file")
	b.reload()
	b.hear(heard, "RELOADING=1")
	b.hear(heard, "READY=1")
	b.config(`{"logs": [}`)
	b.reload()
	b.hear(heard, "STATUS=degraded: ")
	b.stop()
	for said := range heard { // stop has waited for its end
		if strings.Contains(said, "STOPPING=1") {
			return
		}
	}
}

func TestWithoutConfigurationAServiceSaysHowAndEndsWell(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	heard := b.managed()
	path, err := binary()
	b.must(err)
	f := func(said string, want int) {
		t.Helper()
		b.output = &syncBuffer{}
		b.cmd = exec.Command(path, "run", "--root", b.dir)
		b.cmd.Env, b.cmd.Stdout, b.cmd.Stderr = b.env, b.output, b.output
		_ = b.cmd.Run()
		if got := b.cmd.ProcessState.ExitCode(); got != want || !b.said(said) {
			t.Errorf("ended with %d:\n%s", got, b.output)
		}
		b.cmd = nil
	}
	f("amazon-cloudwatch-agent-config-wizard", exitFine)
	if said := <-heard; !strings.HasPrefix(said, "READY=1\nSTATUS=not configured") {
		t.Errorf("the manager was told %q", said)
	}
	b.must(os.MkdirAll(b.path("opt/aws/amazon-cloudwatch-agent/etc/amazon-cloudwatch-agent.d"), 0o755))
	f("fetch-config", exitFine) // as the package leaves it
	b.env = b.env[:len(b.env)-1]
	b.must(os.RemoveAll(b.path("opt")))
	f("no configuration", exitUnread) // on a terminal
}

func TestServiceThatCannotStartSaysWhy(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	heard := b.managed()
	b.config(`{"logs": [}`)
	b.start()
	b.hearEnded(heard, "STATUS=not running: the configuration has mistakes")
}

// hearEnded is hear of an agent that ends.
func (b *bed) hearEnded(heard <-chan string, want string) {
	b.Helper()
	if err := <-b.ended; err == nil {
		b.Error("it ended well")
	}
	b.cmd = nil
	if said := <-heard; !strings.Contains(said, want) {
		b.Errorf("the manager was told %q", said)
	}
}

func TestLogThatCannotBeOpenedGoesToStandardError(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("NOT RUN: links need rights there")
	}
	b := newBed(t)
	b.config(oneLog)
	b.must(os.Symlink(b.path("elsewhere"), b.path("agent.log")))
	b.write("access.log", "a\n")
	b.start("--log-file", b.path("agent.log"))
	b.until("the line", func() bool { return len(b.events("g", "s")) == 1 })
	if !b.said("symbolic link") || !b.said("the log goes to standard error") {
		t.Errorf("it says:\n%s", b.output)
	}
	if _, err := os.Lstat(b.path("elsewhere")); err == nil {
		t.Error("the link was followed")
	}
	b.must(os.Remove(b.path("agent.log")))
	if got := b.reload(); !got.Applied {
		t.Errorf("got %+v", got)
	}
	if raw, err := os.ReadFile(b.path("agent.log")); err != nil {
		t.Errorf("a reload does not look for it again: %q, %v", raw, err)
	}
	b.stop()
}

func TestConfigurationsLogCountsBeforeTheFlags(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.config(oneLog)
	b.start("--log-file", b.path("flag.log"))
	b.answers()
	b.config(strings.Replace(oneLog, `"region"`, `"logfile": "%DIR%/own.log", "region"`, 1))
	if got := b.reload(); !got.Applied || !got.Changed {
		t.Errorf("got %+v", got)
	}
	b.stop()
	for name, want := range map[string]string{"flag.log": "the log goes on elsewhere", "own.log": "stopped"} {
		if raw, err := os.ReadFile(b.path(name)); err != nil || !strings.Contains(string(raw), want) {
			t.Errorf("%s: %v\n%s", name, err, raw)
		}
	}
}

func TestStatusInALine(t *testing.T) {
	f := func(s agent.Status, want string) {
		t.Helper()
		if got := inALine(s); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	collecting := &agent.MetricsLedger{Collectors: make([]agent.CollectorLedger, 2)}
	f(agent.Status{Health: agent.OK}, "running with nothing to ship")
	f(agent.Status{Health: agent.OK, Files: 1}, "shipping 1 log file")
	f(agent.Status{Health: agent.OK, Absent: []string{"/x"}}, "shipping 0 log files")
	f(agent.Status{Health: agent.OK, Files: 3, Metrics: collecting}, "shipping 3 log files and metrics of 2 collectors")
	f(agent.Status{Health: agent.Failing, Files: 3, Reasons: []agent.Reason{{What: "nothing gets through"}}}, "failing: nothing gets through")
	f(agent.Status{Health: agent.Degraded, Reasons: []agent.Reason{{What: "a"}, {What: "b"}, {What: "c"}}}, "degraded: a (and 2 more)")
}
