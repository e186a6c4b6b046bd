package install

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/nephoscope/nephoscope/agent"
	"github.com/nephoscope/nephoscope/config"
)

var started = []string{"daemon-reload", "enable " + UnitName, "restart " + UnitName}

func TestRunningAgentIsReloadedAndNotRestarted(t *testing.T) {
	h := newHost(t)
	h.fine("-a", "fetch-config")
	h.running, h.systemd, h.active = true, true, true
	h.reload = func() agent.Reloaded { return agent.Reloaded{Applied: true, Changed: true, Started: 3, Undisturbed: 1} }
	h.fine("-a", "fetch-config", "-s")
	if h.reloads != 1 || len(h.commands) > 0 || !strings.Contains(h.out.String(), "without a restart; of its tasks 3 started, 0 stopped, 1 undisturbed") {
		t.Errorf("%d reloads, systemctl %v:\n%s", h.reloads, h.commands, &h.out)
	}
	// What was stored without -s is taken up later: that changes something too.
	if !h.fine("-a", "fetch-config", "-s") {
		t.Error("the reload changed something, and nobody says so")
	}
	h.reload = nil
	if h.fine("-a", "fetch-config", "-s") || strings.Contains(h.out.String(), "undisturbed") {
		t.Errorf("nothing changed:\n%s", &h.out)
	}
}

func TestConfigurationThatDoesNotComeUpIsPutBack(t *testing.T) {
	h := newHost(t)
	h.running = true
	h.fine("-a", "fetch-config", "-c", "file:"+h.write("old.json", mem), "-m", "ec2")
	next := h.write("new.json", swap)
	h.reload = func() agent.Reloaded {
		if h.stored() != "file_new.json" {
			t.Errorf("the agent is told when %s is stored", h.stored())
		}
		return agent.Reloaded{Reason: "not up within 30s: collector swap"}
	}
	h.fails("reload agent: not up within 30s: collector swap\nwhat was stored before is back", "-a", "fetch-config", "-m", "onPremise", "-s", "-c", "file:"+next)
	h.reload = func() agent.Reloaded { return agent.Reloaded{Reason: "no"} }
	h.fails("reload agent: no", "-a", "set-env", "-e", "HTTPS_PROXY=nonsense")
	h.reload = func() agent.Reloaded {
		return agent.Reloaded{Reason: "x: odd", Problems: []config.Problem{config.Mistake(config.Place{File: "x"}, "odd", "")}}
	}
	h.fails("reload agent: it was refused:\nx: odd\nwhat was stored before is back", "-a", "set-env", "-e", "HTTPS_PROXY=nonsense")
	h.reload = func() agent.Reloaded { return agent.Reloaded{Reason: "no"} }
	h.fails("reload agent: no", "-a", "append-config", "-s", "-c", "file:"+next)
	h.fine("-a", "append-config", "-c", "file:"+next)
	h.fails("reload agent: no", "-a", "remove-config", "-s", "-c", "file:"+next)
	h.fine("-a", "remove-config", "-c", "file:"+next)
	if err := h.ctl("-a", "fetch-config", "-s", "--json"); err == nil {
		t.Error("no error")
	}
	var said report
	if err := json.Unmarshal(h.out.Bytes(), &said); err != nil || said.Changed || said.Error == "" || !slices.Equal(said.Configurations, []string{"file_old.json"}) {
		t.Errorf("%v: %s", err, &h.out)
	}
}

func TestAgentThatDoesNotRunIsStartedBySystemd(t *testing.T) {
	h := newHost(t)
	h.systemd = true
	h.fine("-a", "fetch-config")
	if len(h.commands) > 0 {
		t.Errorf("systemctl %v without -s", h.commands)
	}
	if !h.fine("-a", "fetch-config", "-s") || !slices.Equal(h.commands, started) {
		t.Errorf("systemctl %v", h.commands)
	}
}

func TestAgentThatDoesNotComeUpIsAFailure(t *testing.T) {
	h := newHost(t)
	h.systemd, h.failing = true, true
	if err := h.ctl("-a", "fetch-config", "-s"); err == nil || !strings.Contains(err.Error(), "it did not come up; see why: journalctl") {
		t.Errorf("got %v", err)
	}
}

func TestAskedToStartWhereNothingStarts(t *testing.T) {
	h := newHost(t)
	err := h.ctl("-a", "fetch-config", "-m", "onPremise", "-s")
	want := "the configuration is stored, but systemd does not start what lies under a root folder; run it with: nephoscope run --root " + h.layout.Root
	if err == nil || !strings.HasSuffix(err.Error(), want) {
		t.Errorf("got %v, want …%s", err, want)
	}
	if h.stored() != "default" {
		t.Error("the configuration was fine and is not stored")
	}
}

