//go:build packages

package packagetest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// patience is for everything that has to happen in the end. Nothing waits for it to pass.
const patience = 2 * time.Minute

// A host is a Debian that has booted with systemd, on an instance of EC2 as far as it can tell.
type host struct {
	*testing.T
	dir     string
	keeper  *exec.Cmd
	ended   chan error
	console string // a file
	*aws
}

var hosts atomic.Int64

// boot starts a host that has what the tree has.
func boot(t *testing.T) *host {
	t.Helper()
	return bake(t, "")
}

// bake is boot after a script has been run in the tree, where no systemd runs.
func bake(t *testing.T, script string) *host {
	t.Helper()
	h := &host{T: t, dir: t.TempDir(), ended: make(chan error, 1)}
	name := fmt.Sprintf("neph-%d-%d", os.Getpid(), hosts.Add(1))
	text, err := json.Marshal(order{Name: name, Tree: bed.tree, Dir: h.dir, IMDS: bed.imds, Tags: bed.tags, Bake: script})
	h.must(err)
	h.console = filepath.Join(h.dir, "console.log")
	log, err := os.Create(h.console)
	h.must(err)
	defer log.Close()
	h.keeper = exec.Command("/proc/self/exe")
	h.keeper.Env = append(os.Environ(), keeperOrder+"="+string(text))
	h.keeper.Stdout, h.keeper.Stderr = log, log
	h.keeper.SysProcAttr = ownWorld()
	gate, opener, err := os.Pipe() // it waits until it is in its control group
	h.must(err)
	h.keeper.Stdin = gate
	started := make(chan error)
	go func() {
		runtime.LockOSThread() // the keeper ends with the thread that started it
		defer runtime.UnlockOSThread()
		err := h.keeper.Start()
		_ = gate.Close()
		started <- err
		if err == nil {
			h.ended <- h.keeper.Wait()
		}
	}()
	h.must(<-started)
	leave, err := joinGroup(name, h.keeper.Process.Pid)
	t.Cleanup(func() {
		if t.Failed() {
			h.confess()
		}
		_ = h.keeper.Process.Kill()
		err := <-h.ended
		h.ended <- err
		if leave != nil {
			leave()
		}
	})
	h.must(err)
	h.must(opener.Close())
	h.aws = serveAWS(t, h.keeper.Process.Pid)
	h.awaitBoot(0)
	return h
}

// awaitBoot waits until systemd has started everything, as another process than it was.
func (h *host) awaitBoot(before int) {
	h.Helper()
	state := ""
	h.until("the host has booted", func() bool {
		if now := h.leader(); now == 0 || now == before {
			return false
		}
		out, _ := h.try("systemctl is-system-running")
		state = strings.TrimSpace(out)
		return state == "running" || state == "degraded"
	})
	if state == "degraded" {
		h.Errorf("units have failed at boot:\n%s", h.run("systemctl --failed --no-legend"))
	}
}

// reboot asks for a reboot as an operator does, and waits for it.
func (h *host) reboot() {
	h.Helper()
	before := h.leader()
	_, _ = h.try("sudo systemctl reboot") // it is cut off
	h.awaitBoot(before)
}

// leader is the host's process 1, as seen from here; 0 while there is none.
func (h *host) leader() int {
	nspawn := childOf(h.keeper.Process.Pid, "systemd-nspawn")
	if nspawn == 0 {
		return 0
	}
	return childOf(nspawn, "systemd")
}

// childOf finds a process by its parent and its name.
func childOf(parent int, name string) int {
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range stats {
		raw, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended
		}
		text := string(raw)
		from, to := strings.IndexByte(text, '('), strings.LastIndexByte(text, ')')
		after := strings.Fields(text[to+1:])
		if len(after) > 1 && text[from+1:to] == name && after[1] == strconv.Itoa(parent) {
			pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(path)))
			return pid
		}
	}
	return 0
}

