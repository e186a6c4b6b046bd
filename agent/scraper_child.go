package agent

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/nephoscope/nephoscope/config"
	"go.uber.org/zap"
)

// child is the scraper at work. It reads its settings from standard input, which then stays open: its end means that the agent
// is gone, or wants it to stop.
type child struct {
	cmd            *exec.Cmd
	stdin          *os.File
	stdout, stderr *os.File
	ended          chan struct{}
	err            error // how it ended; to be read when ended is closed
}

// startChild starts the scraper, as the agent's user, with no right and no variable that it does not need.
func startChild(program string, settings config.Prometheus) (*child, error) {
	told, err := json.Marshal(settings)
	if err != nil {
		return nil, fmt.Errorf("start scraper: %w", err)
	}
	var theirs, ours []*os.File
	closeAll := func(files []*os.File) {
		for _, f := range files {
			_ = f.Close() // they are pipes
		}
	}
	for range 3 {
		r, w, err := os.Pipe()
		if err != nil {
			closeAll(slices.Concat(theirs, ours))
			return nil, fmt.Errorf("start scraper: %w", err)
		}
		if len(ours) == 0 {
			theirs, ours = append(theirs, r), append(ours, w)
		} else {
			theirs, ours = append(theirs, w), append(ours, r)
		}
	}
	c := &child{cmd: exec.Command(program, "run"), stdin: ours[0], stdout: ours[1], stderr: ours[2], ended: make(chan struct{})}
	c.cmd.Stdin, c.cmd.Stdout, c.cmd.Stderr = theirs[0], theirs[1], theirs[2]
	c.cmd.Env, c.cmd.SysProcAttr = childEnvironment(os.Environ()), apart()
	started := make(chan error)
	go func() {
		withoutRights() // of this thread, which is the child's parent: it must not end before
		err := c.cmd.Start()
		closeAll(theirs)
		if err == nil {
			_ = firstToDie(c.cmd.Process) // where it cannot be asked for, chance decides
		}
		started <- err
		if err == nil {
			c.err = c.cmd.Wait()
			close(c.ended)
		}
	}()
	if err := <-started; err != nil {
		closeAll(ours)
		return nil, fmt.Errorf("start scraper: %w", err)
	}
	go func() { _, _ = c.stdin.Write(append(told, '\n')) }() // one that does not read it will say so, or be stopped
	return c, nil
}

// childEnvironment is what of the agent's environment the scraper needs: none of it is a secret of the agent's.
func childEnvironment(all []string) (kept []string) {
	wanted := []string{
		"PATH", "TZ", "TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY",
		"SYSTEMROOT", "TEMP", // without which no program of Windows can use the network
	}
	for _, v := range all {
		if name, _, _ := strings.Cut(v, "="); slices.Contains(wanted, strings.ToUpper(name)) {
			kept = append(kept, v)
		}
	}
	return kept
}

// stop tells the child to end, and kills it if it does not within grace.
func (c *child) stop(grace time.Duration, log *zap.Logger) {
	_ = c.stdin.Close() // which is how it is told
	patience := time.NewTimer(grace)
	defer patience.Stop()
	select {
	case <-c.ended:
	case <-patience.C:
		log.Warn("the scraper does not end when it is told to, and is killed", zap.Int("pid", c.cmd.Process.Pid))
		killAll(c.cmd.Process)
		<-c.ended
	}
}

// settle waits until all that the child has written is read. What else may hold its pipes is not waited for.
func (c *child) settle(readers *sync.WaitGroup) {
	_ = c.stdin.Close()
	end := time.Now().Add(time.Second)
	_ = c.stdout.SetReadDeadline(end) // a pipe has one everywhere but on Windows, where it ends with the child
	_ = c.stderr.SetReadDeadline(end)
	readers.Wait()
	_ = c.stdout.Close()
	_ = c.stderr.Close()
}
