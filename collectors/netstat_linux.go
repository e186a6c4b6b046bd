package collectors

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"syscall"
	"time"

	"github.com/nephoscope/nephoscope/cloudwatch"
	"github.com/nephoscope/nephoscope/config"
)

type netstatCollector struct {
	counter *socketCounter
	data    []cloudwatch.Datum
	*sheet[socketCounts]
}

func buildNetstat(p config.Plugin, h Host) (Collector, config.Problems) {
	s, problems := choose(p, netstatTable)
	if s == nil {
		return nil, problems
	}
	c := &socketCounter{files: map[string]*procFile{}, seen: map[socketEnds]struct{}{}, names: map[string]struct{}{}}
	c.kernel = c.ask
	// With HOST_PROC the files that it leads to decide which network namespace is meant, as for the original.
	c.fromFiles = h.Root != "" || os.Getenv("HOST_PROC") != "" && os.Getenv("HOST_PROC") != "/proc"
	c.path = func(name string) string { return h.proc("net/" + name) }
	for _, column := range s.columns {
		c.want(column.measurement)
	}
	return &netstatCollector{counter: c, sheet: s}, problems
}

func (c *netstatCollector) Collect(_ context.Context, now time.Time) ([]cloudwatch.Datum, error) {
	counts, err := c.counter.count()
	if err != nil {
		return nil, fmt.Errorf("count sockets: %w", err)
	}
	c.data = c.fill(c.data[:0], now, &counts, c.static)
	return c.data, nil
}

// socketCounter counts sockets by asking the kernel for those in the states that are measured, and for nothing about the
// processes that hold them: gopsutil, through which the original counts, looks up the owner of each in every process's
// descriptors, and then counts them all, owner or not.
type socketCounter struct {
	states    uint32 // of TCP that are measured, a bit each
	udp, unix bool
	kernel    func() error // asks the kernel
	fromFiles bool         // it is not asked
	path      func(name string) string

	socket sockDiag
	files  map[string]*procFile
	seen   map[socketEnds]struct{}
	names  map[string]struct{}
	counts socketCounts
}

// socketEnds tells sockets apart: addresses as they stand in the tables, IPv4 in the form that IPv6 has for it.
type socketEnds struct {
	local, remote         [4]uint32
	localPort, remotePort uint16
	kind                  uint8 // the state of a TCP socket, or 0 for UDP
}

var tcpStateOf = map[string]uint{
	"tcp_established": tcpEstablished, "tcp_syn_sent": tcpSynSent, "tcp_syn_recv": tcpSynRecv, "tcp_fin_wait1": tcpFinWait1,
	"tcp_fin_wait2": tcpFinWait2, "tcp_time_wait": tcpTimeWait, "tcp_close": tcpClose, "tcp_close_wait": tcpCloseWait,
	"tcp_last_ack": tcpLastAck, "tcp_listen": tcpListen, "tcp_closing": tcpClosing,
}

func (c *socketCounter) want(measurement string) {
	switch measurement {
	case "udp_socket":
		c.udp, c.unix = true, true
	case "tcp_none":
		c.unix = true
	default:
		c.states |= 1 << tcpStateOf[measurement]
	}
}

// count asks the kernel. When that fails its files are read instead: from then on, unless it was for want of memory or the like.
func (c *socketCounter) count() (socketCounts, error) {
	if !c.fromFiles {
		c.forget()
		err := c.kernel()
		if err == nil {
			return c.counts, nil
		}
		passing := []error{syscall.EMFILE, syscall.ENFILE, syscall.ENOMEM, syscall.ENOBUFS, syscall.EAGAIN}
		c.fromFiles = !slices.ContainsFunc(passing, func(e error) bool { return errors.Is(err, e) })
	}
	c.forget()
	err := c.readFiles()
	return c.counts, err
}

func (c *socketCounter) forget() {
	clear(c.seen)
	clear(c.names)
	c.counts = socketCounts{}
}

// tcp counts a TCP socket. Connections differ in their ends; several sockets may listen at one (SO_REUSEPORT).
func (c *socketCounter) tcp(ends socketEnds) {
	if ends.kind == 0 || ends.kind >= tcpStates || c.states&(1<<ends.kind) == 0 {
		return
	}
	if ends.kind != tcpListen && ends.kind != tcpClose || c.isNew(ends) {
		c.counts.tcp[ends.kind]++
	}
}

func (c *socketCounter) datagram(ends socketEnds) {
	if ends.kind = 0; c.isNew(ends) {
		c.counts.udp++
	}
}

func (c *socketCounter) isNew(ends socketEnds) bool {
	_, known := c.seen[ends]
	if !known {
		c.seen[ends] = struct{}{}
	}
	return !known
}

// The kinds of Unix sockets (socket(2)).
const (
	streamSocket   = 1
	datagramSocket = 2
)

// named counts a Unix socket. A name with a blank in it counts as none: so it does where the original reads it.
func (c *socketCounter) named(kind byte, name []byte) {
	for _, b := range name {
		if b == ' ' || b >= '\t' && b <= '\r' {
			name = nil
			break
		}
	}
	var room [128]byte
	key := append(append(room[:0], kind), name...)
	if _, known := c.names[string(key)]; known {
		return
	}
	c.names[string(key)] = struct{}{}
	if kind == datagramSocket {
		c.counts.unixDatagram++
	} else {
		c.counts.unixOther++
	}
}
