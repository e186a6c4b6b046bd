package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/kardianos/service"
	"golang.org/x/sys/windows/svc/mgr"
)

// register has the service manager know the agent, by the original's name.
func (s *hostService) register() error {
	own, err := s.library()
	if err != nil {
		return err
	}
	r := installation{OK: true, Manager: s.manager.name, Service: s.manager.service, Program: s.program, DryRun: s.dryRun,
		Next: []string{"nephoscope wizard", "nephoscope service start"}}
	_, by, program := registered(s.manager.service, s.program)
	switch by {
	case byOther:
		return fmt.Errorf("there is a service %s already, which runs %s; it is left alone (remove it, if it is the original's: nephoscope migrate says what carries on)", s.manager.service, program)
	case byUs:
		return r.tell(s)
	}
	r.Changed = true
	r.Pieces = []piece{{Kind: "service", Path: s.manager.service, To: s.program, State: stateMake}}
	if !s.dryRun {
		if err := own.Install(); err != nil {
			return err
		}
	}
	return r.tell(s)
}

func (s *hostService) deregister(ctx context.Context) error {
	own, err := s.library()
	if err != nil {
		return err
	}
	r := installation{OK: true, Manager: s.manager.name, Service: s.manager.service, DryRun: s.dryRun}
	_, by, program := registered(s.manager.service, s.program)
	switch by {
	case "":
		return r.tell(s)
	case byOther:
		return fmt.Errorf("the service %s runs %s, not this program; it is left alone", s.manager.service, program)
	}
	r.Changed = true
	r.Pieces = []piece{{Kind: "service", Path: s.manager.service, State: stateRemove}}
	if s.dryRun {
		return r.tell(s)
	}
	if st, err := own.Status(); err == nil && st == service.StatusRunning {
		if err := s.order(ctx, actionStop); err != nil {
			return err
		}
	}
	if err := own.Uninstall(); err != nil {
		return err
	}
	return r.tell(s)
}

// registered tells how the service manager knows a service: whether it starts at boot, and what it runs.
func registered(name, self string) (enabled bool, by, program string) {
	m, err := mgr.Connect()
	if err != nil {
		return false, "", ""
	}
	defer m.Disconnect()
	known, err := m.OpenService(name)
	if err != nil {
		return false, "", ""
	}
	defer known.Close()
	about, err := known.Config()
	if err != nil {
		return false, byOther, ""
	}
	by = byOther
	if strings.Contains(strings.ToLower(about.BinaryPathName), strings.ToLower(self)) {
		by = byUs
	}
	return about.StartType == mgr.StartAutomatic, by, about.BinaryPathName
}

// What only Unix has.
func rootOwns(string) bool                      { return true }
func (s *hostService) onlyRootWrites() error    { return nil }
func (s *hostService) lookForUser(*piece) error { return nil }
func (s *hostService) makeUser(*piece) error    { return nil }
func (s *hostService) giveLogs() error          { return nil }
