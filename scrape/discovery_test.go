package scrape

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nephoscope/nephoscope/config"
)

// Of too many targets the same ones are scraped each time, and it is said, also if no job alone has too many.
func TestTooManyTargets(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	const each = 700
	for i := range 16 {
		var b strings.Builder
		for k := range each {
			fmt.Fprintf(&b, "- targets: ['h%d-%d:1']\n", i, k)
		}
		write(t, filepath.Join(dir, fmt.Sprintf("t%02d.yml", i)), b.String())
	}
	f := func(jobs string, wanted int, last, left string) {
		t.Helper()
		file := filepath.Join(dir, "prometheus.yaml")
		write(t, file, "scrape_configs:\n"+jobs)
		s, _, said := aScraper(t, config.Prometheus{ConfigPath: file, LogGroup: "g", Namespace: "n", MaxSeries: 10})
		s.look(noon)
		all := s.wanted()
		found := false
		for id := range all {
			found = found || id.job.Name+" "+strings.Split(id.key, `"`)[1] == last
		}
		if len(all) != wanted || !found || strings.Contains(said.String(), "left out") != (left != "") || !strings.Contains(said.String(), left) {
			t.Errorf("%d %v %.500s", len(all), found, said)
		}
	}
	f("- {job_name: a, file_sd_configs: [{files: [t*.yml]}]}\n", maxTargets, "a h14-199:1", "there are more than 10000 targets: the others are left out")
	f("- {job_name: a, file_sd_configs: [{files: ['t0*.yml']}]}\n- {job_name: b, file_sd_configs: [{files: ['t0*.yml']}]}\n", maxTargets, "b h4-199:1", "there are more than 10000 targets: the others are left out")
	f("- {job_name: a, file_sd_configs: [{files: ['t0*.yml']}]}\n", 7000, "a h9-699:1", "")
}

// Where targets come and go, connections to those that are gone do not pile up.
func TestConnectionsToTargetsThatAreGone(t *testing.T) {
	t.Parallel()
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, gauge) }))
	closed := make(chan struct{}, 1)
	server.Config.ConnState = func(_ net.Conn, is http.ConnState) {
		if is == http.StateClosed {
			closed <- struct{}{}
		}
	}
	server.Start()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "prometheus.yaml"), "scrape_configs:\n- job_name: j\n  file_sd_configs: [{files: [t.json]}]\n")
	write(t, filepath.Join(dir, "t.json"), `[{"targets": ["`+strings.TrimPrefix(server.URL, "http://")+`"]}]`)
	s, out, said := aScraper(t, config.Prometheus{ConfigPath: filepath.Join(dir, "prometheus.yaml"), LogGroup: "g", Namespace: "n", MaxSeries: 10})
	everyTarget(t, s)
	write(t, filepath.Join(dir, "t.json"), "[]")
	s.follow(t.Context(), noon)
	select {
	case <-closed:
	case <-time.After(10 * time.Second):
		t.Errorf("it is not closed: %s %s", out, said)
	}
	server.Close()
}

// Files that match a pattern, and what is mended in one that was refused, are taken up.
func TestFilesOfConfigurationsThatComeLater(t *testing.T) {
	t.Parallel()
	address := serve(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, gauge) })
	dir := t.TempDir()
	file := filepath.Join(dir, "prometheus.yaml")
	job := func(name, more string) string {
		return "scrape_configs:\n- job_name: " + name + "\n  static_configs: [{targets: ['" + address + "']}]\n  " + more
	}
	s, _, said := aScraper(t, config.Prometheus{ConfigPath: file, LogGroup: "g", Namespace: "n", MaxSeries: 10})
	f := func(what, name, text string, targets int) {
		t.Helper()
		write(t, filepath.Join(dir, name), text)
		everyTarget(t, s)
		if len(s.targets) != targets {
			t.Errorf("%s: %d targets, want %d; %s", what, len(s.targets), targets, said)
		}
	}
	f("one file", "prometheus.yaml", job("a", "")+"\nscrape_config_files: ['more*.yml']\n", 1)
	f("another that matches", "more1.yml", job("b", ""), 2)
	f("one with a mistake", "more2.yml", job("c", "scheme: x"), 2)
	f("mended", "more2.yml", job("c", "scheme: http"), 3)
}