func TestOtherUserTakesARestart(t *testing.T) {
	h := newHost(t)
	h.running, h.systemd, h.active = true, true, true
	h.fine("-a", "fetch-config", "-c", "file:"+h.write("config.json", mem))
	root := strings.Replace(mem, "{", `{"agent": {"run_as_user": "root"}, `, 1) // as before, in so many words
	if h.fine("-a", "fetch-config", "-s", "-c", "file:"+h.write("config.json", root)); h.reloads != 1 || len(h.commands) > 0 {
		t.Errorf("%d reloads, systemctl %v", h.reloads, h.commands)
	}
	if h.fine("-a", "fetch-config", "-s"); h.reloads != 1 || !slices.Equal(h.commands, started) {
		t.Errorf("%d reloads, systemctl %v", h.reloads, h.commands)
	}
}

func TestOtherModeTakesARestart(t *testing.T) {
	h := newHost(t)
	h.fine("-a", "fetch-config", "-m", "ec2")
	h.running = true
	h.reload = func() agent.Reloaded { return agent.Reloaded{Applied: true, Changed: true, Restart: "the mode"} }
	h.fine("-a", "fetch-config", "-m", "onPremise", "-s")
	if h.reloads != 1 || !strings.Contains(h.err.String(), "the mode has changed: stop the agent and start it again") {
		t.Errorf("%d reloads, it says:\n%s", h.reloads, &h.err)
	}
	h.systemd, h.active = true, true
	if h.fine("-a", "fetch-config", "-m", "ec2", "-s"); h.reloads != 1 || !slices.Equal(h.commands, started) {
		t.Errorf("%d reloads, systemctl %v", h.reloads, h.commands)
	}
}

func TestModeOfTheAgentsOwnCommandLineIsTold(t *testing.T) {
	h := newHost(t)
	h.fine("-a", "fetch-config")
	h.running, h.mode = true, agent.EC2
	if h.fine("-a", "fetch-config", "-m", "onPremise", "-s"); !strings.Contains(h.err.String(), "runs with --mode ec2, and not with the mode that was stored") {
		t.Errorf("it says:\n%s", &h.err)
	}
	if h.fine("-a", "fetch-config", "-m", "ec2", "-s"); h.err.Len() > 0 {
		t.Errorf("it says:\n%s", &h.err)
	}
}

func TestLevelIsStoredThoughTheConfigurationIsRefused(t *testing.T) {
	h := newHost(t)
	h.fine("-a", "fetch-config")
	h.running = true
	h.reload = func() agent.Reloaded { return agent.Reloaded{Reason: "x: odd"} }
	f := func(said, level string, changed bool) {
		t.Helper()
		if h.fine("-a", "set-log-level", "-l", level) != changed || !strings.Contains(h.err.String(), said+"; the configuration that is stored was refused: x: odd") {
			t.Errorf("%s: it says:\n%s%s", level, &h.out, &h.err)
		}
	}
	f("the level is stored and takes effect when the configuration does", "DEBUG", true)
	h.level = "warn"
	f("the level is stored and is in effect", "WARN", true)
	f("the level is stored and is in effect", "WARN", false)
}

func TestWarningsAreToldWithAFailureToo(t *testing.T) {
	h := newHost(t)
	if err := h.ctl("-a", "fetch-config", "-s", "-c", "file:"+h.write("a.json", `{"agent": {"intervall": 1}, "metrics": {"metrics_collected": {"mem": {"measurement": ["used_percent"]}}}}`)); err == nil || !strings.Contains(h.err.String(), "warning: ") || !strings.Contains(h.err.String(), "intervall") {
		t.Errorf("not started: %v, it says:\n%s", err, &h.err)
	}
	h.fails("nothing was written", "-a", "fetch-config", "-c", "file:"+h.write("b.json", `{"agent": {"intervall": 1, "metrics_collection_interval": "often"}}`))
	if !strings.Contains(h.err.String(), "intervall") {
		t.Errorf("it says:\n%s", &h.err)
	}
}

func TestRestartThatWasLeftOpenIsMadeUpFor(t *testing.T) {
	h := newHost(t)
	h.running, h.systemd, h.active = true, true, true
	h.fine("-a", "fetch-config", "-m", "onPremise") // without -s
	h.reload = func() agent.Reloaded { return agent.Reloaded{Applied: true, Restart: "agent.run_as_user"} }
	if !h.fine("-a", "fetch-config", "-m", "onPremise", "-s") || !slices.Equal(h.commands, started) {
		t.Errorf("systemctl %v:\n%s", h.commands, &h.out)
	}
	h.fine("-a", "set-env", "-e", "NEPHOSCOPE_MODE=ec2")
	if !strings.Contains(h.err.String(), "agent.run_as_user has changed: stop the agent and start it again") {
		t.Errorf("set-env says:\n%s", &h.err)
	}
}

