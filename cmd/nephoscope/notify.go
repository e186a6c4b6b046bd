package main

import (
	"context"
	"net"
	"os"
	"strconv"
	"strings"
	"time"
)

// notifier tells the service manager how the agent is: sd_notify(3), a datagram of lines NAME=VALUE. Without one, and where
// it does not listen, nothing is told; that is no reason for the agent not to work.
type notifier struct {
	address string // a path, or "@" and a name of the abstract namespace; "": nobody wants to know
}

// managerOf finds who is to be told in an environment.
func managerOf(getenv func(string) string) notifier {
	address := getenv("NOTIFY_SOCKET")
	if !strings.HasPrefix(address, "/") && !strings.HasPrefix(address, "@") {
		address = "" // vsock: and the like are for machines, not for services
	}
	return notifier{address}
}

func (n notifier) listens() bool { return n.address != "" }

// tell sends some lines at once. It connects each time: systemd makes its socket anew now and then.
func (n notifier) tell(lines ...string) {
	if !n.listens() {
		return
	}
	c, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: n.address, Net: "unixgram"})
	if err != nil {
		return
	}
	defer c.Close()
	_ = c.SetWriteDeadline(time.Now().Add(time.Second)) // a manager that does not read is not waited for
	_, _ = c.Write([]byte(strings.Join(lines, "\n")))
}

// statusLine is what systemctl status shows: one line.
func statusLine(text string) string {
	const most = 300
	text = strings.Join(strings.Fields(text), " ")
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + "…"
	}
	return "STATUS=" + text
}

// watchdogInterval is how soon the manager takes an agent for wedged that says nothing; 0: it does not care.
func watchdogInterval(getenv func(string) string) time.Duration {
	if pid := getenv("WATCHDOG_PID"); pid != "" && pid != strconv.Itoa(os.Getpid()) {
		return 0 // another process's
	}
	µs, err := strconv.ParseInt(getenv("WATCHDOG_USEC"), 10, 64)
	if err != nil || µs <= 0 || µs > int64(24*time.Hour/time.Microsecond) {
		return 0
	}
	return time.Duration(µs) * time.Microsecond
}

// heartbeat pings the watchdog for as long as the agent works.
type heartbeat struct {
	every time.Duration // between two looks; each may take as long
	works func(context.Context) error
	ping  func()
	wrong func(error) // is told why there is no ping
}

// run looks until ctx is done. While a look does not come back, there is no ping.
func (h heartbeat) run(ctx context.Context) {
	tick := time.NewTicker(h.every)
	defer tick.Stop()
	for {
		look, cancel := context.WithTimeout(ctx, h.every)
		err := h.works(look)
		cancel()
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			h.wrong(err)
		default:
			h.ping()
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}
