package main

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/nephoscope/nephoscope/config"
)

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

func TestLogLevelIsTakenUpThoughTheConfigurationIsRefused(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.config(oneLog)
	b.replace("env.json", `{"A": "b"}`)
	b.start("--env-config", b.path("env.json"))
	b.answers()
	b.config(tenMistakes)
	f := func(environment, want string) {
		t.Helper()
		b.replace("env.json", environment)
		if got := b.reload(); got.Applied {
			t.Errorf("%s: got %+v", environment, got)
		}
		if s, _ := b.ledger(); s.Configuration.LogLevel != want {
			t.Errorf("%s: got %s, want %s", environment, s.Configuration.LogLevel, want)
		}
	}
	f(`{"A": "b", "CWAGENT_LOG_LEVEL": "DEBUG"}`, "debug")
	f(`{"A": "c", "CWAGENT_LOG_LEVEL": "WARN"}`, "debug") // ctl puts this back as a whole
	f(`{"A": "b"}`, "info")
	b.config(oneLog)
	if got := b.reload(); !got.Applied || got.Changed {
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
	with := func(path string) string {
		return strings.Replace(oneLog, `"region"`, `"logfile": "`+path+`", "region"`, 1)
	}
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

func TestModeOfTheControlCommand(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.config(oneLog)
	b.replace("env.json", `{"NEPHOSCOPE_MODE": "onprem"}`)
	args := []string{"--env-config", b.path("env.json")}
	b.start(args...)
	b.answers()
	if s, _ := b.ledger(); s.Mode != "onPremise" {
		t.Errorf("got %s", s.Mode)
	}
	b.replace("env.json", `{"NEPHOSCOPE_MODE": "ec2"}`)
	if got := b.reload(); !got.Applied || !got.Changed || got.Restart != "NEPHOSCOPE_MODE" {
		t.Errorf("got %+v", got)
	}
	if s, _ := b.ledger(); s.Mode != "onPremise" || !strings.Contains(s.Configuration.Restart, "another mode takes effect after a restart") {
		t.Errorf("got %s, %+v", s.Mode, s.Configuration)
	}
	b.replace("env.json", `{"NEPHOSCOPE_MODE": "moon"}`)
	if got := b.reload(); !got.Applied || len(got.Problems) == 0 || !strings.Contains(got.Problems[0].Error(), `NEPHOSCOPE_MODE: unknown mode "moon"`) {
		t.Errorf("got %+v", got)
	}
	b.stop()
	b.replace("env.json", `{"NEPHOSCOPE_MODE": "onPremise"}`)
	b.start(append(args, "--mode", "ec2")...)
	b.answers()
	b.replace("env.json", `{}`)
	if got := b.reload(); !got.Applied || got.Changed || got.Restart != "" {
		t.Errorf("a flag comes first: got %+v", got)
	}
	b.stop()
}

func TestBudgetsAreSettingsWithoutATask(t *testing.T) {
	t.Parallel()
	of := func(ours string) settings {
		t.Helper()
		c, err := config.Parse("c.json", []byte(`{"nephoscope": {`+ours+`}, "metrics": {"metrics_collected": {"mem": {"measurement": ["used"]}}},
			"logs": {"logs_collected": {"files": {"collect_list": [{"file_path": "/a"}]}}}}`))
		if err != nil {
			t.Fatal(err)
		}
		return settings{config: c}
	}
	none := of("")
	for _, ours := range []string{`"series_budget": 7`, `"deleted_files_mib": 7`, `"memory_budget_mib": 7`} {
		if !none.differs(of(ours)) || !of(ours).differs(none) || of(ours).differs(of(ours)) {
			t.Errorf("%s is not told from what is there without", ours)
		}
	}
	if (settings{config: &config.Config{}}).differs(settings{config: &config.Config{}}) {
		t.Error("nothing differs from nothing")
	}
}
