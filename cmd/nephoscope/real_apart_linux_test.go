package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
)

// apartName tells a test process which test it is there for; apartAgent is the agent that its parent has built.
const (
	apartName  = "NEPHOSCOPE_TEST_APART"
	apartAgent = "NEPHOSCOPE_TEST_AGENT"
)

// atOnce bounds the processes: they wait far more than they work, so that there may be more than there are processors.
var atOnce = make(chan struct{}, 5)

// apart runs a test, which must not be parallel yet, in a process that has mounts, network and processes of its own, and returns true in there. What the
// test mounts, cuts off or leaves running ends with that process, however it ends; nothing of it is seen outside.
func apart(t *testing.T, programs ...string) (inside bool) {
	t.Helper()
	if os.Getenv(apartName) == t.Name() {
		settle(t)
		return true
	}
	if os.Getenv(apartName) != "" {
		return true // a part of such a test
	}
	needsRoot(t)
	for _, p := range append(programs, "ip") {
		needsProgram(t, p)
	}
	agent, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, "-test.v", "-test.timeout=5m", "-test.run=^"+strings.ReplaceAll(t.Name(), "/", "$/^")+"$")
	cmd.Env = append(os.Environ(), apartName+"="+t.Name(), apartAgent+"="+agent)
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:   syscall.CLONE_NEWPID,
		Unshareflags: syscall.CLONE_NEWNS | syscall.CLONE_NEWNET, // here, for it makes the mounts private as well
		Pdeathsig:    syscall.SIGKILL,
	}
	type result struct {
		said string
		err  error
	}
	ended := make(chan result, 1)
	go func() {
		runtime.LockOSThread() // Pdeathsig is about the thread
		defer runtime.UnlockOSThread()
		atOnce <- struct{}{}
		defer func() { <-atOnce }()
		out, err := cmd.CombinedOutput()
		ended <- result{strings.TrimSpace(string(out)), err}
	}()
	t.Parallel()
	r := <-ended
	if r.err != nil || !strings.Contains(r.said, "--- PASS: "+t.Name()) {
		t.Fatalf("in a process of its own: %v\n%s", r.err, r.said)
	}
	t.Log(r.said)
	return false
}

// settle furnishes the process that apart has started: the loopback network, its own /proc, and the agent that is there.
func settle(t *testing.T) {
	t.Helper()
	run(t, "ip", "link", "set", "lo", "up")
	if err := syscall.Mount("proc", "/proc", "proc", 0, ""); err != nil {
		t.Fatalf("mount /proc: %v", err)
	}
	useAgent(t, os.Getenv(apartAgent))
}

// useAgent makes this process's tests start something else as the agent. It stands in a folder of its own, which is removed
// in the end.
func useAgent(t *testing.T, target string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "agent", "nephoscope")
	if err := os.Mkdir(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(target, path); err != nil {
		t.Fatal(err)
	}
	binary = func() (string, error) { return path, nil }
}

// run runs a program that has to succeed.
func run(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

func needsRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		cannotRun(t, "it needs root (for namespaces and mounts)")
	}
}

func needsProgram(t *testing.T, name string) {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		cannotRun(t, name+" is not installed; make test installs it as root")
	}
}

// cannotRun skips, loudly. Where everything is to be tested, it is a failure.
func cannotRun(t *testing.T, why string) {
	t.Helper()
	if os.Getenv("CI") != "" || os.Getenv("NEPHOSCOPE_FULL") == "1" {
		t.Fatal(why)
	}
	t.Skip("NOT RUN: " + why)
}
