package main

import (
	"context"
	"fmt"
	"io"
)

// inPlaceOfSystemctl has another service manager do what the control command asks of systemd, where nephoscope service install
// has made a service for it; else nil.
func inPlaceOfSystemctl() func(ctx context.Context, args ...string) (string, error) {
	m, running, err := findManager("", "")
	if err != nil || !running || m.name == "systemd" {
		return nil
	}
	s := &hostService{manager: m, running: running, program: thisProgram(), out: io.Discard, command: say}
	if st, err := s.state(context.Background()); err != nil || st.By != byUs {
		return nil
	}
	return s.systemctl
}

// systemctl answers those of its commands that the control command uses.
func (s *hostService) systemctl(ctx context.Context, args ...string) (string, error) {
	switch args[0] {
	case "show":
		st, err := s.state(ctx)
		if err != nil || !st.Installed {
			return "LoadState=not-found\n", err
		}
		active, sub := "inactive", "dead"
		if st.Running {
			active, sub = "active", "running"
		}
		return fmt.Sprintf("LoadState=loaded\nActiveState=%s\nSubState=%s\nMainPID=%d\n", active, sub, st.PID), nil
	case "start", "stop", "restart":
		return "", s.order(ctx, action(args[0]))
	}
	return "", nil // it reads its files anew by itself, and install has enabled the service
}