// command is a shell's in the host, by the user who logs in on Ubuntu.
func (h *host) command(ctx context.Context, script string) *exec.Cmd {
	args := []string{"-t", strconv.Itoa(h.leader()), "-m", "-u", "-i", "-n", "-p", "-C", "-r", "-w", "--",
		"env", "-i", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "TERM=dumb", "LANG=C.UTF-8",
		"SYSTEMD_PAGER=cat", "SYSTEMD_COLORS=0", "bash", "-e", "-o", "pipefail", "-c", script}
	cmd := exec.CommandContext(ctx, "nsenter", args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	cmd.WaitDelay = 5 * time.Second
	return cmd
}

// try runs a script in the host, as root, and returns what it says.
func (h *host) try(script string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	runtime.LockOSThread() // the command ends with the thread that started it
	defer runtime.UnlockOSThread()
	out, err := h.command(ctx, script).CombinedOutput()
	return string(out), err
}

// run is try for what has to succeed.
func (h *host) run(script string) string {
	h.Helper()
	out, err := h.try(script)
	if err != nil {
		h.Fatalf("%s: %v\n%s", script, err, out)
	}
	return out
}

// types is run for what the walkthrough's user types, in the folder he is in. What he sees is logged.
func (h *host) types(folder, line string) string {
	h.Helper()
	began := time.Now()
	quoted := strings.ReplaceAll("cd "+folder+" && "+line, "'", `'\''`)
	out, err := h.try("runuser -u ubuntu -- bash -c '" + quoted + "'")
	h.Logf("ubuntu@host:%s$ %s\t# %v\n%s", folder, line, time.Since(began).Round(10*time.Millisecond), out)
	if err != nil {
		h.Fatalf("%s: %v", line, err)
	}
	return out
}

// path is a file of the host as seen from here.
func (h *host) path(name string) string {
	return filepath.Join("/proc", strconv.Itoa(h.leader()), "root", name)
}

func (h *host) read(name string) string {
	h.Helper()
	raw, err := os.ReadFile(h.path(name))
	h.must(err)
	return string(raw)
}

func (h *host) write(name, text string) {
	h.Helper()
	h.must(os.WriteFile(h.path(name), []byte(text), 0o644))
}

func (h *host) must(err error) {
	h.Helper()
	if err != nil {
		h.Fatal(err)
	}
}

// until waits for a condition, looking often.
func (h *host) until(what string, holds func() bool) {
	h.Helper()
	deadline, look := time.After(patience), time.NewTicker(100*time.Millisecond)
	defer look.Stop()
	for !holds() {
		select {
		case err := <-h.ended:
			h.ended <- err
			h.Fatalf("the host ended (%v) before this happened: %s", err, what)
		case <-deadline:
			h.Fatalf("never happened: %s", what)
		case <-look.C:
		}
	}
}

// confess logs what one needs to know of a host on which a test has failed.
func (h *host) confess() {
	said, _ := os.ReadFile(h.console)
	said = regexp.MustCompile(`(?m)^\d{4}/\d\d/\d\d [^\n]*\n`).ReplaceAll(said, nil) // the metadata service's
	h.Logf("the console said:\n%s", tail(said, 4000))
	for _, look := range []string{
		"systemctl status --no-pager -l amazon-cloudwatch-agent.service",
		"journalctl --no-pager -b -n 150",
		"nephoscope status",
		"tail -n 60 /opt/aws/amazon-cloudwatch-agent/logs/amazon-cloudwatch-agent.log",
		"ls -la /opt/aws/amazon-cloudwatch-agent/* /var/lib/nephoscope",
	} {
		if h.leader() == 0 {
			return
		}
		out, err := h.try(look)
		h.Logf("%s: %v\n%s", look, err, tail([]byte(out), 12_000))
	}
	if h.aws != nil {
		h.Logf("the services were asked %v and answered errors %v", h.service.Requests(), h.service.Errors())
	}
}

func contains(text, part string) bool { return strings.Contains(text, part) }

func tail(text []byte, most int) []byte {
	if len(text) > most {
		text = text[len(text)-most:]
	}
	return bytes.TrimSpace(text)
}
