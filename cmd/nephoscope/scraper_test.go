package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nephoscope/nephoscope/agent"
	"github.com/nephoscope/nephoscope/config"
	"github.com/nephoscope/nephoscope/local"
)

// standInScraper is a scraper that writes documents as fast as they are taken for a while, and one a moment after that: each has
// the number of the process, and its own.
func standInScraper() int {
	in := bufio.NewReader(os.Stdin)
	var settings config.Prometheus
	if line, err := in.ReadBytes('\n'); err != nil || json.Unmarshal(line, &settings) != nil {
		return 2
	}
	over := make(chan struct{})
	go func() {
		defer close(over)
		_, _ = io.Copy(io.Discard, in)
	}()
	tick := time.NewTicker(20 * time.Millisecond)
	for n := 0; ; n++ {
		fmt.Printf(`{"_aws":{"Timestamp":%d,"LogGroupName":%q,"LogStreamName":"web","CloudWatchMetrics":[{"Namespace":%q,"Dimensions":[["job"]],"Metrics":[{"Name":"n"}]}]},"job":"web","pid":%d,"n":%d}`+"\n",
			time.Now().UnixMilli(), settings.LogGroup, settings.Namespace, os.Getpid(), n)
		if n == 10 {
			fmt.Fprintln(os.Stderr, `{"counts":{"scrapes":10,"samples":10,"events":10,"targets":[{"job":"web","instance":"a:1","up":true,"samples":1}]}}`)
		}
		select {
		case <-over:
			return 0
		default:
		}
		if n > 300 {
			select {
			case <-over:
				return 0
			case <-tick.C:
			}
		}
	}
}

// newScrapeBed is a bed whose agent has a folder of its own, with a scraper beside it if it is to have one.
func newScrapeBed(t *testing.T, scraper string) *bed {
	t.Helper()
	b := newBed(t)
	b.must(os.Mkdir(b.path("bin"), 0o755))
	shared, err := binary()
	b.must(err)
	b.program = b.path("bin/nephoscope")
	b.copies(shared, b.program)
	if scraper != "" {
		b.copies(scraper, b.path("bin/"+agent.ScraperProgram))
	}
	b.write("prometheus.yaml", "scrape_configs: []\n")
	b.config(`{"logs": {"log_stream_name": "own", "force_flush_interval": 1, "metrics_collected": {"prometheus": {
		"log_group_name": "/web/prometheus", "prometheus_config_path": "%DIR%/prometheus.yaml", "emf_processor": {"metric_namespace": "web",
		"metric_declaration": [{"source_labels": ["job"], "label_matcher": "^web$", "metric_selectors": [".*"], "dimensions": [["job"]]}]}}}}}`)
	return b
}

func (b *bed) copies(from, to string) {
	b.Helper()
	if os.Link(from, to) == nil {
		return
	}
	raw, err := os.ReadFile(from) // of another file system
	b.must(err)
	b.must(os.WriteFile(to, raw, 0o755))
}

func (b *bed) scraperStatus() agent.ScraperLedger {
	b.Helper()
	raw, err := agent.AskStatus(b.Context(), b.path("state"), -1)
	var s agent.Status
	if err != nil || json.Unmarshal(raw, &s) != nil || s.Prometheus == nil {
		return agent.ScraperLedger{} // it is about to start
	}
	return *s.Prometheus
}

// gone tells whether there is no process of a number.
func gone(pid int) bool {
	p, err := os.FindProcess(pid)
	return err != nil || p.Signal(syscall.Signal(0)) != nil
}

// scrapedBy is how often each number of each process has arrived.
func (b *bed) scrapedBy() map[int]map[int]int {
	all := map[int]map[int]int{}
	for _, text := range b.events("/web/prometheus", "web") {
		var d struct{ PID, N int }
		b.must(json.Unmarshal([]byte(text), &d))
		if all[d.PID] == nil {
			all[d.PID] = map[int]int{}
		}
		all[d.PID][d.N]++
	}
	return all
}

