package main

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

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
	var want []string
	more := func(writes int) {
		for range writes {
			var lines strings.Builder
			for range 20 {
				want = append(want, fmt.Sprintf("line %06d", len(want)))
				lines.WriteString(want[len(want)-1] + "\n")
			}
			b.write("access.log", lines.String())
		}
	}
	for _, days := range []int{14, 30, 7, 14, 30, 7, 14, 30} {
		arrived := len(b.events("g", "s"))
		more(10)
		b.config(retained(days))
		var work sync.WaitGroup
		work.Go(func() { more(40) }) // while it is reloaded: so many, and not as many as this machine has time for
		if got := b.reload(); !got.Applied || got.Started != 1 || got.Stopped != 1 {
			t.Errorf("got %+v", got)
		}
		work.Wait()
		b.until("something more", func() bool { return len(b.events("g", "s")) > arrived })
	}
	b.until("all lines", func() bool { return len(b.events("g", "s")) >= len(want) })
	if got := b.events("g", "s"); !slices.Equal(got, want) {
		t.Errorf("got %d events, want %d", len(got), len(want))
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
	with := func(address string) string {
		return strings.Replace(oneLog, `{`, `{"nephoscope": {"status_address": "`+address+`"}, `, 1)
	}
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
