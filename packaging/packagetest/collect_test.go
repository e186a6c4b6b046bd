//go:build packages

package packagetest

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nephoscope/nephoscope/local"
)

// What collectors do that a sandbox may forbid: to start a program and read what it says, to ask the kernel for its sockets,
// and systemd for its units.
func TestSandboxLetsCollectorsWork(t *testing.T) {
	t.Parallel()
	h := install(t)
	h.write("/usr/bin/nvidia-smi", `#!/bin/sh
echo '<nvidia_smi_log><gpu id="0"><product_name>Test</product_name><temperature><gpu_temp>33 C</gpu_temp></temperature></gpu></nvidia_smi_log>' | cat
`)
	h.run("chmod 755 /usr/bin/nvidia-smi")
	began := time.Now()
	h.configure(`{"agent": {"metrics_collection_interval": 1}, "metrics": {"force_flush_interval": 1, "metrics_collected": {
		"nvidia_gpu": {"measurement": ["temperature_gpu"]}, "netstat": {"measurement": ["tcp_listen", "udp_socket"]},
		"systemd": {"measurement": ["units_active", "unit_active", "unit_restarts"], "resources": ["` + unit + `"]}}}}`)
	h.untilData(began, nil, "nvidia", "netstat", "systemd")
	h.until("the agent's own unit", func() bool {
		metrics, err := h.service.Metrics()
		h.must(err)
		seen := map[string]bool{}
		for _, m := range metrics {
			for _, d := range m.Dimensions {
				seen[m.Name] = seen[m.Name] || d.Name == "unit" && d.Value == unit
			}
		}
		return seen["systemd_unit_active"] && seen["systemd_unit_restarts"]
	})
}

// The scraper is started within the sandbox, as the agent's user and with none of its rights, reaches an exporter (the agent's own
// page of metrics), and what it brings becomes metrics. A file that only root can read is told of, with what mends it. A program
// that is upgraded is started anew, one that is removed is stopped, and one that is killed leaves the agent alone.
func TestSandboxLetsTheScraperWork(t *testing.T) {
	t.Parallel()
	h := install(t)
	h.write("/etc/prometheus.yaml", `global: {scrape_interval: 1s, scrape_timeout: 1s}
scrape_configs:
- job_name: agent
  static_configs: [{targets: ['127.0.0.1:4587']}]
`)
	h.run("chmod 600 /etc/prometheus.yaml")
	h.run("dpkg -i " + scraper)
	h.configure(`{"nephoscope": {"status_address": "127.0.0.1:4587"}, "logs": {"force_flush_interval": 1, "metrics_collected": {"prometheus": {
		"log_group_name": "/host/prometheus", "prometheus_config_path": "/etc/prometheus.yaml", "emf_processor": {"metric_namespace": "Scraped",
		"metric_declaration": [{"source_labels": ["job"], "label_matcher": "^agent$", "metric_selectors": ["^nephoscope_heap_bytes$"], "dimensions": [["job"]]}]}}}}}`)
	for _, ask := range []string{"nephoscope check", "nephoscope migrate", "nephoscope doctor --offline --only config --json"} {
		if said := h.run(ask + " || true"); !strings.Contains(strings.Join(strings.Fields(said), " "), "/etc/prometheus.yaml cannot be read by cwagent") {
			t.Errorf("%s does not say what cannot be read:\n%s", ask, said)
		}
	}
	h.run("chgrp cwagent /etc/prometheus.yaml && chmod g+r /etc/prometheus.yaml") // as they say
	h.until("what was scraped, as a metric", func() bool {
		metrics, err := h.service.Metrics()
		h.must(err)
		return slices.ContainsFunc(metrics, func(m local.Metric) bool {
			return m.Namespace == "Scraped" && m.Name == "nephoscope_heap_bytes"
		})
	})
	const of = `pid=$(pgrep -x nephoscope-prom) && `
	if user := strings.TrimSpace(h.run(of + "stat -c %U /proc/$pid")); user != "cwagent" {
		t.Errorf("it runs as %q", user)
	}
	if rights := h.run(of + "grep -E '^Cap(Eff|Prm|Amb|Inh)' /proc/$pid/status"); strings.Trim(rights, "CapEffPrmAmbInh:\t\n 0") != "" {
		t.Errorf("its rights:\n%s", rights)
	}
	if last := strings.TrimSpace(h.run(of + "cat /proc/$pid/oom_score_adj")); last != "800" {
		t.Errorf("the kernel ends it with %s", last)
	}
	if policy := h.show("OOMPolicy"); policy != "continue" {
		t.Errorf("the agent is stopped with it: %s", policy)
	}
	agent := h.run("systemctl show -P MainPID " + unit)
	runs := func(what, than string) (pid string) {
		h.until(what, func() bool {
			pid = strings.TrimSpace(h.run("pgrep -x nephoscope-prom || true"))
			return pid != "" && pid != than && strings.TrimSpace(h.run("readlink /proc/"+pid+"/exe || true")) == "/usr/bin/nephoscope-prometheus"
		})
		return pid
	}
	first := runs("the scraper", "")
	h.run("dpkg -i " + newerScraper)
	second := runs("the newer scraper", first)
	h.run("kill -9 " + second)
	runs("another one", second)
	h.run("dpkg -r nephoscope-prometheus")
	h.until("that none runs", func() bool { return strings.TrimSpace(h.run("pgrep -x nephoscope-prom || true")) == "" })
	h.run("dpkg -P nephoscope-prometheus && ! ls -d /usr/share/doc/nephoscope-prometheus /usr/share/nephoscope-prometheus 2>/dev/null")
	if now := h.run("systemctl show -P MainPID " + unit); now != agent {
		t.Errorf("the agent was %s, and is %s", agent, now)
	}
	h.run("systemctl stop " + unit)
	if left := strings.TrimSpace(h.run("pgrep -x nephoscope-prom || true")); left != "" {
		t.Errorf("%s is still there", left)
	}
}

// The right to see which programs others run is given as doctor says.
func TestServiceIsGivenARight(t *testing.T) {
	t.Parallel()
	h := install(t)
	h.run("mkdir -p /etc/systemd/system/" + unit + ".d")
	h.write("/etc/systemd/system/"+unit+".d/override.conf", "[Service]\nCapabilityBoundingSet=CAP_SYS_PTRACE\n")
	h.run("systemctl daemon-reload")
	began := time.Now()
	h.configure(`{"agent": {"metrics_collection_interval": 1, "run_as_user": "root"}, "metrics": {"force_flush_interval": 1, "metrics_collected": {
		"procstat": [{"exe": "systemd-journald", "measurement": ["read_bytes"]}]}}}`)
	h.untilData(began, nil, "procstat")
}
