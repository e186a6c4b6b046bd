package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

const (
	// stopTime is how long the agent may take to stop.
	stopTime = 15 * time.Second
	// youth is how old a process is that may not have come to listen to signals: SIGTERM ends it as SIGKILL does.
	youth      = time.Second
	terminated = "signal: terminated"
)

// agent is the process that is tortured, in all its lives.
type agent struct {
	binary, dir string
	env         []string
	failed      chan error // how it ended when nobody had asked it to

	// hold is held by whoever wants the process to live on, and by whoever ends it.
	hold sync.Mutex

	mu  sync.Mutex
	cur *life // nil: between two lives
}

// life is one process.
type life struct {
	cmd   *exec.Cmd
	began time.Time
	ended chan struct{}
	err   error // set before ended is closed
	asked bool  // to end; guarded by agent.mu
}

func newAgent(binary, dir, url string, configuration []byte) (*agent, error) {
	for name, content := range map[string][]byte{"config.json": configuration, "common.toml": nil} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			return nil, fmt.Errorf("write configuration: %w", err)
		}
	}
	return &agent{binary: binary, dir: dir, failed: make(chan error, 1), env: []string{
		// Nothing of the host's own AWS configuration, and no way out of the loopback.
		"HOME=" + dir, "PATH=" + os.Getenv("PATH"), "AWS_ENDPOINT_URL=" + url, "AWS_REGION=eu-west-1",
		"AWS_ACCESS_KEY_ID=torture", "AWS_SECRET_ACCESS_KEY=torture", "AWS_EC2_METADATA_DISABLED=true",
	}}, nil
}

// state is the agent's folder.
func (a *agent) state() string { return filepath.Join(a.dir, "state") }

// command makes a command of the agent.
func (a *agent) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, a.binary, args...)
	cmd.Env = a.env
	return cmd
}

// start begins a life.
func (a *agent) start() error {
	said, err := os.OpenFile(filepath.Join(a.dir, "agent.log"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("start agent: %w", err)
	}
	defer said.Close()
	l := &life{ended: make(chan struct{}), began: time.Now()}
	l.cmd = a.command(context.Background(), "run", "--mode", "onPremise", "--config", filepath.Join(a.dir, "config.json"),
		"--common-config", filepath.Join(a.dir, "common.toml"), "--state", a.state())
	l.cmd.Stdout, l.cmd.Stderr = said, said
	if err := l.cmd.Start(); err != nil {
		return fmt.Errorf("start agent: %w", err)
	}
	a.mu.Lock()
	a.cur = l
	a.mu.Unlock()
	go a.watch(l)
	return nil
}

// watch waits for the end of a life, and tells if nobody had asked for it.
func (a *agent) watch(l *life) {
	l.err = l.cmd.Wait()
	a.mu.Lock()
	asked := l.asked
	a.mu.Unlock()
	close(l.ended)
	if !asked {
		said, _ := os.ReadFile(filepath.Join(a.dir, "agent.log")) // at worst the error says less
		a.fail(fmt.Errorf("agent ended by itself: %v: %s", l.err, said[max(0, len(said)-1000):]))
	}
}

// fail keeps the first error of its kind.
func (a *agent) fail(err error) {
	select {
	case a.failed <- err:
	default:
	}
}

// ask takes the process to be ended; nil when there is none.
func (a *agent) ask() *life {
	a.mu.Lock()
	defer a.mu.Unlock()
	l := a.cur
	a.cur = nil
	if l != nil {
		l.asked = true
	}
	return l
}

// kill is kill -9.
func (a *agent) kill() {
	if l := a.ask(); l != nil {
		_ = l.cmd.Process.Kill() // it may be gone
		<-l.ended
	}
}

// stop asks the agent to stop, as a service manager does.
func (a *agent) stop() error {
	l := a.ask()
	if l == nil {
		return nil
	}
	if err := l.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("stop agent: %w", err)
	}
	late := time.NewTimer(stopTime)
	defer late.Stop()
	select {
	case <-l.ended:
		if l.err == nil || l.err.Error() == terminated && time.Since(l.began) < youth {
			return nil
		}
		return fmt.Errorf("stop agent: it ended with %w", l.err)
	case <-late.C:
		_ = l.cmd.Process.Kill()
		<-l.ended
		return fmt.Errorf("stop agent: still there after %s", stopTime)
	}
}

// pid is that of the process that runs, 0 for none.
func (a *agent) pid() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.cur == nil {
		return 0
	}
	return a.cur.cmd.Process.Pid
}

// hasOpen tells whether the running agent has a file open, and under which descriptor.
func (a *agent) hasOpen(file os.FileInfo) string {
	a.mu.Lock()
	l := a.cur
	a.mu.Unlock()
	if l == nil {
		return ""
	}
	folder := fmt.Sprintf("/proc/%d/fd", l.cmd.Process.Pid)
	entries, _ := os.ReadDir(folder) // it may be gone
	for _, e := range entries {
		if info, err := os.Stat(filepath.Join(folder, e.Name())); err == nil && os.SameFile(info, file) {
			return e.Name()
		}
	}
	return ""
}

// killForever kills and stops the agent at moments that were drawn beforehand: what comes late is made up for.
func (t *torture) killForever(ctx context.Context, random *rand.Rand) {
	mean := min(max(t.duration/100, 2500*time.Millisecond), 6*time.Second)
	due := time.Now()
	for {
		due = due.Add(between(random, mean/4, mean*7/4))
		gently, down := random.IntN(5) == 0, time.Duration(0)
		if random.IntN(2) == 0 {
			down = between(random, 0, mean/2)
		}
		if !pause(ctx, time.Until(due)) {
			return
		}
		t.agent.hold.Lock()
		err := t.endAndStart(ctx, gently, down)
		t.agent.hold.Unlock()
		if err != nil {
			t.blame("%v", err)
			return
		}
	}
}

func (t *torture) endAndStart(ctx context.Context, gently bool, down time.Duration) error {
	began := time.Now()
	if gently {
		if err := t.agent.stop(); err != nil {
			t.blame("%v", err)
		}
		t.count(func(c *counts) { c.Stops++ })
		t.history.note("SIGTERM, which took %s; down for %s", time.Since(began).Round(time.Millisecond), down)
	} else {
		t.agent.kill()
		t.count(func(c *counts) { c.Kills++ })
		t.history.note("SIGKILL; down for %s", down)
	}
	pause(ctx, down)
	err := t.agent.start()
	t.history.note("started")
	return err
}

func (t *torture) count(one func(*counts)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	one(&t.counts)
}
