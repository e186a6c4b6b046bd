package main

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/nephoscope/nephoscope/agent"
	"github.com/nephoscope/nephoscope/internal/install"
)

const home = "/opt/aws/amazon-cloudwatch-agent"

const memInRegion = `{"agent": {"region": "eu-west-1", "run_as_user": "root"}, "metrics": {"metrics_collected": {"mem": {"measurement": ["used_percent"]}}}}`

// typed runs a command line as it is typed, word by word, and returns what it prints.
type typed struct {
	*testing.T
	env  []string
	root string // to change to; "": none
	dir  string // "": /
}

func (h typed) line(line string) (stdout, stderr string, status int) {
	h.Helper()
	words := strings.Fields(line)
	cmd := &exec.Cmd{Path: words[0], Args: words, Env: h.env, Dir: cmp.Or(h.dir, "/")}
	if !strings.Contains(words[0], "/") {
		h.Fatalf("%s: not a path", words[0])
	}
	if h.root != "" {
		cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: h.root}
	}
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	if cmd.ProcessState == nil {
		h.Fatal(err)
	}
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

// does runs a line that has to succeed and to say something.
func (h typed) does(line, says string) {
	h.Helper()
	stdout, stderr, status := h.line(line)
	if status != 0 || !strings.Contains(stdout, says) {
		h.Errorf("%s: status %d, want it to say %q:\n%s%s", line, status, says, stdout, stderr)
	}
}

// static builds the command as it is shipped, which needs nothing of the system that it runs on: once for all tests, also
// for those that run apart.
var static = sync.OnceValues(func() (string, error) {
	if path := os.Getenv(apartStatic); path != "" {
		return path, nil
	}
	plain, err := binary()
	if err != nil {
		return "", err
	}
	path := plain + "-static" // in the same folder, which is removed
	cmd := exec.Command("go", "build", "-o", path, ".")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build: %w\n%s", err, out)
	}
	return path, os.Setenv(apartStatic, path)
})

const apartStatic = "NEPHOSCOPE_TEST_STATIC"

func needsStatic(t *testing.T) {
	t.Helper()
	if _, err := static(); err != nil {
		t.Fatal(err)
	}
}

