package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// nodeExporter starts Debian's and returns its address. Without it the test does not run, which is a failure where everything is to be run.
func nodeExporter(t *testing.T) (address string) {
	t.Helper()
	path, err := exec.LookPath("prometheus-node-exporter")
	if err != nil {
		const notRun = "NOT RUN: there is no prometheus-node-exporter (apt-get install prometheus-node-exporter)"
		if os.Getenv("NEPHOSCOPE_FULL") != "" {
			t.Fatal(notRun)
		}
		t.Skip(notRun)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address = l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	p := exec.CommandContext(t.Context(), path, "--web.listen-address="+address)
	errs, err := p.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Wait() }) // it was killed
	go func() {
		for lines := bufio.NewScanner(errs); lines.Scan(); {
		}
	}()
	client := http.Client{Timeout: 10 * time.Second}
	for deadline := time.Now().Add(20 * time.Second); ; {
		if answer, err := client.Get("http://" + address + "/"); err == nil {
			_ = answer.Body.Close()
			return address
		}
		if time.Now().After(deadline) {
			t.Fatal("it does not listen")
		}
		<-time.After(50 * time.Millisecond)
	}
}

// What a real exporter says is read in both formats, every line of it, and nothing of it is lost but what is not sent.
func TestRealNodeExporter(t *testing.T) {
	t.Parallel()
	file := write(t, "prometheus.yaml", "scrape_configs:\n- {job_name: node, static_configs: [{targets: ['"+nodeExporter(t)+"']}]}\n")
	settings := write(t, "settings.json", fmt.Sprintf(`{"config_path": %q, "log_group": "g", "namespace": "n", "declarations": [
		{"source_labels": ["job"], "label_matcher": "^node$", "metric_selectors": ["^node_load1$", "^node_memory_MemTotal_bytes$"], "dimensions": [["instance"]]}]}`, file))
	status, out, errs := command(t, "scrape", "--once", "--settings", settings)
	if status != 0 {
		t.Fatal(errs)
	}
	metrics := map[string]float64{}
	for line := range strings.Lines(out) {
		var d map[string]any
		if err := json.Unmarshal([]byte(line), &d); err != nil {
			t.Fatal(err)
		}
		for name, value := range d {
			if v, ok := value.(float64); ok {
				metrics[name] = v
			}
		}
	}
	if len(metrics) < 100 || metrics["node_memory_MemTotal_bytes"] < 1<<20 || strings.Count(out, `{"Name":"node_load1"}`) != 1 || !strings.Contains(errs, "no_delta_yet") {
		t.Errorf("%d metrics; %s", len(metrics), errs)
	}
}
