package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func env(pairs ...string) func(string) string {
	return func(name string) string {
		for _, p := range pairs {
			if value, ok := strings.CutPrefix(p, name+"="); ok {
				return value
			}
		}
		return ""
	}
}

// listening is a service manager's socket, and what it hears.
func listening(t *testing.T, address string) <-chan string {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("NOT RUN: Windows has no datagrams on unix sockets, and no systemd")
	}
	c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: address, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	heard := make(chan string, 100)
	go func() {
		defer close(heard)
		for buf := make([]byte, 4096); ; {
			n, err := c.Read(buf)
			if err != nil {
				return
			}
			heard <- string(buf[:n])
		}
	}()
	return heard
}

func TestManagerIsToldOnAPathAndInTheAbstractNamespace(t *testing.T) {
	addresses := []string{filepath.Join(t.TempDir(), "notify")}
	if runtime.GOOS == "linux" {
		addresses = append(addresses, fmt.Sprintf("@nephoscope-test-%d", os.Getpid()))
	}
	for _, address := range addresses {
		heard := listening(t, address)
		managerOf(env("NOTIFY_SOCKET="+address)).tell("READY=1", statusLine("fine\nreally"))
		if got := <-heard; got != "READY=1\nSTATUS=fine really" {
			t.Errorf("%s: got %q", address, got)
		}
	}
}

func TestManagerThatIsNotThereIsNoTrouble(t *testing.T) {
	for _, address := range []string{"", "vsock:2:1", "relative", filepath.Join(t.TempDir(), "none")} {
		managerOf(env("NOTIFY_SOCKET=" + address)).tell("READY=1")
	}
	if managerOf(env("NOTIFY_SOCKET=vsock:2:1")).listens() || managerOf(env()).listens() {
		t.Error("it listens")
	}
}

func TestStatusLineIsOneAndShort(t *testing.T) {
	if got := statusLine(strings.Repeat("ä\n", 1000)); strings.Contains(got, "\n") || len(got) > 320 || !strings.HasSuffix(got, "…") {
		t.Errorf("got %d bytes: %q", len(got), got)
	}
}

func TestWatchdogOfAnotherProcessIsNotOurs(t *testing.T) {
	f := func(want time.Duration, pairs ...string) {
		t.Helper()
		if got := watchdogInterval(env(pairs...)); got != want {
			t.Errorf("%v: got %v, want %v", pairs, got, want)
		}
	}
	own := fmt.Sprintf("WATCHDOG_PID=%d", os.Getpid())
	f(time.Minute, "WATCHDOG_USEC=60000000", own)
	f(time.Minute, "WATCHDOG_USEC=60000000")
	f(0, "WATCHDOG_USEC=60000000", "WATCHDOG_PID=1")
	f(0, own)
	f(0, "WATCHDOG_USEC=x")
	f(0, "WATCHDOG_USEC=-1")
	f(0, "WATCHDOG_USEC=9000000000000000000")
}

func TestWedgedAgentStopsPinging(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		pings, complaints := 0, 0
		works := func(context.Context) error { return nil }
		go heartbeat{
			every: 20 * time.Second, works: func(ctx context.Context) error { return works(ctx) },
			ping: func() { pings++ }, wrong: func(error) { complaints++ },
		}.run(ctx)
		time.Sleep(time.Minute + time.Second)
		synctest.Wait()
		if pings != 4 || complaints != 0 {
			t.Errorf("it works: %d pings, %d complaints in a minute", pings, complaints)
		}
		works = func(context.Context) error { return errors.New("the agent hangs") }
		pings = 0
		time.Sleep(time.Minute)
		synctest.Wait()
		if pings != 0 || complaints != 3 {
			t.Errorf("it says that it does not: %d pings, %d complaints", pings, complaints)
		}
		complaints = 0
		works = func(ctx context.Context) error { // does not come back by itself
			<-ctx.Done()
			return ctx.Err()
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if pings != 0 || complaints == 0 {
			t.Errorf("it does not answer: %d pings, %d complaints", pings, complaints)
		}
		works = func(context.Context) error { return nil }
		time.Sleep(time.Minute)
		synctest.Wait()
		if pings == 0 {
			t.Error("it works again, and there are no pings")
		}
		cancel()
		synctest.Wait()
	})
}
