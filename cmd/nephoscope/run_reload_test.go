package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/nephoscope/nephoscope/agent"
)

// reload has the agent read everything again, as ctl does.
func (b *bed) reload() agent.Reloaded {
	b.Helper()
	done, err := agent.Reload(b.Context(), b.path("state"))
	b.must(err)
	return done
}

// answers waits until the agent does.
func (b *bed) answers() {
	b.Helper()
	b.until("an answer", func() bool { _, code := b.ledger(); return code != exitUnread })
}

// replace puts a whole file in the place of another.
func (b *bed) replace(name, text string) {
	b.Helper()
	b.must(os.WriteFile(b.path(name+".new"), []byte(text), 0o600))
	b.must(os.Rename(b.path(name+".new"), b.path(name)))
}

// secondLog is oneLog with another file.
var secondLog = strings.Replace(oneLog, `"collect_list": [`, `"collect_list": [{"file_path": "%DIR%/other.log", "log_group_name": "g2", "log_stream_name": "s"},`, 1)

// hangingMem has the collector mem never come back: what it reads is a pipe that nobody writes to.
func (b *bed) hangingMem() {
	b.Helper()
	b.must(os.Mkdir(b.path("proc"), 0o755))
	b.must(syscall.Mkfifo(b.path("proc/meminfo"), 0o600))
	b.env = append(b.env, "HOST_PROC="+b.path("proc"))
}

var withMem = strings.TrimSuffix(secondLog, "}") + `, "metrics": {"metrics_collected": {"mem": {"measurement": ["used_percent"]}}}}`

func TestReloadOfTheSameChangesNothing(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.config(oneLog)
	b.start()
	b.answers()
	if got := b.reload(); !got.Applied || got.Changed || got.Started+got.Stopped > 0 || got.Undisturbed != 2 {
		t.Errorf("got %+v", got)
	}
	b.config(oneLog + "\n\n")
	if s, code := b.ledger(); code != exitFine || s.Configuration.OnDisk != agent.Differs {
		t.Errorf("changed on disk: status %d, %+v", code, s.Configuration)
	}
	if got := b.reload(); !got.Applied || got.Changed {
		t.Errorf("other words, same meaning: got %+v", got)
	}
	if s, _ := b.ledger(); s.Configuration.OnDisk != agent.Runs || s.Configuration.LogLevel != "info" || s.Configuration.Applied.IsZero() {
		t.Errorf("got %+v", s.Configuration)
	}
	b.config(secondLog)
	if got := b.reload(); !got.Applied || !got.Changed || got.Started != 1 || got.Stopped != 0 || got.Undisturbed != 2 {
		t.Errorf("got %+v", got)
	}
	b.stop()
	if _, err := agent.Reload(t.Context(), b.path("state")); !errors.Is(err, agent.ErrNotRunning) {
		t.Errorf("without an agent: got %v", err)
	}
}

func TestReloadsAtOnceTakeTurns(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.config(oneLog)
	b.start()
	b.answers()
	b.config(secondLog)
	var mu sync.Mutex
	var all []agent.Reloaded
	var work sync.WaitGroup
	for range 5 {
		work.Go(func() {
			done, err := agent.Reload(t.Context(), b.path("state"))
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			all = append(all, done)
		})
	}
	work.Wait()
	changed := 0
	for _, r := range all {
		if !r.Applied {
			t.Errorf("got %+v", r)
		}
		if r.Changed {
			changed++
		}
	}
	if changed != 1 {
		t.Errorf("%d of them changed something", changed)
	}
}

