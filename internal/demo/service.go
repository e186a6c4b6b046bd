package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"
)

// What nephoscope-local says when it serves, and why it does not.
const (
	serving     = "CloudWatch is at "
	portTaken   = "the port is taken"
	folderTaken = "another server uses"
)

// serve starts the local CloudWatch and returns when it serves. That its address answers would prove nothing: another one
// may be there while ours is about to find the port or the folder taken.
func serve(ctx context.Context, bin, dir, listen string) (*process, error) {
	data := filepath.Join(dir, "cloudwatch")
	service, err := startService(bin, filepath.Join(dir, "local.log"), "--listen", listen, "--data", data, "--access-log", filepath.Join(dir, "access.log"))
	if err != nil {
		return nil, err
	}
	err = service.serves(ctx)
	switch said := service.said(); {
	case err == nil:
		return service, nil
	case strings.Contains(said, folderTaken), strings.Contains(said, portTaken) && uses(ctx, bin, dir):
		err = fmt.Errorf("a make run is going already in this folder (its data folder %s is in use)", data)
	case strings.Contains(said, portTaken):
		err = fmt.Errorf("port taken: choose another with make run LISTEN=127.0.0.1:PORT (%s is in use)", listen)
	}
	service.stop()
	return nil, err
}

func startService(bin, output string, args ...string) (*process, error) {
	return start(filepath.Join(bin, "nephoscope-local"), output, nil, args...)
}

// uses tells whether another server has the data folder, by trying to serve it at a free port.
func uses(ctx context.Context, bin, dir string) bool {
	probe, err := startService(bin, filepath.Join(dir, "local.log"), "--listen", "127.0.0.1:0", "--data", filepath.Join(dir, "cloudwatch"))
	if err != nil {
		return false
	}
	defer probe.stop()
	return probe.serves(ctx) != nil && strings.Contains(probe.said(), folderTaken)
}

// serves waits until the child itself says that it listens and has its data. It is no error that ctx ends first.
func (p *process) serves(ctx context.Context) error {
	tooLate := time.After(patience)
	for !strings.Contains(p.said(), serving) {
		select {
		case <-ctx.Done():
			return nil
		case err := <-p.ended:
			return p.died(err)
		case <-tooLate:
			return errors.New("the local CloudWatch does not start; its log is " + p.output)
		case <-time.After(20 * time.Millisecond):
		}
	}
	return nil
}

// answers waits until the console does.
func answers(ctx context.Context, console string, service *process) error {
	tooLate := time.After(patience)
	for {
		if _, err := seen(ctx, console); err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return nil
		case err := <-service.ended:
			return service.died(err)
		case <-tooLate:
			return errors.New("the local CloudWatch does not answer at " + console)
		case <-time.After(100 * time.Millisecond):
		}
	}
}
