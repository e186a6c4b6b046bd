package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Root, who asks, may read everything; what scrapes may read what the agent's user may. What keeps it from that is told with the
// command that cures it, by all that look at a configuration before it runs.
func TestScrapeConfigurationIsReadAsTheAgentsUser(t *testing.T) {
	who := nobody(t)
	t.Parallel()
	b := newScrapeBed(t, realScraper(t))
	b.must(os.Chmod(filepath.Dir(b.dir), 0o755)) // testing's own, which is closed
	b.config(strings.Replace(`{"agent": {"run_as_user": "nobody"}, "logs": {"metrics_collected": {"prometheus": {"log_group_name": "/web/prometheus",
		"prometheus_config_path": "%DIR%/prometheus.yaml", "disable_metric_extraction": true}}}}`, "nobody", who.name, 1))
	b.write("key", "no key\n")
	b.replace("prometheus.yaml", "scrape_configs:\n- job_name: a\n  static_configs: [{targets: ['a:1']}]\n  authorization: {credentials_file: "+b.path("key")+"}\n")
	b.must(os.Chmod(b.path("prometheus.yaml"), 0o600))
	b.must(os.Chmod(b.path("key"), 0o600))
	says := func(want string, args ...string) string {
		t.Helper()
		out, _ := exec.Command(b.program, args...).CombinedOutput()
		if text := strings.Join(strings.Fields(string(out)), " "); !strings.Contains(text, want) {
			t.Errorf("%s: no %q in\n%s", args, want, out)
		}
		return string(out)
	}
	file, config := b.path("prometheus.yaml"), b.path("config.json")
	unread := file + " cannot be read by " + who.name
	out := says(unread, "check", config)
	says(unread, "migrate", "--from", "original", config)
	says(unread, "doctor", "--offline", "--only", "config", config)
	_, cure, _ := strings.Cut(out, "(sudo chgrp ")
	cure, _, _ = strings.Cut("chgrp "+cure, ")\n")
	if done, err := exec.Command("sh", "-c", strings.ReplaceAll(cure, "sudo ", "")).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v, %s", cure, err, done)
	}
	says("read "+b.path("key")+": permission denied", "check", config)
	b.must(os.Chmod(b.path("key"), 0o644))
	if out := says("fine", "check", config); strings.Contains(out, "warning") {
		t.Errorf("got %s", out)
	}
	b.must(os.Mkdir(b.path("closed"), 0o700))
	b.must(os.Rename(file, b.path("closed/prometheus.yaml")))
	b.must(os.Symlink("closed/prometheus.yaml", file))
	says("closed cannot be entered by "+who.name, "check", config)
	says("sudo setfacl -m u:"+who.name+":x "+b.path("closed"), "check", config)
}

// A mistake in the scrape configuration costs the job that has it: neither the control command nor migrate refuses the rest for it.
func TestMistakeInAScrapeConfigurationHoldsUpNothing(t *testing.T) {
	t.Parallel()
	b := newScrapeBed(t, realScraper(t))
	b.replace("prometheus.yaml", "scrape_configs:\n- job_name: a\n  static_configs: [{target: ['a:1']}]\n")
	for status, args := range [][]string{{"migrate", "--from", "original", b.path("config.json")}, {"check", b.path("config.json")}} {
		cmd := exec.Command(b.program, args...)
		out, _ := cmd.CombinedOutput()
		if got := cmd.ProcessState.ExitCode(); got != status || !strings.Contains(string(out), "static_configs[0].target: unknown key") {
			t.Errorf("%s: status %d, want %d:\n%s", args[0], got, status, out)
		}
	}
}