func TestReloadUnderLoadLosesAndRepeatsNothing(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	retained := func(days int) string {
		return strings.Replace(logAndMetrics, `"retention_in_days": 7`, fmt.Sprintf(`"retention_in_days": %d`, days), 1)
	}
	b.config(retained(7))
	b.write("access.log", "")
	b.start()
	b.answers()
	ctx, cancel := context.WithCancel(t.Context())
	var want []string
	var work sync.WaitGroup
	work.Go(func() {
		for ctx.Err() == nil {
			var lines strings.Builder
			for range 50 {
				want = append(want, fmt.Sprintf("line %06d", len(want)))
				lines.WriteString(want[len(want)-1] + "\n")
			}
			b.write("access.log", lines.String())
		}
	})
	for _, days := range []int{14, 30, 7, 14, 30, 7, 14, 30} {
		arrived := len(b.events("g", "s"))
		b.config(retained(days))
		if got := b.reload(); !got.Applied || got.Started != 1 || got.Stopped != 1 {
			t.Errorf("got %+v", got)
		}
		b.until("something more", func() bool { return len(b.events("g", "s")) > arrived })
	}
	cancel()
	work.Wait()
	b.until("all lines", func() bool { return len(b.events("g", "s")) >= len(want) })
	if got := b.events("g", "s"); !slices.Equal(got, want) {
		t.Errorf("got %d events, want %d", len(got), len(want))
	}
	b.stop()
}

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

func TestRefusedReloadIsSeenUntilAGoodOneComes(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.config(oneLog)
	b.start()
	b.answers()
	b.replace("config.json", `{"logs": {"logs_collected": 5, "force_flush_interval": "x"}}`)
	got := b.reload()
	if got.Applied || len(got.Problems) != 2 || got.Problems[0].Line != 1 || !strings.Contains(got.Reason, "config.json:1:") || !strings.Contains(got.Reason, "(and 1 more)") {
		t.Errorf("got %+v", got)
	}
	if s, code := b.ledger(); code != exitMistakes || len(s.Reasons) != 1 || !strings.Contains(s.Reasons[0].What, got.Reason) || s.Reasons[0].Since.IsZero() {
		t.Errorf("status %d, %+v", code, s.Reasons)
	}
	b.config(oneLog) // as it was: nothing is to be reloaded
	if s, code := b.ledger(); code != exitFine {
		t.Errorf("status %d, %+v", code, s.Reasons)
	}
	b.must(os.Remove(b.path("config.json")))
	if got := b.reload(); got.Applied || !strings.Contains(got.Reason, "no such file") {
		t.Errorf("got %+v", got)
	}
	if s, code := b.ledger(); code != exitMistakes || s.Configuration.OnDisk != agent.Unreadable {
		t.Errorf("status %d, %+v", code, s.Configuration)
	}
	b.config(secondLog)
	if got := b.reload(); !got.Applied {
		t.Errorf("got %+v", got)
	}
	if s, code := b.ledger(); code != exitFine || s.Configuration.Refused != "" {
		t.Errorf("status %d, %+v", code, s.Configuration)
	}
	b.stop()
}

func TestServiceThatIsAwayIsNoReasonToGoBack(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.answer(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) })
	b.config(oneLog)
	b.write("access.log", "a\n")
	b.write("other.log", "x\n")
	b.start("--mode", "ec2") // whose metadata service does not answer
	b.answers()
	b.config(strings.Replace(secondLog, `"log_group_name": "g2", "log_stream_name": "s"`, `"log_group_name": "g2"`, 1)) // named after the instance
	if got := b.reload(); !got.Applied || got.Started != 2 {
		t.Errorf("got %+v", got)
	}
	b.answer(nil)
	b.until("the line", func() bool { return slices.Equal(b.events("g", "s"), []string{"a"}) })
	b.stop()
}