func TestConfigurationThatDoesNotComeUpAfterARestartIsPutBack(t *testing.T) {
	h := newHost(t)
	h.running, h.systemd, h.active = true, true, true
	h.fine("-a", "fetch-config")
	h.starts = func() bool { return h.stored() == "default" }
	h.fails("it did not come up; see why: journalctl -u amazon-cloudwatch-agent\nwhat was stored before is back, and the agent runs with it", "-a", "fetch-config", "-s", "-c", "file:"+h.write("root.json", mem))
	if !h.running || !slices.Equal(h.commands, slices.Concat(started, started)) {
		t.Errorf("systemctl %v", h.commands)
	}
}

func TestStoredConfigurationThatIsRefusedIsNotSaidToBeBack(t *testing.T) {
	h := newHost(t)
	h.fine("-a", "fetch-config")
	h.running = true
	h.reload = func() agent.Reloaded { return agent.Reloaded{Reason: "no"} }
	h.fails("no\nit was stored before and stays so", "-a", "fetch-config", "-s")
}

func TestInterruptWhileTheAgentIsToldLeavesTheNewConfiguration(t *testing.T) {
	h := newHost(t)
	h.fine("-a", "fetch-config")
	h.running = true
	h.reload = func() agent.Reloaded {
		self, err := os.FindProcess(os.Getpid())
		if err == nil {
			err = self.Signal(os.Interrupt)
		}
		if err != nil {
			t.Skip("NOT RUN: ", err)
		}
		return agent.Reloaded{}
	}
	h.interrupted = true
	err := h.ctl("-a", "append-config", "-s", "-c", "file:"+h.write("swap.json", swap))
	if err == nil || !strings.Contains(err.Error(), "whether the agent has taken it up is not known: context canceled") || h.stored() != "default file_swap.json" {
		t.Errorf("got %v, stored %s", err, h.stored())
	}
}

func TestRemoveAllStopsAndDoesNotStartAgain(t *testing.T) {
	h := newHost(t)
	h.running, h.systemd, h.active = true, true, true
	h.fine("-a", "fetch-config")
	if !h.fine("-a", "remove-config", "-c", "all", "-s") || h.running || h.stored() != "" || !slices.Equal(h.commands, []string{"stop " + UnitName}) {
		t.Errorf("systemctl %v, stored %s", h.commands, h.stored())
	}
	if !strings.Contains(h.out.String(), "all amazon-cloudwatch-agent configurations have been removed\n") {
		t.Errorf("it says:\n%s", &h.out)
	}
}

func TestStartAndStopAreSaidAsTheOriginalSaysThem(t *testing.T) {
	h := newHost(t)
	h.systemd = true
	f := func(action, line string, changed bool) {
		t.Helper()
		if got := h.fine("-a", action); got != changed || !strings.HasPrefix(h.out.String(), "\n****** processing amazon-cloudwatch-agent ******\n"+line) {
			t.Errorf("%s: changed %v:\n%s", action, got, &h.out)
		}
	}
	f("stop", "amazon-cloudwatch-agent has already been stopped\n", false)
	f("start", "amazon-cloudwatch-agent is not configured. Applying amazon-cloudwatch-agent default configuration.\n", true)
	f("start", "amazon-cloudwatch-agent has already been started\n", false)
	f("stop", "", true)
	f("start", "The agent has been started\n", true)
	if h.stored() != "default" || !slices.Equal(h.commands, slices.Concat(started, []string{"stop " + UnitName}, started)) {
		t.Errorf("stored %s, systemctl %v", h.stored(), h.commands)
	}
}

func TestAgentThatSystemdStartsAgainAndAgainDoesNotRun(t *testing.T) {
	h := newHost(t)
	h.fine("-a", "fetch-config", "-c", "default")
	h.systemd, h.active, h.failing = true, true, true
	if err := h.ctl("-a", "status"); err != nil || !strings.Contains(h.out.String(), `"status": "stopped"`) {
		t.Errorf("got %v\n%s", err, &h.out)
	}
	h.starts = func() bool { return true } // what was wrong has been put right
	if !h.fine("-a", "start") || !h.running {
		t.Errorf("it is not started:\n%s", &h.out)
	}
}

