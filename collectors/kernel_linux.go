package collectors

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"strconv"
	"syscall"
	"time"

	"github.com/nephoscope/nephoscope/cloudwatch"
	"github.com/nephoscope/nephoscope/config"
)

// kernelCollector is one reading for the whole host.
type kernelCollector[R any] struct {
	what string
	read func(now time.Time) (R, error)
	data []cloudwatch.Datum
	*sheet[R]
}

// ofKernel is a kind of collector that reads for the whole host. newReader makes what reads, and remembers the last reading.
func ofKernel[R any](table []row[R], what string, newReader func(Host) func(time.Time) (R, error)) func(config.Plugin, Host) (Collector, config.Problems) {
	return func(p config.Plugin, h Host) (Collector, config.Problems) {
		s, problems := choose(p, table)
		if s == nil {
			return nil, problems
		}
		return &kernelCollector[R]{what: what, read: newReader(h), sheet: s}, problems
	}
}

func (c *kernelCollector[R]) Collect(_ context.Context, now time.Time) ([]cloudwatch.Datum, error) {
	r, err := c.read(now)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", c.what, err)
	}
	c.data = c.fill(c.data[:0], now, &r, c.static)
	return c.data, nil
}

func buildLoadavg(p config.Plugin, h Host) (Collector, config.Problems) {
	return ofKernel(loadavgTable, "load averages", readLoads)(p, h)
}

func buildPressure(p config.Plugin, h Host) (Collector, config.Problems) {
	return ofKernel(pressureTable, "pressure", readPressures)(p, h)
}

func buildFilefd(p config.Plugin, h Host) (Collector, config.Problems) {
	return ofKernel(filefdTable, "open files", readFilefd)(p, h)
}

func buildConntrack(p config.Plugin, h Host) (Collector, config.Problems) {
	return ofKernel(conntrackTable, "tracked connections", readConntrack)(p, h)
}

func buildUptime(p config.Plugin, h Host) (Collector, config.Problems) {
	return ofKernel(uptimeTable, "uptime", readUptime)(p, h)
}

func buildTCP(p config.Plugin, h Host) (Collector, config.Problems) {
	return ofKernel(tcpTable, "TCP counters", readTCP)(p, h)
}

func buildOOM(p config.Plugin, h Host) (Collector, config.Problems) {
	return ofKernel(oomTable, "kills for want of memory", readKills)(p, h)
}

var errNonsense = errors.New("the file makes no sense")

// decimals reads numbers at the beginning of a text.
func decimals(text []byte, to ...*float64) error {
	for _, v := range to {
		var word []byte
		var err error
		text = bytes.TrimLeft(text, "\n")
		line, rest := nextLine(text)
		if word, text = nextWord(line); len(text) == 0 {
			text = rest
		}
		if *v, err = strconv.ParseFloat(string(word), 64); err != nil {
			return errNonsense
		}
	}
	return nil
}

func readLoads(h Host) func(time.Time) (loads, error) {
	file := procFile{path: h.proc("loadavg")}
	return func(time.Time) (l loads, err error) {
		text, err := file.read()
		if err == nil {
			err = decimals(text, &l[0], &l[1], &l[2])
		}
		return l, err
	}
}

func readUptime(h Host) func(time.Time) (float64, error) {
	file := procFile{path: h.proc("uptime")}
	return func(time.Time) (seconds float64, err error) {
		text, err := file.read()
		if err == nil {
			err = decimals(text, &seconds)
		}
		return seconds, err
	}
}

// readFilefd reads file-nr: allocated, allocated and unused (always 0 since Linux 2.6), and the most there may be.
func readFilefd(h Host) func(time.Time) (filling, error) {
	file := procFile{path: h.proc("sys/fs/file-nr")}
	return func(time.Time) (f filling, err error) {
		text, err := file.read()
		if err == nil {
			var unused float64
			err = decimals(text, &f.used, &unused, &f.most)
		}
		return f, err
	}
}

func readConntrack(h Host) func(time.Time) (filling, error) {
	count, most := procFile{path: h.proc("sys/net/netfilter/nf_conntrack_count")}, procFile{path: h.proc("sys/net/netfilter/nf_conntrack_max")}
	return func(time.Time) (f filling, err error) {
		text, err := count.read()
		if errors.Is(err, fs.ErrNotExist) {
			return f, Notice{"this host tracks none: the module nf_conntrack is not loaded"}
		}
		if err == nil {
			err = decimals(text, &f.used)
		}
		if err != nil {
			return f, err
		}
		if text, err = most.read(); err == nil {
			err = decimals(text, &f.most)
		}
		return f, err
	}
}