func TestStatusAddressThatIsTakenIsRefused(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	b.must(err)
	address := l.Addr().String()
	b.must(l.Close())
	with := func(address string) string { return strings.Replace(oneLog, `"region"`, `"status_address": "`+address+`", "region"`, 1) }
	b.config(with(address))
	b.start()
	b.answers()
	taken := strings.TrimPrefix(b.url, "http://")
	b.config(with(taken))
	if got := b.reload(); got.Applied || !strings.Contains(got.Reason, "status_address") {
		t.Errorf("got %+v", got)
	}
	r, err := http.Get("http://" + address + "/healthz")
	b.must(err)
	_ = r.Body.Close()
	if r.StatusCode != http.StatusOK {
		t.Errorf("the old address answers %d", r.StatusCode)
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

func TestLogLevelIsChangedLiveAndKept(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.config(oneLog)
	level := func(want string) {
		t.Helper()
		b.answers()
		if s, _ := b.ledger(); s.Configuration.LogLevel != want {
			t.Errorf("got %s, want %s", s.Configuration.LogLevel, want)
		}
	}
	b.replace("env.json", `{}`)
	args := []string{"--env-config", b.path("env.json")}
	b.start(args...)
	level("info")
	b.replace("env.json", `{"CWAGENT_LOG_LEVEL": "Debug", "SOMETHING_ELSE": "stays"}`)
	if got := b.reload(); !got.Applied || !got.Changed || got.Started+got.Stopped > 0 {
		t.Errorf("got %+v", got)
	}
	level("debug")
	b.stop()
	b.start(args...)
	level("debug")
	b.replace("env.json", `{"CWAGENT_LOG_LEVEL": "OFF"}`)
	b.reload()
	level("off")
	said := len(b.output.String())
	b.config(secondLog)
	if got := b.reload(); !got.Applied || len(b.output.String()) > said {
		t.Errorf("said something: %s", b.output.String()[said:])
	}
	b.stop()
	b.config(strings.Replace(oneLog, `"region"`, `"debug": true, "region"`, 1))
	b.start(append(args, "--log-level", "WARN")...)
	level("warn")
	b.stop()
	b.start(args...)
	level("off") // which comes before agent.debug
	b.replace("env.json", `{}`)
	b.reload()
	level("debug")
	b.replace("env.json", `{"CWAGENT_LOG_LEVEL": "LOUD"}`)
	if got := b.reload(); !got.Applied || len(got.Problems) == 0 || !strings.Contains(got.Problems[0].Text, `"LOUD"`) {
		t.Errorf("got %+v", got)
	}
	b.stop()
}

func TestEnvironmentComesAndGoesWithItsFile(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.config(oneLog)
	// A name that nobody can resolve, and a proxy that nobody answers at.
	b.env = append(b.env, "AWS_ENDPOINT_URL=http://logs.example.test", "http_proxy=http://127.0.0.1:1")
	b.write("access.log", "a\n")
	args := []string{"--env-config", b.path("env.json")}
	b.replace("env.json", `{"A": 5}`)
	b.start(args...)
	if err := <-b.ended; err == nil || b.cmd.ProcessState.ExitCode() != exitMistakes || !b.said("env.json:1:7: A: must be a string, not a number") {
		t.Errorf("ended with %v", err)
	}
	b.cmd = nil
	b.replace("env.json", `{}`)
	b.start(args...)
	b.until("a complaint", func() bool { return b.said("trying again") })
	vars, err := json.Marshal(map[string]string{"HTTP_PROXY": b.url})
	b.must(err)
	hosts := b.noting(func(r *http.Request) string {
		host := r.Host
		r.Host = "127.0.0.1"
		return host
	})
	b.replace("env.json", string(vars))
	if got := b.reload(); !got.Applied || !got.Changed || got.Started+got.Stopped > 0 {
		t.Errorf("got %+v", got)
	}
	b.until("the line by way of the proxy", func() bool { return len(b.events("g", "s")) == 1 })
	if got := hosts(); !slices.Equal(got, []string{"logs.example.test"}) {
		t.Errorf("got %v", got)
	}
	before := len(b.output.String())
	b.replace("env.json", `{}`)
	if got := b.reload(); !got.Applied || !got.Changed {
		t.Errorf("got %+v", got)
	}
	b.write("access.log", "b\n")
	b.until("a complaint without the proxy", func() bool { return strings.Contains(b.output.String()[before:], "trying again") })
	b.replace("env.json", `{"A`)
	if got := b.reload(); got.Applied || !strings.Contains(got.Reason, "env.json:1:") {
		t.Errorf("got %+v", got)
	}
	b.stop()
}

func TestCommonConfigurationIsReadAgain(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.config(oneLog)
	b.without("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
	b.credentials("FIRST")
	b.write("second", "[default]\naws_access_key_id = SECOND\naws_secret_access_key = x\n")
	keys := b.noting(keyOf)
	b.write("access.log", "a\n")
	b.start()
	b.until("a line", func() bool { return len(b.events("g", "s")) == 1 })
	b.replace("common-config.toml", "[credentials]\nshared_credential_file = \""+b.path("second")+"\"\n")
	if got := b.reload(); !got.Applied || !got.Changed || got.Started+got.Stopped > 0 {
		t.Errorf("got %+v", got)
	}
	b.write("access.log", "b\n")
	b.until("another line", func() bool { return len(b.events("g", "s")) == 2 })
	if got := keys(); !slices.Equal(got, []string{"FIRST", "SECOND"}) {
		t.Errorf("signed with %v", got)
	}
	b.replace("common-config.toml", "[credentials\n")
	if got := b.reload(); got.Applied || !strings.Contains(got.Reason, "common-config.toml:1:") {
		t.Errorf("got %+v", got)
	}
	b.stop()
}

func TestProxyOfTheMoment(t *testing.T) {
	f := func(environment map[string]string, url, want string) {
		t.Helper()
		for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"} {
			t.Setenv(name, environment[name])
		}
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
		if err != nil {
			t.Fatal(err)
		}
		got := "none"
		if proxy, err := proxyNow()(r); err != nil {
			t.Error(err)
		} else if proxy != nil {
			got = proxy.String()
		}
		if got != want {
			t.Errorf("%v, %s: got %s, want %s", environment, url, got, want)
		}
	}
	const proxy, logs = "http://proxy:3128", "https://logs.eu-west-1.amazonaws.com/"
	f(map[string]string{}, logs, "none")
	f(map[string]string{"HTTPS_PROXY": proxy}, logs, proxy)
	f(map[string]string{"https_proxy": proxy}, logs, proxy)
	f(map[string]string{"https_proxy": proxy, "no_proxy": ".amazonaws.com"}, logs, "none")
	f(map[string]string{"https_proxy": proxy, "NO_PROXY": "logs.eu-west-1.amazonaws.com"}, logs, "none")
	f(map[string]string{"https_proxy": proxy, "NO_PROXY": "example.com"}, logs, proxy)
	f(map[string]string{"http_proxy": proxy}, "http://169.254.169.254/latest/", "none")
	f(map[string]string{"http_proxy": proxy}, "http://[fd00:ec2::254]/latest/", "none")
}

func TestLogMovesToAnotherFile(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	with := func(path string) string { return strings.Replace(oneLog, `"region"`, `"logfile": "`+path+`", "region"`, 1) }
	b.config(with("%DIR%/first.own"))
	b.start()
	b.answers()
	b.config(with("%DIR%/new/second.own"))
	if got := b.reload(); !got.Applied || !got.Changed {
		t.Errorf("got %+v", got)
	}
	b.write("not-a-folder", "")
	b.config(with("%DIR%/not-a-folder/x.own"))
	if got := b.reload(); got.Applied || !strings.Contains(got.Reason, "open log") {
		t.Errorf("got %+v", got)
	}
	b.stop()
	first, _ := os.ReadFile(b.path("first.own"))
	second, _ := os.ReadFile(filepath.Join(b.dir, "new", "second.own"))
	if !strings.Contains(string(first), "the log goes on elsewhere") || strings.Contains(string(first), "not applied") || !strings.Contains(string(second), "not applied") || !strings.Contains(string(second), "stopped") {
		t.Errorf("got\n%s\nand\n%s", first, second)
	}
}
