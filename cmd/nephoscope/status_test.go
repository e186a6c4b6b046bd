package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"reflect"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/nephoscope/nephoscope/agent"
)

// logAndMetrics is a log file and a metric every second.
var logAndMetrics = strings.TrimSuffix(oneLog, "}") + `, "metrics": {"force_flush_interval": 1, "metrics_collected": {
	"mem": {"measurement": ["used_percent"], "metrics_collection_interval": 1}}}}`

// status runs the command beside the agent.
func (b *bed) status(args ...string) (out, complaint string, code int) {
	b.Helper()
	path, err := binary()
	b.must(err)
	var stdout, stderr bytes.Buffer
	cmd := exec.Command(path, append([]string{"status", "--state", b.path("state")}, args...)...)
	cmd.Env, cmd.Stdout, cmd.Stderr = b.env, &stdout, &stderr
	if err := cmd.Run(); err != nil {
		if _, ended := errors.AsType[*exec.ExitError](err); !ended {
			b.Fatal(err)
		}
	}
	return stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()
}

// ledger is what status --json says; nothing while no agent answers.
func (b *bed) ledger() (s agent.Status, code int) {
	b.Helper()
	out, _, code := b.status("--json")
	if code != exitUnread {
		b.must(json.Unmarshal([]byte(out), &s))
	}
	return s, code
}

func TestLedgerBalances(t *testing.T) {
	b := newBed(t)
	b.config(strings.Replace(logAndMetrics, `"log_stream_name": "s",`, `"log_stream_name": "s", "filters": [{"type": "exclude", "expression": "secret"}],`, 1))
	b.write("access.log", "\none\nsecret\ntwo\nno end")
	b.start()
	b.until("everything is acknowledged", func() bool {
		s, _ := b.ledger()
		return s.Total.Sent.Events == 2 && s.Total.Pending.Events == 0 && s.Metrics != nil && s.Metrics.Sent > 0
	})
	s, code := b.ledger()
	if code != exitFine || s.Health != agent.OK || len(s.Reasons) > 0 {
		t.Errorf("status %d, %s %+v", code, s.Health, s.Reasons)
	}
	if s.PID != b.cmd.Process.Pid || s.StateFolder != b.path("state") || !slices.Equal(s.ConfigFiles, []string{b.path("config.json")}) || s.Region != "eu-west-1" {
		t.Errorf("got %+v", s)
	}
	if len(s.Logs) != 1 || len(s.Streams) != 1 {
		t.Fatalf("%d files, %d streams", len(s.Logs), len(s.Streams))
	}
	f := s.Logs[0]
	if f.Path != b.path("access.log") || f.Group != "g" || f.Stream != "s" || !f.Balanced() || !s.Streams[0].Balanced() || !s.Total.Balanced() {
		t.Errorf("got %+v", f)
	}
	if f.Filtered.Events != 1 || f.Blank.Events != 1 || f.Read.Bytes != 16 || f.LagBytes != 0 || f.Acknowledged.IsZero() {
		t.Errorf("got %+v", f)
	}
	if m := s.Metrics; m.Namespace != "CWAgent" || len(m.Collectors) != 1 || m.Collectors[0].Name != "mem" || m.Collectors[0].LastData.IsZero() {
		t.Errorf("got %+v", m)
	}
	out, _, code := b.status()
	if code != exitFine || !strings.Contains(out, "health: ok") || !strings.Contains(out, "4 events read = 2 sent + 1 filtered + 1 blank + 0 rejected + 0 pending") {
		t.Errorf("status %d:\n%s", code, out)
	}
}

func TestOutageIsDegradedWithAReasonUntilItIsOver(t *testing.T) {
	b := newBed(t)
	b.config(logAndMetrics)
	b.answer(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) })
	b.write("access.log", "one\ntwo\n")
	b.start()
	b.until("a reason", func() bool { s, _ := b.ledger(); return len(s.Reasons) > 0 })
	s, code := b.ledger()
	if code != exitMistakes || s.Health != agent.Degraded || !strings.Contains(s.Reasons[0].What, "not taken") || s.Reasons[0].Hint == "" || s.Reasons[0].Since.IsZero() {
		t.Errorf("status %d, %s %+v", code, s.Health, s.Reasons)
	}
	if out, _, code := b.status(); code != exitMistakes || !strings.Contains(out, "health: degraded\n  - ") {
		t.Errorf("status %d:\n%s", code, out)
	}
	b.answer(nil)
	b.until("health", func() bool {
		s, code := b.ledger()
		return code == exitFine && s.Health == agent.OK && s.Total.Sent.Events == 2
	})
}