// readPressures takes the differences of the totals: the averages that the kernel has too are of its own intervals.
func readPressures(h Host) func(time.Time) (pressureReading, error) {
	files := [3]procFile{{path: h.proc("pressure/cpu")}, {path: h.proc("pressure/io")}, {path: h.proc("pressure/memory")}}
	var last pressures
	var since time.Time
	return func(now time.Time) (r pressureReading, err error) {
		total := pressures{}
		for i := range files {
			text, err := files[i].read()
			if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.EOPNOTSUPP) {
				return r, Notice{"this kernel does not count it; it may if it is started with psi=1"}
			}
			if err == nil {
				total[i], err = parsePressure(text)
			}
			if err != nil {
				return r, err
			}
		}
		at := h.clock(now)
		elapsed := at.Sub(since).Seconds()
		for i := range total {
			for j := range total[i] {
				if r.share[i][j] = math.NaN(); !since.IsZero() && elapsed > 0 {
					r.share[i][j] = min(percentOf(total[i][j]-last[i][j], elapsed), 100) // the kernel's clock and ours differ in little
				}
			}
		}
		last, since = total, at
		return r, nil
	}
}

// parsePressure reads the totals of
//
//	some avg10=0.00 avg60=0.00 avg300=0.00 total=1234567
//	full avg10=0.00 avg60=0.00 avg300=0.00 total=123456
//
// which are microseconds. Before Linux 5.13 there is no second line for the processor.
func parsePressure(text []byte) (seconds [2]float64, err error) {
	seconds = [2]float64{math.NaN(), math.NaN()}
	for len(text) > 0 {
		var line []byte
		line, text = nextLine(text)
		kind, rest := nextWord(line)
		_, total, ok := bytes.Cut(rest, []byte("total="))
		n, fine := number(total)
		i := bytes.Index([]byte("some full"), kind) / len("some ")
		if !ok || !fine || string(kind) != "some" && string(kind) != "full" {
			return seconds, errNonsense
		}
		seconds[i] = float64(n) / 1e6
	}
	return seconds, nil
}

// readTCP reads what is counted of the network namespace that the agent is in.
func readTCP(h Host) func(time.Time) (tcpReading, error) {
	snmp, more := procFile{path: h.proc("net/snmp")}, procFile{path: h.proc("net/netstat")}
	var last *tcpCounters
	return func(time.Time) (r tcpReading, err error) {
		var now tcpCounters
		text, err := snmp.read()
		if err == nil {
			err = columnsOf(text, "Tcp:", map[string]*uint64{"OutSegs": &now[tcpSent], "RetransSegs": &now[tcpRetransmitted]})
		}
		if err != nil {
			return r, err
		}
		if text, err = more.read(); err == nil {
			err = columnsOf(text, "TcpExt:", map[string]*uint64{"ListenOverflows": &now[tcpOverflows], "ListenDrops": &now[tcpDrops]})
		}
		if err != nil {
			return r, err
		}
		if last != nil {
			r.known = since(now[:], last[:], r.grown[:])
		}
		last = &now
		return r, nil
	}
}

// columnsOf reads a table of two lines that begin alike: names, and what they count.
func columnsOf(text []byte, begin string, to map[string]*uint64) error {
	var names []byte
	for len(text) > 0 {
		var line []byte
		line, text = nextLine(text)
		first, rest := nextWord(line)
		if string(first) != begin {
			continue
		}
		if names == nil {
			names = rest
			continue
		}
		found := 0
		for len(names) > 0 && len(rest) > 0 {
			var name, value []byte
			name, names = nextWord(names)
			value, rest = nextWord(rest)
			if v := to[string(name)]; v != nil {
				n, ok := number(value)
				if !ok {
					return errNonsense
				}
				*v = n
				found++
			}
		}
		if found == len(to) {
			return nil
		}
	}
	return errNonsense
}

func readKills(h Host) func(time.Time) (kills, error) {
	file := procFile{path: h.proc("vmstat")}
	last, known := uint64(0), false
	return func(time.Time) (kills, error) {
		text, err := file.read()
		if err != nil {
			return 0, err
		}
		for len(text) > 0 {
			var line []byte
			line, text = nextLine(text)
			name, value := nextWord(line)
			if string(name) != "oom_kill" {
				continue
			}
			word, _ := nextWord(value)
			n, ok := number(word)
			if !ok {
				return 0, errNonsense
			}
			grown := kills(math.NaN())
			if known && n >= last {
				grown = kills(n - last)
			}
			last, known = n, true
			return grown, nil
		}
		return 0, Notice{"this kernel does not count them"}
	}
}
