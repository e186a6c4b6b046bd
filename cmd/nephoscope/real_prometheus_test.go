package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/nephoscope/nephoscope/agent"
	"github.com/nephoscope/nephoscope/local"
)

// realScraper is the program itself, built.
func realScraper(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), agent.ScraperProgram)
	build := exec.Command("go", "build", "-o", path, "../nephoscope-prometheus")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return path
}

// exporter answers with a gauge, and a counter that grows by ten with each scrape.
func exporter(t *testing.T) (address string, scrapes *atomic.Int64) {
	t.Helper()
	scrapes = &atomic.Int64{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n := scrapes.Add(1)
		w.Header().Set("Content-Type", "text/plain; version=0.0.4")
		fmt.Fprintf(w, "# TYPE queue_length gauge\nqueue_length{shop=\"a\"} 7\nqueue_length{shop=\"b\"} 8\n# TYPE orders_total counter\norders_total{shop=\"a\"} %d\n", 10*n)
	}))
	t.Cleanup(s.Close)
	return strings.TrimPrefix(s.URL, "http://"), scrapes
}

// What an exporter says becomes log events and, by the declarations, metrics: gauges as they are, counters as their difference.
// What changes in the scrape configuration is taken up, a mistake in it is not.
func TestWhatAnExporterSaysArrivesAsMetrics(t *testing.T) {
	t.Parallel()
	b := newScrapeBed(t, realScraper(t))
	first, scrapes := exporter(t)
	b.replace("prometheus.yaml", "global: {scrape_interval: 1s, scrape_timeout: 1s}\nscrape_configs:\n- job_name: web\n  static_configs: [{targets: ['"+first+"']}]\n")
	b.config(`{"logs": {"log_stream_name": "own", "force_flush_interval": 1, "metrics_collected": {"prometheus": {
		"log_group_name": "/web/prometheus", "prometheus_config_path": "%DIR%/prometheus.yaml", "emf_processor": {"metric_namespace": "web", "metric_unit": {"queue_length": "Count"},
		"metric_declaration": [{"source_labels": ["job", "shop"], "label_matcher": "^web;a$", "metric_selectors": ["^queue_length$", "^orders_total$"], "dimensions": [["job", "shop"], ["shop"]]}]}}}}}`)
	b.start()
	data := func(name string, dimensions ...local.Dimension) (sum, count float64, unit string) {
		all, err := b.service.Data("web", name, dimensions...)
		b.must(err)
		for _, d := range all {
			sum, count, unit = sum+d.Sum, count+d.SampleCount, d.Unit
		}
		return sum, count, unit
	}
	job, shop := local.Dimension{Name: "job", Value: "web"}, local.Dimension{Name: "shop", Value: "a"}
	b.until("values of the counter", func() bool { _, n, _ := data("orders_total", job, shop); return n >= 3 })
	if sum, n, unit := data("queue_length", job, shop); sum != 7*n || n == 0 || unit != "Count" {
		t.Errorf("queue_length: %v of %v, in %s", sum, n, unit)
	}
	if sum, n, _ := data("orders_total", shop); sum != 10*n || n == 0 || n >= float64(scrapes.Load()) {
		t.Errorf("orders_total: %v of %v, after %d scrapes", sum, n, scrapes.Load())
	}
	if _, n, _ := data("queue_length", job, local.Dimension{Name: "shop", Value: "b"}); n != 0 {
		t.Errorf("%v values that no declaration selects", n)
	}
	b.until("the other shop as log events", func() bool {
		for _, text := range b.events("/web/prometheus", "web") {
			var event struct {
				Shop  string
				Queue float64 `json:"queue_length"`
			}
			b.must(json.Unmarshal([]byte(text), &event))
			if event.Shop == "b" && event.Queue == 8 {
				return true
			}
		}
		return false
	})
	pid := b.scraperStatus().PID

	b.replace("prometheus.yaml", "scrape_configs: nonsense\n")
	b.until("a word on the mistake", func() bool { return b.said("has mistakes: what it was before goes on") })
	if out, status := b.ask("check", b.path("config.json")); status != exitMistakes || !strings.Contains(out, b.path("prometheus.yaml")+":1:") {
		t.Errorf("check: status %d:\n%s", status, out)
	}
	b.replace("prometheus.yaml", "global: {scrape_interval: 1s, scrape_timeout: 1s}\nscrape_configs:\n- job_name: web\n  static_configs: [{targets: ['"+first+"']}]\n- job_name: gone\n  static_configs: [{targets: ['127.0.0.1:9']}]\n")
	b.until("the target that is down", func() bool {
		l := b.scraperStatus()
		n, down := l.Down()
		return len(l.Targets) == 2 && n == 1 && down.Job == "gone" && down.LastError != ""
	})
	if l := b.scraperStatus(); l.PID != pid || l.Starts != 1 || l.Received != l.Accepted {
		t.Errorf("got %+v", l)
	}
	table, _, _ := nephoscope(t, "", "status", "--state", b.path("state"))
	for _, want := range []string{"1 of 2 targets cannot be scraped", "2 targets, 1 cannot be scraped", "gone 127.0.0.1:9: ", "3 samples in"} {
		if !strings.Contains(table, want) {
			t.Errorf("without %q:\n%s", want, table)
		}
	}
	b.stop()
}

// ask runs the agent's own program, as a user does.
func (b *bed) ask(args ...string) (out string, status int) {
	b.Helper()
	cmd := exec.Command(b.program, args...)
	raw, _ := cmd.CombinedOutput()
	return string(raw), cmd.ProcessState.ExitCode()
}
