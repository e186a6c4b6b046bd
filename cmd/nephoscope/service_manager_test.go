package main

import (
	"bytes"
	"context"
	"encoding/xml"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// The control command speaks of systemd; another manager does the same for it.
func TestControlCommandStartsWhatAnotherManagerRuns(t *testing.T) {
	t.Parallel()
	root := image(t)
	program := filepath.Join(t.TempDir(), "nephoscope")
	write(t, program, "", 0o755)
	s := &hostService{root: root, manager: named(t, "procd"), program: program, out: io.Discard, running: true, command: refuse}
	f := func(line, want string) {
		t.Helper()
		if said, err := s.systemctl(t.Context(), strings.Fields(line)...); err != nil || said != want {
			t.Errorf("%s: %q, %v", line, said, err)
		}
	}
	f("show -p LoadState amazon-cloudwatch-agent.service", "LoadState=not-found\n")
	s.running = false
	if err := s.install(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.running = true
	word := "inactive"
	s.command = func(_ context.Context, name string, args ...string) (string, error) {
		if name != "/etc/init.d/amazon-cloudwatch-agent" {
			return refuse(t.Context(), name, args...)
		}
		switch args[0] {
		case "restart":
			word = "running"
		case "stop":
			word = "inactive"
		}
		return word, nil
	}
	f("daemon-reload", "")
	f("enable amazon-cloudwatch-agent.service", "")
	f("restart amazon-cloudwatch-agent.service", "")
	f("show -p LoadState amazon-cloudwatch-agent.service", "LoadState=loaded\nActiveState=active\nSubState=running\nMainPID=0\n")
	f("stop amazon-cloudwatch-agent.service", "")
	f("show -p LoadState amazon-cloudwatch-agent.service", "LoadState=loaded\nActiveState=inactive\nSubState=dead\nMainPID=0\n")
}

func TestManagerOfAnImageIsFound(t *testing.T) {
	t.Parallel()
	f := func(sign, want string) {
		t.Helper()
		root := image(t)
		if sign != "" {
			write(t, filepath.Join(root, sign), "", 0o755)
		}
		m, running, err := findManager(root, "")
		if want == "" && err != nil && strings.Contains(err.Error(), "--manager") {
			return
		}
		if err != nil || m.name != want || running {
			t.Errorf("%s: %v, running %v, %v", sign, m, running, err)
		}
	}
	f("usr/lib/systemd/systemd", "systemd")
	f("sbin/openrc-run", "openrc")
	f("sbin/procd", "procd")
	f("etc/init.d/skeleton", "sysv")
	f("", "")
	if _, _, status := nephoscope(t, "", "service", "status", "--manager", "sistemd"); status != exitUnread {
		t.Error("a manager that nobody knows: status", status)
	}
}

func TestWordsOfServiceManagersAreUnderstood(t *testing.T) {
	t.Parallel()
	f := func(manager, said string, ended int, running bool, pid int, detail string) {
		t.Helper()
		st := serviceState{Manager: manager}
		if st.read(said, ended); st.Running != running || st.PID != pid || st.Detail != detail {
			t.Errorf("%s %q: %+v", manager, said, st)
		}
	}
	f("systemd", "LoadState=loaded\nActiveState=active\nSubState=running\nMainPID=17\n", 0, true, 17, "active, running")
	f("systemd", "LoadState=loaded\nActiveState=activating\nSubState=auto-restart\nMainPID=0\n", 0, false, 0, "activating, auto-restart")
	f("systemd", "LoadState=loaded\nActiveState=failed\nSubState=failed\nMainPID=0\n", 0, false, 0, "failed")
	f("systemd", "LoadState=masked\nActiveState=inactive\nSubState=dead\n", 0, false, 0, "inactive, dead, masked")
	f("upstart", "amazon-cloudwatch-agent start/running, process 17\n", 0, true, 17, "")
	f("upstart", "amazon-cloudwatch-agent stop/waiting\n", 0, false, 0, "amazon-cloudwatch-agent stop/waiting")
	f("openrc", " * status: started\n", 0, true, 0, "")
	f("openrc", " * status: stopped\n", 3, false, 0, "stopped")
	f("openrc", " * status: crashed\n", 32, false, 0, "crashed")
	f("procd", "running\n", 0, true, 0, "")
	f("procd", "inactive\n", 3, false, 0, "inactive")
	f("sysv", "amazon-cloudwatch-agent runs (process 17)\n", 0, true, 17, "")
	f("sysv", "amazon-cloudwatch-agent does not run\n", 3, false, 0, "amazon-cloudwatch-agent does not run")
}

func TestServiceManagersErrorIsTold(t *testing.T) {
	t.Parallel()
	root := image(t)
	var out bytes.Buffer
	s := &hostService{root: root, manager: named(t, "openrc"), program: thisProgram(), out: &out, command: refuse}
	if err := s.start(t.Context()); err == nil || !strings.Contains(err.Error(), "nephoscope service install") {
		t.Errorf("not installed: %v", err)
	}
	if err := s.install(t.Context()); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(root, "opt/aws/amazon-cloudwatch-agent/etc/amazon-cloudwatch-agent.d/default"), "{}", 0o644)
	out.Reset()
	if err := s.start(t.Context()); err == nil || !strings.Contains(err.Error(), "does not run here") {
		t.Errorf("in a chroot: %v", err)
	}
	if _ = s.status(t.Context()); !strings.Contains(out.String(), "does not run here") || strings.Contains(out.String(), "Start it") {
		t.Errorf("in a chroot:\n%s", &out)
	}
	s.running = true
	started := false
	s.command = func(_ context.Context, name string, args ...string) (string, error) {
		if args[len(args)-1] == "status" {
			if started {
				return " * status: started\n", nil
			}
			return " * status: stopped\n", exec.Command("sh", "-c", "exit 3").Run()
		}
		started = strings.Join(append([]string{name}, args...), " ") == "rc-service amazon-cloudwatch-agent restart"
		if started {
			return "", nil
		}
		return " * ERROR: it cannot be started\n", exec.Command("sh", "-c", "exit 1").Run()
	}
	if err := s.start(t.Context()); err == nil || !strings.Contains(err.Error(), "* ERROR: it cannot be started (") {
		t.Errorf("refused: %v", err)
	}
	if err := s.restart(t.Context()); err != nil {
		t.Error(err)
	}
	if err := s.status(t.Context()); err != nil {
		t.Error(err)
	}
	for _, want := range []string{"service manager   OpenRC", "by nephoscope service install", "running           yes", "starts at boot    yes"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("status does not say %q:\n%s", want, &out)
		}
	}
}