// What the agent has accepted of the scraper arrives, through an outage and kill -9, as events and as metrics; the scraper never
// outlives its agent.
func TestScrapedDocumentsOutliveAnOutageAndKillNine(t *testing.T) {
	t.Parallel()
	own, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	b := newScrapeBed(t, own)
	b.answer(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) })
	accepted := map[int]int64{} // by process, at least
	for round := range 3 {
		b.output = &syncBuffer{}
		b.start()
		var l agent.ScraperLedger
		b.until("documents that are written down", func() bool { l = b.scraperStatus(); return l.Accepted > 250 && l.Scrapes == 10 })
		accepted[l.PID] = l.Accepted
		if round == 1 {
			b.answer(nil)
			b.until("some of them", func() bool { return len(b.scrapedBy()) > 1 })
		}
		b.kill()
		b.until("that the scraper has ended with its agent", func() bool { return gone(l.PID) })
	}
	b.start()
	var l agent.ScraperLedger
	b.until("a scraper", func() bool { l = b.scraperStatus(); return l.Accepted > 250 })
	accepted[l.PID] = l.Accepted
	if took := b.stop(); took > 10*time.Second {
		t.Errorf("took %v to stop", took)
	}
	b.start()
	b.until("all of it", func() bool {
		seen := b.scrapedBy()
		for pid, n := range accepted {
			if int64(len(seen[pid])) < n {
				return false
			}
		}
		return true
	})
	for pid, numbers := range b.scrapedBy() {
		for n := range len(numbers) {
			if numbers[n] == 0 {
				t.Errorf("document %d of %d is missing, and later ones are there", n, pid)
				break
			}
		}
	}
	data, err := b.service.Data("web", "n", local.Dimension{Name: "job", Value: "web"})
	b.must(err)
	count := 0.0
	for _, d := range data {
		count += d.SampleCount
	}
	if count < 1000 {
		t.Errorf("%v values arrived as metrics", count)
	}
	b.answers() // it knows by then what SIGTERM is
	b.stop()
}

// Without the program the agent works, and says what is missing; check says so before.
func TestAgentWorksWithoutTheScraper(t *testing.T) {
	t.Parallel()
	b := newScrapeBed(t, "")
	b.start()
	b.until("a word on it", func() bool { return b.said("is not installed (install the package nephoscope-prometheus)") })
	b.until("the trouble", func() bool { return b.scraperStatus().Trouble != nil })
	out, _, status := nephoscope(t, "", "check", b.path("config.json"))
	if status != exitFine || !strings.Contains(out, "warning: "+b.path("config.json")) || !strings.Contains(out, "nephoscope-prometheus is not installed") {
		t.Errorf("status %d:\n%s", status, out)
	}
	table, _, status := nephoscope(t, "", "status", "--state", b.path("state"))
	for _, want := range []string{"health: degraded", "nothing is scraped: start scraper", "the scraper does not run", "/web/prometheus"} {
		if !strings.Contains(table, want) {
			t.Errorf("status %d, without %q:\n%s", status, want, table)
		}
	}
	b.stop()
}

// A reload that is about something else leaves the scraper alone; one that is about it starts another, and without the section none runs.
func TestReloadOfTheScraper(t *testing.T) {
	t.Parallel()
	own, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	b := newScrapeBed(t, own)
	b.start()
	b.until("documents", func() bool { return b.scraperStatus().Accepted > 10 })
	first := b.scraperStatus().PID
	raw, err := os.ReadFile(b.path("config.json"))
	b.must(err)
	reload := func(text string) {
		b.must(os.WriteFile(b.path("config.json"), []byte(text), 0o600))
		if _, errs, status := nephoscope(t, "", "reload", "--state", b.path("state")); status != exitFine {
			t.Fatalf("status %d: %s", status, errs)
		}
	}
	reload(strings.Replace(string(raw), `"metrics_collected"`, `"logs_collected": {"files": {"collect_list": [{"file_path": "`+filepath.Join(b.dir, "x.log")+`", "log_group_name": "g"}]}}, "metrics_collected"`, 1))
	if now := b.scraperStatus().PID; now != first {
		t.Errorf("it was restarted: %d, %d", first, now)
	}
	reload(strings.Replace(string(raw), `/web/prometheus`, `/shop/prometheus`, 1))
	b.until("documents elsewhere", func() bool { return len(b.events("/shop/prometheus", "web")) > 10 })
	second := b.scraperStatus().PID
	if second == first || !gone(first) {
		t.Errorf("%d is still there, %d runs", first, second)
	}
	reload(`{"logs": {"metrics_collected": {"emf": {"service_address": "udp://127.0.0.1:9"}}}}`)
	if !gone(second) || b.scraperStatus().PID != 0 {
		t.Errorf("%d is still there", second)
	}
	b.stop()
}