func TestSocketIsForItsOwnerAlone(t *testing.T) {
	b := newBed(t)
	b.config(oneLog)
	b.start()
	b.until("an answer", func() bool { _, code := b.ledger(); return code == exitFine })
	info, err := os.Lstat(agent.SocketPath(b.path("state")))
	if err != nil || info.Mode() != os.ModeSocket|0o600 {
		t.Errorf("got %v, %v", info.Mode(), err)
	}
	b.kill()
	if _, complaint, code := b.status(); code != exitUnread || !strings.Contains(complaint, "has ended without a word") {
		t.Errorf("after kill -9: status %d: %s", code, complaint)
	}
	b.start()
	b.until("an answer of the next agent", func() bool { _, code := b.ledger(); return code == exitFine })
	b.stop()
	if _, complaint, code := b.status(); code != exitUnread || !strings.Contains(complaint, "--state") {
		t.Errorf("after a stop: status %d: %s", code, complaint)
	}
}

func TestStateFolderTooDeepForASocketIsSaid(t *testing.T) {
	b := newBed(t)
	deep := b.path(strings.Repeat("x", 110))
	_, complaint, code := b.status("--state", deep)
	if code != exitUnread || !strings.Contains(complaint, "shorter --state") {
		t.Errorf("status %d: %s", code, complaint)
	}
	b.config(oneLog)
	b.write("access.log", "one\ntwo\n")
	b.start("--state", deep)
	b.until("lines, all the same", func() bool { return len(b.events("g", "s")) == 2 })
	if !b.said("no control socket") || !b.said("shorter --state") {
		t.Error("the agent does not say why it has no socket")
	}
}

func TestPagesForMonitoringMoveWithAReload(t *testing.T) {
	b := newBed(t)
	free := func() string {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		b.must(err)
		defer l.Close()
		return l.Addr().String()
	}
	first, second := free(), free()
	configure := func(address string) {
		b.config(strings.Replace(oneLog, `{`, fmt.Sprintf(`{"nephoscope": {"status_address": %q}, `, address), 1))
	}
	get := func(url string) (body string) {
		r, err := http.Get(url)
		if err != nil {
			return ""
		}
		defer r.Body.Close()
		raw, _ := io.ReadAll(r.Body)
		return fmt.Sprint(r.StatusCode, " ", string(raw))
	}
	configure(first)
	b.write("access.log", "one\ntwo\n")
	b.start()
	b.until("two events sent", func() bool {
		return strings.Contains(get("http://"+first+"/metrics"), "\nnephoscope_logs_sent_events_total 2\n")
	})
	if got := get("http://" + first + "/healthz"); got != "200 {\"health\":\"ok\",\"reasons\":[]}\n" {
		t.Errorf("got %s", got)
	}
	configure(second)
	b.must(b.cmd.Process.Signal(syscall.SIGHUP))
	b.until("an answer at the second address", func() bool { return strings.HasPrefix(get("http://"+second+"/healthz"), "200 ") })
	if got := get("http://" + first + "/healthz"); got != "" {
		t.Errorf("the first still answers: %s", got)
	}
	b.stop()
}

// table is what people see of a status.
func table(s agent.Status) string {
	var out bytes.Buffer
	(&statusTable{w: &out, s: s, now: time.Unix(1_000_000, 0)}).print()
	return out.String()
}

