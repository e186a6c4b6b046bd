package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"
	"sync"
)

// Processes to look for, and others among which to look for them. The seconds of their sleep are what tells them apart.
const (
	sleepers, sleeperTime = 3, "98765"
	crowd, crowdTime      = 5_000, "98766"

	sleeperPattern = "sleep " + sleeperTime
)

// startSleepers starts some processes that do nothing.
func startSleepers(ctx context.Context) (stop func(), err error) {
	return startShell(ctx, sleepers, sleeperTime)
}

// startShell has a shell start so many processes that sleep, and waits until all are there.
func startShell(ctx context.Context, n int, sleep string) (stop func(), err error) {
	const script = `i=0; while [ $i -lt "$1" ]; do sleep "$2" & i=$((i+1)); done; echo all; wait`
	cmd := exec.CommandContext(ctx, "sh", "-c", script, "sh", strconv.Itoa(n), sleep)
	stopGroup := asGroup(cmd)
	stopShell, err := started(cmd)
	if err != nil {
		return nil, err
	}
	return func() { stopGroup(); stopShell() }, nil
}

// started starts a command that says something once it has done what it is there for.
func started(cmd *exec.Cmd) (stop func(), err error) {
	failed := func(err error) (func(), error) { return nil, fmt.Errorf("start %s: %w", cmd.Args[0], err) }
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe() // whoever reads it ends with us
	if err != nil {
		return failed(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return failed(err)
	}
	if err := cmd.Start(); err != nil {
		return failed(err)
	}
	stop = func() {
		_ = in.Close()
		_ = cmd.Process.Kill() // it may be gone
		_ = cmd.Wait()         // it was killed
	}
	if _, err := bufio.NewReader(out).ReadString('\n'); err != nil {
		stop()
		return failed(errors.New("it did not say that it is ready"))
	}
	return stop, nil
}

// measureCrowd looks for three processes among five thousand.
func (b *bench) measureCrowd(ctx context.Context) ([]row, error) {
	stop, err := startShell(ctx, crowd, crowdTime)
	if err != nil {
		return nil, err
	}
	defer stop()
	return b.beside(ctx, besides{name: "procstat every second, 5,000 processes", plugins: []string{"procstat"}})
}

// Connections over the loopback, which are two sockets each, and how many processes hold them: one may not have so many
// descriptors everywhere.
const (
	connections = 25_000
	holders     = 4
)

// measureSockets counts fifty thousand sockets, in a network of their own.
func (b *bench) measureSockets(ctx context.Context) (rows []row, err error) {
	err = apart(ofNetwork, func() error {
		for range holders {
			stop, err := startHolder(ctx, connections/holders)
			if err != nil {
				return err
			}
			defer stop()
		}
		rows, err = b.beside(ctx, besides{name: "netstat every second, 50,000 sockets", plugins: []string{"netstat"}})
		return err
	})
	return rows, err
}

// holdCommand is the first argument by which the program, started by itself, holds connections open.
const holdCommand = "hold"

func startHolder(ctx context.Context, n int) (stop func(), err error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("open connections: %w", err)
	}
	return started(exec.CommandContext(ctx, self, holdCommand, strconv.Itoa(n)))
}

// beHolder holds both ends of connections for as long as somebody holds its input open.
func beHolder(number string) error {
	n, err := strconv.Atoi(number)
	if err != nil {
		return fmt.Errorf("hold connections: %w", err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("hold connections: %w", err)
	}
	defer listener.Close()
	var taken sync.WaitGroup
	held := make([]net.Conn, 0, 2*n)
	var mu sync.Mutex
	hold := func(c net.Conn) {
		mu.Lock()
		defer mu.Unlock()
		held = append(held, c)
	}
	var refused error
	taken.Go(func() {
		for range n {
			c, err := listener.Accept()
			if err != nil {
				refused = err
				return
			}
			hold(c)
		}
	})
	for range n {
		c, err := net.Dial("tcp", listener.Addr().String())
		if err != nil {
			return fmt.Errorf("hold connections: %w", err)
		}
		hold(c)
	}
	if taken.Wait(); refused != nil {
		return fmt.Errorf("hold connections: %w", refused)
	}
	fmt.Println("all")
	_, _ = io.Copy(io.Discard, os.Stdin) // until whoever started it is gone
	for _, c := range held {
		_ = c.Close() // nothing was written
	}
	return nil
}