func TestScriptsOfServicesAreShell(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"openrc", "sysv", "procd"} {
		script := filepath.Join("testdata", "service", name)
		if out, err := exec.Command("sh", "-n", script).CombinedOutput(); err != nil {
			t.Errorf("%s: %v: %s", name, err, out)
		}
	}
}

func TestPlistOfLaunchdIsAPlist(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("testdata/service/launchd")
	if err != nil {
		t.Fatal(err)
	}
	var plist struct {
		Keys  []string `xml:"dict>key"`
		Words []string `xml:"dict>array>string"`
		Label string   `xml:"dict>string"`
	}
	if err := xml.Unmarshal(text, &plist); err != nil {
		t.Fatal(err)
	}
	program := "/opt/aws/amazon-cloudwatch-agent/bin/amazon-cloudwatch-agent"
	if !slices.Contains(plist.Keys, "KeepAlive") || plist.Words[0] != program || programOf(string(text)) != program {
		t.Errorf("%+v, %s", plist, programOf(string(text)))
	}
	if named(t, "launchd").file != "/Library/LaunchDaemons/"+named(t, "launchd").service+".plist" {
		t.Error("the file is not named after the label")
	}
}

// The script of System V init watches the agent by itself: tried with a program that fails twice.
func TestScriptOfSystemVStartsAgainWhatFails(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	raw, err := os.ReadFile("testdata/service/sysv")
	if err != nil {
		t.Fatal(err)
	}
	text := strings.NewReplacer("home=/opt/aws/amazon-cloudwatch-agent", "home="+dir, "/var/run/", dir+"/", "pause=1\n", "pause=0\n").Replace(string(raw))
	script := filepath.Join(dir, "agent-script")
	write(t, script, text, 0o755)
	write(t, filepath.Join(dir, "bin/amazon-cloudwatch-agent"), `#!/bin/sh
echo x >>`+dir+`/starts
[ "$(wc -l <`+dir+`/starts)" -ge 3 ] || exit 1
mkfifo `+dir+`/up 2>/dev/null
trap 'echo ended >>`+dir+`/ended; exit 0' TERM
echo up >`+dir+`/up
while :; do sleep 0.1; done
`, 0o755)
	sh := func(want int, args ...string) string {
		t.Helper()
		cmd := exec.Command(script, args...)
		out, _ := cmd.CombinedOutput()
		if got := cmd.ProcessState.ExitCode(); got != want {
			t.Fatalf("%v: status %d: %s", args, got, out)
		}
		return string(out)
	}
	sh(3, "status")
	if said := sh(6, "start"); !strings.Contains(said, "not configured") {
		t.Error(said)
	}
	write(t, filepath.Join(dir, "etc/amazon-cloudwatch-agent.d/default"), "{}", 0o644)
	if out, err := exec.Command("mkfifo", filepath.Join(dir, "up")).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	sh(0, "start")
	defer exec.Command(script, "stop").Run()
	if up, err := os.ReadFile(filepath.Join(dir, "up")); string(up) != "up\n" { // waits for the third start
		t.Fatalf("%q, %v", up, err)
	}
	var st serviceState
	st.Manager = "sysv"
	if st.read(sh(0, "status"), 0); st.PID == 0 || exec.Command("kill", "-0", strconv.Itoa(st.PID)).Run() != nil {
		t.Errorf("%+v", st)
	}
	sh(0, "start") // which runs already
	sh(0, "stop")
	sh(3, "status")
	if ended, err := os.ReadFile(filepath.Join(dir, "ended")); string(ended) != "ended\n" {
		t.Errorf("it was not asked to end: %q, %v", ended, err)
	}
	starts, _ := os.ReadFile(filepath.Join(dir, "starts"))
	if n := strings.Count(string(starts), "x"); n != 3 {
		t.Errorf("%d starts", n)
	}
}