func TestTableFitsATerminal(t *testing.T) {
	long := strings.Repeat("a-long-name/", 12)
	s := agent.Status{Version: "1", Files: 10_000, Health: agent.Degraded, Reasons: []agent.Reason{{What: strings.Repeat("word ", 60), Since: time.Unix(1, 0), Hint: strings.Repeat("word ", 60)}}}
	for i := range 3 {
		f := agent.LogFile{Path: long + "access.log", Group: []string{"g", long}[i%2], Stream: "s"}
		f.Sent.Bytes, f.Pending.Bytes, f.LagBytes, f.Lost.Truncated, f.Lost.Files = 123_456_789_012, 999_950, 999, 123_456, int64(i)
		f.LagSince, f.Acknowledged = time.Unix(900_000, 0), time.Unix(1, 0)
		s.Logs = append(s.Logs, f)
	}
	s.Logs[2].Path = "/short"
	s.Total.Read.Bytes, s.Total.Read.Events = 1<<60, 1<<60
	s.Metrics = &agent.MetricsLedger{Namespace: "CWAgent", Collectors: []agent.CollectorLedger{{
		Name: "procstat pattern " + long, Interval: 172_800, LastRun: time.Unix(1, 0), LastData: time.Unix(1, 0), Data: 9_999_999, LastSeconds: 5000, MaxSeconds: 0.25, Missed: 99_999, Errors: 99_999,
	}}}
	fill(reflect.ValueOf(&s.Metrics.DataLedger).Elem(), 1<<50)
	s.Metrics.Series = agent.SeriesLedger{Budget: 5000, Known: 5000, Plugins: []agent.PluginSeries{{Name: "disk", RefusedSeries: 326_459, Dimension: "path", Values: 312, Example: "/var/lib/docker/overlay2/" + long}}}
	out := table(s)
	for line := range strings.Lines(out) {
		if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > tableWidth {
			t.Errorf("%d columns: %s", n, line)
		}
	}
	for _, want := range []string{"access.log → g/s", "/short → g/s", "and 9997 more", "123 GB", "1 MB", "999 B", "1d03h", "123 kB+1f", "series: 5000 of a budget of 5000", "about 326459 series of disk are refused", "250ms"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
}

// fill sets every number of a struct.
func fill(v reflect.Value, n int64) {
	for i := range v.NumField() {
		v.Field(i).SetInt(n)
	}
}

func TestAccountOfDataSaysWhatThereIs(t *testing.T) {
	f := func(l agent.DataLedger, want string) {
		t.Helper()
		if got := dataLedger(l); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	f(agent.DataLedger{Collected: 12, Sent: 10, Gathered: 1, SpooledData: 1}, "12 data collected = 10 sent + 2 pending + 0 over the series budget + 0 invalid")
	var all agent.DataLedger
	fill(reflect.ValueOf(&all).Elem(), 2)
	f(all, "2 data collected + 2 found in the spool + 2 roll-ups and parts = 2 sent + 4 pending + 2 merged into others + 2 dropped originals + 2 over the series budget + 2 invalid + 2 without a value + 4 given up")
}

func TestNameThatATerminalWouldObeyIsMadeHarmless(t *testing.T) {
	s := agent.Status{Files: 1, Logs: []agent.LogFile{{Path: "/a\x1b[31m\nhealth: ok", Group: "g\r", Stream: "s\u202e"}}}
	if out := table(s); strings.ContainsAny(out, "\x1b\r\u202e") || strings.Contains(out, "\nhealth: ok\n") {
		t.Errorf("got %q", out)
	}
}

func TestSizesAndSpans(t *testing.T) {
	f := func(got, want string) {
		t.Helper()
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	f(brief(0), "-")
	f(brief(1e-9), "1µs")
	f(brief(0.0125), "12ms")
	f(brief(99.94), "99.9s")
	f(brief(600), "10m00s")
	f(size(0), "0 B")
	f(size(999), "999 B")
	f(size(1000), "1 kB")
	f(size(1536), "1.54 kB")
	f(size(999_499), "999 kB")
	f(size(999_500), "1 MB")
	f(size(64<<20), "67.1 MB")
	f(size(1<<62), "4612 PB")
	f(span(-time.Second), "0s")
	f(span(59*time.Second), "59s")
	f(span(61*time.Second), "1m01s")
	f(span(25*time.Hour), "1d01h")
}