func TestStartTakesWhatAnOlderAgentWasToldBeforeTheDefault(t *testing.T) {
	h := newHost(t)
	h.systemd = true
	legacy := h.write("opt/aws/amazon-cloudwatch-agent/etc/amazon-cloudwatch-agent.json", mem)
	h.fine("-a", "start")
	if _, err := os.Stat(legacy); err != nil || h.stored() != "file_amazon-cloudwatch-agent.json" {
		t.Errorf("stored %s, %v", h.stored(), err)
	}
}

func TestPackagesStopAndStartAnAgentThatRuns(t *testing.T) {
	h := newHost(t)
	h.systemd = true
	flag := filepath.Join(h.layout.Etc(), "restart")
	h.fine("-a", "fetch-config", "-s")
	h.commands = nil
	h.fine("-a", "prep-restart")
	h.fine("-a", "stop")
	if _, err := os.Stat(flag); err != nil {
		t.Error(err)
	}
	h.fine("-a", "cond-restart")
	if _, err := os.Stat(flag); err == nil || !slices.Equal(h.commands, append([]string{"stop " + UnitName}, started...)) {
		t.Errorf("systemctl %v, %v", h.commands, err)
	}
	h.commands = nil
	if err := h.ctl("-a", "preun"); err != nil || !slices.Equal(h.commands, []string{"stop " + UnitName, "disable " + UnitName, "daemon-reload", "reset-failed"}) {
		t.Errorf("systemctl %v, %v", h.commands, err)
	}
	// One that did not run is not started.
	h.commands = nil
	if h.fine("-a", "prep-restart") || h.fine("-a", "cond-restart") || len(h.commands) > 0 {
		t.Errorf("systemctl %v", h.commands)
	}
}

func TestStatusIsTheOriginalsAndThenOurs(t *testing.T) {
	h := newHost(t)
	f := func(want string, args ...string) {
		t.Helper()
		if err := h.ctl(append([]string{"-a"}, args...)...); err != nil || h.out.String() != want {
			t.Errorf("%v, got\n%swant\n%s", err, &h.out, want)
		}
	}
	f(`{
  "status": "stopped",
  "starttime": "",
  "configstatus": "not configured",
  "version": "1.2.3",
  "configurations": [],
  "mode": "auto"
}
`, "status")
	h.fine("-a", "fetch-config", "-m", "ec2")
	h.fine("-a", "set-log-level", "-l", "WARN")
	h.running = true
	f(strings.ReplaceAll(`{
  "status": "running",
  "starttime": "2026-01-01T00:00:00+00:00",
  "configstatus": "configured",
  "version": "1.2.3",
  "workloads": [],
  "configurations": [
    "default"
  ],
  "mode": "ec2",
  "log_level": "WARN",
  "health": "ok",
  "reasons": [],
  "agent": {
    "version": "1.2.0",
    "pid": PID,
    "uptime_seconds": 0,
    "state_folder": "",
    "mode": "",
    "region": "eu-west-1",
    "on_disk": "runs"
  }
}
`, "PID", itoa(os.Getpid())), "status-with-workloads")
	// An agent that says nothing runs if systemd says so.
	h.running, h.systemd, h.active = false, true, true
	if err := h.ctl("-a", "status", "--json"); err != nil || !strings.HasPrefix(h.out.String(), "{\n  \"status\": \"running\",\n") {
		t.Errorf("%v\n%s", err, &h.out)
	}
}

func TestStatusOfAnAgentThatMayNotBeAsked(t *testing.T) {
	h := newHost(t)
	h.silent = fmt.Errorf("dial: %w (try sudo)", fs.ErrPermission)
	if err := h.ctl("-a", "status"); err == nil || err.Error() != "dial: permission denied (try sudo)" {
		t.Errorf("got %v", err)
	}
	h.systemd = true
	for _, state := range []string{"stopped", "running"} {
		h.active = state == "running"
		if err := h.ctl("-a", "status"); err != nil || !strings.HasPrefix(h.out.String(), "{\n  \"status\": \""+state+"\",") {
			t.Errorf("%s: %v\n%s", state, err, &h.out)
		}
	}
	// One that is there and does not answer is no reason to say that it is stopped.
	h.systemd, h.silent = false, errors.New("no answer")
	if err := h.ctl("-a", "status"); err != nil || !strings.HasPrefix(h.out.String(), "{\n  \"status\": \"running\",") || !strings.Contains(h.err.String(), "warning: no answer") {
		t.Errorf("%v\n%s", err, &h.out)
	}
	h.fails("stop agent: ", "-a", "stop")
}

func itoa(n int) string {
	text, _ := json.Marshal(n)
	return string(text)
}
