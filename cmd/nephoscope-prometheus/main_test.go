package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/nephoscope/nephoscope/scrape"
)

// TestMain lets the test binary be the command.
func TestMain(m *testing.M) {
	if os.Getenv("NEPHOSCOPE_PROMETHEUS_TEST") != "" {
		main()
	}
	os.Exit(m.Run())
}

// program is the command as a process of its own.
func program(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	p := exec.CommandContext(t.Context(), os.Args[0], args...)
	p.Env = append(os.Environ(), "NEPHOSCOPE_PROMETHEUS_TEST=1")
	return p
}

// command runs it in this process.
func command(t *testing.T, args ...string) (status int, out, errs string) {
	t.Helper()
	var o, e bytes.Buffer
	root := newRoot()
	root.SetArgs(args)
	root.SetOut(&o)
	root.SetErr(&e)
	status = execute(root)
	return status, o.String(), e.String()
}

func write(t *testing.T, name, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// exporter answers with a counter that grows, and returns a configuration that names it.
func exporter(t *testing.T, interval string) (file string) {
	t.Helper()
	n := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		n++
		fmt.Fprintf(w, "# TYPE visits_total counter\nvisits_total %d\n# TYPE load gauge\nload 0.5\n", n*10)
	}))
	t.Cleanup(server.Close)
	return write(t, "prometheus.yaml", "global: {scrape_interval: "+interval+"}\nscrape_configs:\n- job_name: web\n  static_configs: [{targets: ['"+strings.TrimPrefix(server.URL, "http://")+"']}]\n")
}

func TestHelpVersionAndWrongCommandLines(t *testing.T) {
	t.Parallel()
	f := func(want string, status int, args ...string) {
		t.Helper()
		got, out, errs := command(t, args...)
		if got != status || !strings.Contains(out+errs, want) {
			t.Errorf("%v: status %d, want %d: %s%s, want %s", args, got, status, out, errs, want)
		}
	}
	f("logs.metrics_collected.prometheus", 0, "--help")
	f("Available Commands", 0)
	f("nephoscope-prometheus dev (go", 0, "version")
	f("nephoscope-prometheus version dev", 0, "--version")
	f("one line of JSON", 0, "run", "--help")
	f("--settings", 0, "scrape", "--help")
	f("See nephoscope-prometheus --help.", 2, "nonsense")
	f("name one file", 2, "check")
	f("name one file", 2, "check", "a", "b")
	f("name what to scrape", 2, "scrape")
	f("name what to scrape", 2, "scrape", "--config", "a", "--settings", "b")
	f("--json is for --once", 2, "scrape", "--config", "a", "--json")
	f("check: read nowhere.yaml: no such file or directory", 2, "check", "nowhere.yaml")
	f("scrape: read nowhere.yaml: no such file or directory", 2, "scrape", "--config", "nowhere.yaml", "--once")
	f("name bash, zsh, fish or powershell", 2, "completion", "tcsh")
}

func TestCheck(t *testing.T) {
	t.Parallel()
	good := write(t, "prometheus.yaml", "scrape_configs:\n- {job_name: a, static_configs: [{targets: [x]}]}\n")
	warned := write(t, "prometheus.yaml", "rule_files: [a]\nscrape_configs:\n- {job_name: a, static_configs: [{targets: [x]}]}\n")
	wrong := write(t, "prometheus.yaml", "scrape_configs:\n- {job_name: a, static_configs: [{targets: [x]}]}\n- {job_name: b, shceme: x}\n")
	f := func(file, want string, status int) {
		t.Helper()
		if got, out, errs := command(t, "check", file); got != status || strings.ReplaceAll(out, file, "FILE") != want || errs != "" {
			t.Errorf("status %d, %s%s, want %d, %s", got, out, errs, status, want)
		}
	}
	f(good, "fine: 1 job\n", 0)
	f(warned, "warning: FILE:1:1: rule_files: has no effect here (it is not about scraping: nothing is stored, evaluated or forwarded here; it may stay)\nfine, with 1 warning: 1 job\n", 0)
	f(wrong, "FILE:3:17: scrape_configs[1].shceme: unknown key (did you mean \"scheme\"?)\n1 mistake, 0 warnings; 1 job would be scraped\n", 1)
	targets := write(t, "targets.json", `[{"targets": ["x"], "lables": {}}]`)
	of := write(t, "prometheus.yaml", fmt.Sprintf("scrape_configs:\n- {job_name: a, file_sd_configs: [{files: [%s, /nowhere/a.yml]}]}\n", targets))
	status, out, _ := command(t, "check", of)
	if status != 0 || !strings.Contains(out, targets+":1:21: [0].lables: unknown key") || !strings.Contains(out, "files[1]: there is no such file yet") || !strings.Contains(out, "fine, with 2 warnings: 1 job\n") {
		t.Error(status, out)
	}
	status, out, _ = command(t, "check", "--json", wrong)
	var report checkReport
	if err := json.Unmarshal([]byte(out), &report); err != nil || status != 1 || report.OK || len(report.Problems) != 1 || report.Problems[0].Line != 3 || len(report.Jobs) != 1 {
		t.Error(status, out, err)
	}
}

