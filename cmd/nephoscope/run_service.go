package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/nephoscope/nephoscope/agent"
	"github.com/nephoscope/nephoscope/internal/durable"
	"github.com/nephoscope/nephoscope/internal/output"
	"go.uber.org/zap"
)

// howToConfigure is what a service says that has nothing to do.
const howToConfigure = "not configured, nothing is collected: run sudo amazon-cloudwatch-agent-config-wizard, or sudo amazon-cloudwatch-agent-ctl -a fetch-config -s -c file:PATH with a configuration that you have"

// unconfigured tells whether nobody has ever said what to do.
func (f *runFlags) unconfigured() bool {
	if len(f.configs) > 0 {
		return false
	}
	names, err := f.layout.Stored()
	return err == nil && len(names) == 0
}

// pidName is the original's.
const pidName = "amazon-cloudwatch-agent.pid"

// writePID writes the process's number into the folder that systemd has made for it, and removes with the service; "": there is
// none.
func writePID(runtimeDirectory string) error {
	dir, _, _ := strings.Cut(runtimeDirectory, ":")
	if dir == "" {
		return nil
	}
	if err := durable.WritePublic(filepath.Join(dir, pidName), fmt.Appendln(nil, os.Getpid())); err != nil {
		return fmt.Errorf("write pid file: %w", err)
	}
	return nil
}

// Between two looks at the agent's status, for the line that systemctl status shows.
const (
	firstStatus = 5 * time.Second
	nextStatus  = time.Minute
)

// attend tells the service manager that the agent is up, and then how it is, until ctx is done.
func (r *reloader) attend(ctx context.Context) {
	if !r.manager.listens() {
		return
	}
	r.manager.tell("READY=1", statusLine("started"))
	go r.describe(ctx)
	if interval := watchdogInterval(os.Getenv); interval > 0 {
		go heartbeat{
			every: interval / 3, works: r.agent.Works, ping: func() { r.manager.tell("WATCHDOG=1") },
			wrong: func(err error) {
				r.log.Error("the agent does not work; the watchdog is not told otherwise, and will have it restarted", zap.Error(err))
			},
		}.run(ctx)
	}
}

// describe keeps the status line true. Where a file is on a disk that hangs, it stays as it was.
func (r *reloader) describe(ctx context.Context) {
	said := ""
	look := time.NewTimer(firstStatus)
	defer look.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-r.renewed: // what is new needs a moment
			look.Reset(firstStatus)
			continue
		case <-look.C:
		}
		if line := statusLine(inALine(r.agent.Status())); line != said && ctx.Err() == nil {
			r.manager.tell(line)
			said = line
		}
		look.Reset(nextStatus)
	}
}

// inALine is how an agent is: what it ships, or what is wrong.
func inALine(s agent.Status) string {
	var does []string
	if s.Files > 0 || len(s.Absent) > 0 {
		does = append(does, output.Count(s.Files, "log file"))
	}
	if m := s.Metrics; m != nil {
		does = append(does, "metrics of "+output.Count(len(m.Collectors), "collector"))
	}
	line := "shipping " + strings.Join(does, " and ")
	if len(does) == 0 {
		line = "running with nothing to ship"
	}
	if len(s.Reasons) == 0 {
		return line
	}
	more := ""
	if n := len(s.Reasons) - 1; n > 0 {
		more = " (and " + strconv.Itoa(n) + " more)"
	}
	return string(s.Health) + ": " + s.Reasons[0].What + more
}