// installed lays the programs out as a package does, under a root folder.
func installed(t *testing.T, root string) {
	t.Helper()
	layout := install.Layout{Root: root}
	if err := os.MkdirAll(layout.Bin(), 0o755); err != nil {
		t.Fatal(err)
	}
	agent, err := static()
	if err == nil {
		err = os.Link(agent, filepath.Join(layout.Bin(), "amazon-cloudwatch-agent"))
	}
	if errors.Is(err, syscall.EXDEV) {
		run(t, "cp", agent, layout.Bin()+"/amazon-cloudwatch-agent")
	} else if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"amazon-cloudwatch-agent-ctl", "start-amazon-cloudwatch-agent"} {
		if err := os.Symlink("amazon-cloudwatch-agent", filepath.Join(layout.Bin(), name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(layout.WizardConfig(), []byte(memInRegion), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestControlCommandAsTypedWhereThereIsNothingElse(t *testing.T) {
	needsStatic(t)
	if !apart(t) {
		return
	}
	b := newBed(t)
	root := t.TempDir()
	installed(t, root)
	h := typed{t, b.env, root, ""}
	const ctl = home + "/bin/amazon-cloudwatch-agent-ctl"
	const fetch = ctl + " -a fetch-config -m ec2 -c file:" + home + "/bin/config.json -s"
	stdout, stderr, status := h.line(fetch)
	if want := "start agent: the configuration is stored, but no systemd runs here; run it with: " + home + "/bin/amazon-cloudwatch-agent run\n"; status != 1 || stderr != want || !strings.Contains(stdout, "Configuration validation succeeded\n") {
		t.Errorf("status %d:\n%s%swant\n%s", status, stdout, stderr, want)
	}
	inBin := typed{t, b.env, root, home + "/bin"}
	if _, stderr, _ := inBin.line("./amazon-cloudwatch-agent-ctl -a start"); !strings.HasSuffix(stderr, ": "+home+"/bin/amazon-cloudwatch-agent run\n") {
		t.Errorf("from its own folder: %s", stderr)
	}
	h.does(ctl+" -a status", "{\n  \"status\": \"stopped\",\n  \"starttime\": \"\",\n  \"configstatus\": \"configured\",\n")
	h.does(ctl+" -m ec2 -a stop", "amazon-cloudwatch-agent has already been stopped\n")
	run := &exec.Cmd{Path: home + "/bin/start-amazon-cloudwatch-agent", Args: []string{home + "/bin/start-amazon-cloudwatch-agent"}, Env: b.env, Dir: "/", SysProcAttr: &syscall.SysProcAttr{Chroot: root}}
	b.output = &syncBuffer{}
	run.Stdout, run.Stderr = b.output, b.output
	b.must(run.Start())
	ended := make(chan error, 1)
	go func() { ended <- run.Wait() }()
	b.until("the agent answers", func() bool {
		_, err := statusOf(t.Context(), install.Layout{Root: root}.State())
		return err == nil
	})
	h.does(ctl+" -a status", "\"status\": \"running\"")
	// As the walkthrough types it after the configuration was edited: file://opt/…
	b.must(os.WriteFile(install.Layout{Root: root}.WizardConfig(), []byte(strings.Replace(memInRegion, `"mem"`, `"swap": {"measurement": ["used_percent"]}, "mem"`, 1)), 0o644))
	again := strings.Replace(fetch, "file:/", "file://", 1)
	h.does(again, "The agent has taken it up without a restart; of its tasks 1 started, 0 stopped, ")
	h.does(again, "\nresult: already in place\n")
	h.does(ctl+" -m ec2 -a stop", "The agent has been stopped\n")
	if err := <-ended; err != nil {
		t.Errorf("the agent ended with %v", err)
	}
	h.does(ctl+" -a status", "\"status\": \"stopped\"")
}

// fakeSystemctl knows one service, and keeps a record. It stands where systemd would.
const fakeSystemctl = `#!/bin/sh
echo "$*" >> %[1]s/calls
alive() { [ -s %[1]s/pid ] && grep -q '^State:.[^Z]' "/proc/$(cat %[1]s/pid)/status" 2>/dev/null; }
end() { if alive; then kill "$(cat %[1]s/pid)"; while alive; do sleep 0.05; done; fi; rm -f %[1]s/pid; }
case "$1" in
show)
	echo LoadState=loaded
	if alive; then echo ActiveState=active; echo "MainPID=$(cat %[1]s/pid)"; else echo ActiveState=inactive; echo MainPID=0; fi ;;
restart) end; "%[2]s/bin/start-amazon-cloudwatch-agent" >%[1]s/log 2>&1 & echo $! > %[1]s/pid ;;
stop) end ;;
esac
`

func TestControlCommandStartsTheServiceOfSystemd(t *testing.T) {
	needsStatic(t)
	if !apart(t, "sh") {
		return
	}
	b := newBed(t)
	for _, folder := range []string{"/run", "/opt", "/var/lib"} {
		if err := syscall.Mount("none", folder, "tmpfs", 0, ""); err != nil {
			t.Fatalf("mount %s: %v", folder, err)
		}
	}
	b.must(os.MkdirAll("/run/systemd/system", 0o755))
	fake := t.TempDir()
	b.must(os.WriteFile(filepath.Join(fake, "systemctl"), fmt.Appendf(nil, fakeSystemctl, fake, home), 0o755))
	installed(t, "/")
	h := typed{T: t, env: append([]string{"PATH=" + fake + ":" + os.Getenv("PATH")}, b.env[1:]...)}
	const ctl = home + "/bin/amazon-cloudwatch-agent-ctl"
	h.does(ctl+" -a fetch-config -m onPremise -c file:"+home+"/bin/config.json -s", "The agent has been started\nresult: changed\n")
	h.does(ctl+" -a status", "\"status\": \"running\"")
	s, err := statusOf(t.Context(), install.Layout{}.State())
	if pid, _ := os.ReadFile(filepath.Join(fake, "pid")); err != nil || strings.TrimSpace(string(pid)) != fmt.Sprint(s.PID) || s.Health == agent.Failing {
		t.Errorf("process %s, %+v, %v", pid, s, err)
	}
	h.does(ctl+" -a start", "amazon-cloudwatch-agent has already been started\n")
	// An agent whose socket is not found is still one that runs.
	h.does(ctl+" --state /nowhere -a status", "{\n  \"status\": \"running\",\n  \"starttime\": \"20")
	h.does(ctl+" -a prep-restart", "result: changed")
	h.does(ctl+" -a stop", "The agent has been stopped\n")
	h.does(ctl+" -a cond-restart", "The agent has been started\n")
	h.does(ctl+" -a remove-config -c all -s", "all amazon-cloudwatch-agent configurations have been removed\nThe agent has been stopped\n")
	h.does(ctl+" -a preun", "amazon-cloudwatch-agent has already been stopped\n")
	calls, _ := os.ReadFile(filepath.Join(fake, "calls"))
	var got []string
	for call := range strings.Lines(string(calls)) {
		if !strings.HasPrefix(call, "show ") {
			got = append(got, strings.TrimSpace(strings.ReplaceAll(call, "amazon-cloudwatch-agent.service", "it")))
		}
	}
	if want := "daemon-reload, enable it, restart it, stop it, daemon-reload, enable it, restart it, stop it, disable it, daemon-reload, reset-failed"; strings.Join(got, ", ") != want {
		t.Errorf("systemctl was called with\n%s\nwant\n%s", strings.Join(got, ", "), want)
	}
}