func TestScrapeOnce(t *testing.T) {
	t.Parallel()
	file := exporter(t, "1m")
	status, out, errs := command(t, "scrape", "--once", "--config", file)
	if status != 0 || strings.Count(out, "\n") != 1 || !strings.Contains(out, `"load":0.5}`) || !strings.Contains(errs, "not sent: 1 (no_delta_yet: first values of counters") || !strings.Contains(errs, "up  2 samples") {
		t.Error(status, out, errs)
	}
	settings := write(t, "settings.json", fmt.Sprintf(`{"config_path": %q, "log_group": "g", "namespace": "n", "declarations": [{"source_labels": ["job"], "metric_selectors": ["^load$"], "dimensions": [["job"]]}]}`, file))
	if status, out, errs := command(t, "scrape", "--once", "--settings", settings); status != 0 || !strings.Contains(out, `"CloudWatchMetrics":[{"Namespace":"n","Dimensions":[["job"]],"Metrics":[{"Name":"load"}]}]`) {
		t.Error(status, out, errs)
	}
	status, out, _ = command(t, "scrape", "--once", "--json", "--config", file)
	var counts scrape.Counts
	if err := json.Unmarshal([]byte(out), &counts); err != nil || status != 0 || counts.Scrapes != 1 || !counts.Targets[0].Up {
		t.Error(status, out, err)
	}
	nobody := write(t, "prometheus.yaml", "scrape_configs:\n- {job_name: a, static_configs: [{targets: ['127.0.0.1:1']}]}\n")
	if status, _, errs := command(t, "scrape", "--once", "--config", nobody); status != 1 || !strings.Contains(errs, "down  connect: connection refused") {
		t.Error(status, errs)
	}
	if status, _, errs := command(t, "scrape", "--once", "--settings", "/dev/zero"); status != 2 || !strings.Contains(errs, "read settings: /dev/zero has more than 4 MiB") {
		t.Error(status, errs)
	}
	for text, want := range map[string]string{"{": "not the JSON of the agent", "{}": "there is no config_path, log_group, namespace"} {
		if status, _, errs := command(t, "scrape", "--once", "--settings", write(t, "s.json", text)); status != 2 || !strings.Contains(errs, want) {
			t.Error(status, errs)
		}
	}
}

// A script is not told that all is fine when the targets had not been asked.
func TestScrapeOnceThatIsInterrupted(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancel(t.Context())
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		stop()
		<-r.Context().Done()
	}))
	defer server.Close()
	file := write(t, "prometheus.yaml", "scrape_configs:\n- {job_name: a, static_configs: [{targets: ['"+strings.TrimPrefix(server.URL, "http://")+"']}]}\n")
	var out, errs bytes.Buffer
	err := scrapeOptions{config: file, once: true}.run(ctx, &out, &errs)
	if of, ok := errors.AsType[*exitError](err); !ok || of.status != exitMistakes || !strings.Contains(err.Error(), "interrupted") || !strings.Contains(errs.String(), "waiting") {
		t.Errorf("%v %s", err, &errs)
	}
}

// What the agent and run say to each other.
func TestRunIsWhatTheAgentExpects(t *testing.T) {
	t.Parallel()
	p := program(t, "run")
	in, err := p.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := p.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var errs bytes.Buffer
	p.Stderr = &errs
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(in, `{"config_path": %q, "log_group": "g", "namespace": "n", "max_series": 10}`+"\n", exporter(t, "300ms"))
	lines := bufio.NewScanner(out)
	seen := ""
	for !strings.Contains(seen, `"visits_total":10`) { // a difference: the second scrape
		if !lines.Scan() {
			t.Fatalf("it ended: %s; %s", seen, &errs)
		}
		if !json.Valid(lines.Bytes()) || !strings.Contains(lines.Text(), `"LogGroupName":"g","LogStreamName":"web"`) {
			t.Errorf("no document: %s", lines.Text())
		}
		seen += lines.Text()
	}
	go func() { _, _ = io.Copy(io.Discard, out) }()
	if err := in.Close(); err != nil { // the agent is gone
		t.Fatal(err)
	}
	if err := p.Wait(); err != nil {
		t.Errorf("%v: %s", err, &errs)
	}
	var last struct{ Counts scrape.Counts }
	said := strings.Split(strings.TrimSpace(errs.String()), "\n")
	if err := json.Unmarshal([]byte(said[len(said)-1]), &last); err != nil || last.Counts.Scrapes < 2 || last.Counts.Events < 3 || len(last.Counts.Targets) != 1 {
		t.Errorf("%v %s", err, &errs)
	}
}

func TestRunSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	f := func(in, want string, status int) {
		t.Helper()
		var out, errs bytes.Buffer
		p := program(t, "run")
		p.Stdin, p.Stdout, p.Stderr = strings.NewReader(in), &out, &errs
		_ = p.Run() // its status is looked at
		if p.ProcessState.ExitCode() != status || !strings.Contains(errs.String(), want) || strings.Contains(errs.String(), "goroutine") {
			t.Errorf("%q: %d, %s; want %d, %s", in, p.ProcessState.ExitCode(), &errs, status, want)
		}
	}
	f("", "standard input ended before the line did", 2)
	f("{}\n", "there is no config_path", 2)
	f("nonsense\n", "not the JSON of the agent", 2)
	f(`{"config_path":"x","log_group":"g","namespace":"n","declarations":[{"source_labels":["a"],"metric_selectors":["("]}]}`+"\n", "read metric_declaration[0].metric_selectors: error parsing regexp", 2)
	f(`{"config_path":"nowhere.yaml","log_group":"g","namespace":"n"}`+"\n", `{"level":"error","msg":"the scrape configuration cannot be read; it is looked for again every few seconds","error":"read nowhere.yaml: no such file or directory"}`, 0)
}

// A reader that does not read does not hold up the stop.
func TestRunStopsWhileNobodyReads(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancel(t.Context())
	in, feed := io.Pipe()
	out := stuck{make(chan struct{}, 10)}
	ended := make(chan error, 1)
	go func() { ended <- run(ctx, in, out, io.Discard) }()
	fmt.Fprintf(feed, `{"config_path": %q, "log_group": "g", "namespace": "n"}`+"\n", exporter(t, "100ms"))
	<-out.began
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	_ = feed.Close()
}

// Nor does one that does not read what is said.
func TestRunStopsWhileNobodyListens(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancel(t.Context())
	in, feed := io.Pipe()
	errs := stuck{make(chan struct{}, 10)}
	ended := make(chan error, 1)
	go func() { ended <- run(ctx, in, io.Discard, errs) }()
	fmt.Fprintf(feed, `{"config_path": "nowhere.yaml", "log_group": "g", "namespace": "n"}`+"\n")
	<-errs.began
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	_ = feed.Close()
}

// stuck never takes what is written.
type stuck struct{ began chan struct{} }

func (s stuck) Write([]byte) (int, error) {
	s.began <- struct{}{}
	select {}
}

// The whole process, with 50,000 series of one target, stays below 100 MiB.
func TestFiftyThousandSeriesFitIn100MiB(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("NOT RUN: the memory of a process is read from Linux's /proc")
	}
	if underRace {
		t.Skip("NOT RUN: the race detector takes several times the memory; without it the test is run")
	}
	t.Parallel()
	var rounds atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		round := int(rounds.Add(1))
		var b bytes.Buffer
		for i := range 50_000 {
			if i%1000 == 0 {
				fmt.Fprintf(&b, "# TYPE some_metric_number_%d_total counter\n", i/1000)
			}
			fmt.Fprintf(&b, "some_metric_number_%d_total{namespace=\"default-%d\",pod=\"deployment-name-7d8f9c-%d\",container=\"c%d\",node=\"ip-10-0-%d-1.eu-central-1.compute.internal\"} %d\n", i/1000, i%50, i, i%3, i%20, round*i)
		}
		_, _ = w.Write(b.Bytes())
	}))
	defer server.Close()
	file := write(t, "prometheus.yaml", "global: {scrape_interval: 2s}\nscrape_configs:\n- {job_name: a, static_configs: [{targets: ['"+strings.TrimPrefix(server.URL, "http://")+"']}]}\n")
	p := program(t, "run")
	in, err := p.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := p.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(in, `{"config_path": %q, "log_group": "g", "namespace": "n", "max_series": 100000}`+"\n", file)
	lines := bufio.NewScanner(out)
	for n := 0; n < 100_000; n++ { // two scrapes after the first
		if !lines.Scan() {
			t.Fatal("it ended")
		}
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	var peak int
	for line := range strings.Lines(string(status)) {
		_, _ = fmt.Sscanf(line, "VmHWM: %d kB", &peak)
	}
	t.Logf("at most %d KiB", peak)
	if peak == 0 || peak > 100<<10 {
		t.Errorf("it has taken %d KiB, more than 100 MiB", peak)
	}
	go func() { _, _ = io.Copy(io.Discard, out) }()
	_ = in.Close()
	_ = p.Wait() // how it ends is another test's matter
}
