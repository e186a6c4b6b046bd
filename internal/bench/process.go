package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"syscall"
	"time"
)

// memory is what a process has in memory, in bytes.
type memory struct {
	resident, peak int64
	anonymous      int64 // resident, without pages of files such as its own binary
}

// stopTime is how long the agent may take to stop.
const stopTime = 15 * time.Second

// process is the agent at work, as operators run it: the released binary, a configuration, a state folder. Or it is the peer.
type process struct {
	what  string
	dir   string // the configuration, the state, and what it said
	began time.Time
	cmd   *exec.Cmd
	ended chan struct{} // closed once it has; then err is set
	err   error
}

// startAgent starts the agent with a configuration, in a folder of its own, against an endpoint on the loopback.
func (b *bench) startAgent(ctx context.Context, configuration any, endpoint string) (*process, error) {
	raw, err := json.Marshal(configuration)
	if err != nil {
		return nil, fmt.Errorf("start agent: %w", err)
	}
	p := &process{what: "agent"}
	if p.dir, err = b.folder(p.what, map[string][]byte{"config.json": raw, "common.toml": nil}); err != nil {
		return nil, fmt.Errorf("start agent: %w", err)
	}
	p.cmd = exec.CommandContext(ctx, b.agent, "run", "--mode", "onPremise", "--config", filepath.Join(p.dir, "config.json"),
		"--common-config", filepath.Join(p.dir, "common.toml"), "--state", filepath.Join(p.dir, "state"))
	return p, p.start(endpoint)
}

// folder makes one with these files.
func (b *bench) folder(name string, files map[string][]byte) (dir string, err error) {
	if dir, err = os.MkdirTemp(b.dir, name); err != nil {
		return "", err
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			return "", err
		}
	}
	return dir, nil
}

// start starts the command with nothing of the host's own AWS configuration, and no way out of the loopback.
func (p *process) start(endpoint string) error {
	said, err := os.Create(filepath.Join(p.dir, "stderr"))
	if err != nil {
		return fmt.Errorf("start %s: %w", p.what, err)
	}
	defer said.Close()
	p.cmd.Stderr = said
	p.cmd.Env = []string{
		"HOME=" + p.dir, "PATH=" + os.Getenv("PATH"), "AWS_ENDPOINT_URL=" + endpoint, "AWS_REGION=us-east-1",
		"AWS_ACCESS_KEY_ID=bench", "AWS_SECRET_ACCESS_KEY=bench", "AWS_EC2_METADATA_DISABLED=true",
	}
	p.ended = make(chan struct{})
	p.began = time.Now()
	if err := p.cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", p.what, err)
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.ended)
	}()
	return nil
}

func (p *process) cpu() (time.Duration, error) { return cpuOf(p.cmd.Process.Pid) }
func (p *process) memory() (memory, error)     { return memoryOf(p.cmd.Process.Pid) }

// stop asks the agent to stop, as a service manager does, and tells what processor time it took in its life.
func (p *process) stop() (time.Duration, error) {
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		p.kill()
		return 0, fmt.Errorf("stop %s: %w", p.what, err)
	}
	select {
	case <-p.ended:
	case <-time.After(stopTime):
		p.kill()
		return 0, fmt.Errorf("stop %s: still there after %v", p.what, stopTime)
	}
	if p.err != nil {
		return 0, p.died()
	}
	return p.cmd.ProcessState.UserTime() + p.cmd.ProcessState.SystemTime(), nil
}

// finish looks at the agent's memory a last time and stops it.
func (p *process) finish() (m memory, cpu time.Duration, err error) {
	if m, err = p.memory(); err != nil {
		return m, 0, err
	}
	cpu, err = p.stop()
	return m, cpu, err
}

// kill ends the agent if it has not ended.
func (p *process) kill() {
	_ = p.cmd.Process.Kill() // it may be gone
	<-p.ended
}

// died is the error of an agent that ended by itself, with the last that it said.
func (p *process) died() error {
	said, _ := os.ReadFile(filepath.Join(p.dir, "stderr")) // at worst the error says less
	return fmt.Errorf("%s ended: %v: %s", p.what, p.err, said[max(0, len(said)-1000):])
}

// checkpointOffset finds offsets in the agent's checkpoints: those of files, and not of the landmarks in them.
var checkpointOffset = regexp.MustCompile(`"head":\d+,"offset":(\d+)`)

// acknowledged is how many bytes of its one log file the agent knows to be delivered, by its own checkpoint.
func (p *process) acknowledged() int64 {
	f, err := os.Open(filepath.Join(p.dir, "state", "checkpoints"))
	if err != nil {
		return 0 // not yet
	}
	defer f.Close()
	const tail = 4 << 10 // the last line and more
	if size, err := f.Seek(0, io.SeekEnd); err != nil || size <= tail {
		_, _ = f.Seek(0, io.SeekStart)
	} else {
		_, _ = f.Seek(-tail, io.SeekEnd)
	}
	raw, _ := io.ReadAll(f) // what cannot be read now is read at the next look
	all := checkpointOffset.FindAllSubmatch(raw, -1)
	if len(all) == 0 {
		return 0
	}
	offset, _ := strconv.ParseInt(string(all[len(all)-1][1]), 10, 64) // of digits alone
	return offset
}

// until looks every so often whether something has come to pass, for as long as it may take.
func (p *process) until(ctx context.Context, atMost time.Duration, what string, passed func() bool) error {
	late := time.NewTimer(atMost)
	defer late.Stop()
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	for !passed() {
		select {
		case <-look.C:
		case <-p.ended:
			return p.died()
		case <-ctx.Done():
			return ctx.Err()
		case <-late.C:
			return fmt.Errorf("%s: not within %v", what, atMost)
		}
	}
	return nil
}
