package collectors

import (
	"context"
	"regexp"
	"time"

	"github.com/nephoscope/nephoscope/cloudwatch"
	"github.com/nephoscope/nephoscope/config"
)

// What an interface counts.
const (
	bytesIn = iota
	packetsIn
	errorsIn
	droppedIn
	bytesOut
	packetsOut
	errorsOut
	droppedOut
	trafficCounted
)

// traffic is what an interface has counted since it came up.
type traffic [trafficCounted]uint64

// link is one network interface.
type link struct {
	name string
	traffic
}

// trafficReading is what an interface's counters grew by since the last Collect.
type trafficReading struct {
	grown traffic
	known bool
}

// netTable: all are differences, as the original sends them.
var netTable = []row[trafficReading]{
	{"bytes_recv", cloudwatch.Bytes, trafficOf(bytesIn)},
	{"bytes_sent", cloudwatch.Bytes, trafficOf(bytesOut)},
	{"drop_in", cloudwatch.Count, trafficOf(droppedIn)},
	{"drop_out", cloudwatch.Count, trafficOf(droppedOut)},
	{"err_in", cloudwatch.Count, trafficOf(errorsIn)},
	{"err_out", cloudwatch.Count, trafficOf(errorsOut)},
	{"packets_recv", cloudwatch.Count, trafficOf(packetsIn)},
	{"packets_sent", cloudwatch.Count, trafficOf(packetsOut)},
}

func trafficOf(counter int) func(*trafficReading) float64 {
	return func(r *trafficReading) float64 { return difference(r.known, r.grown[counter]) }
}

type netCollector struct {
	reader         linkReader
	wanted         *regexp.Regexp       // interface names; nil: all that are up, but loopback
	last, previous map[string]knownLink // previous is kept for its memory only
	data           []cloudwatch.Datum
	*sheet[trafficReading]
}

// knownLink is an interface as the last Collect saw it.
type knownLink struct {
	counters traffic
	dims     []cloudwatch.Dimension
}

func buildNet(p config.Plugin, h Host) (Collector, config.Problems) {
	s, problems := choose(p, netTable)
	if s == nil {
		return nil, problems
	}
	return &netCollector{reader: newLinkReader(h), wanted: globs(p.Resources), last: map[string]knownLink{}, previous: map[string]knownLink{}, sheet: s}, problems
}

func (c *netCollector) Collect(ctx context.Context, now time.Time) ([]cloudwatch.Datum, error) {
	// Whom the configuration names is collected whether it is up or not.
	links, err := c.reader.read(ctx, c.wanted == nil)
	c.data = c.data[:0]
	// An interface that is not seen now is forgotten: what comes back under its name may be another one.
	c.last, c.previous = c.previous, c.last
	clear(c.last)
	for i := range links {
		l := &links[i]
		if c.wanted != nil && !c.wanted.MatchString(l.name) {
			continue
		}
		var r trafficReading
		known, ok := c.previous[l.name]
		if ok {
			r.known = since(l.traffic[:], known.counters[:], r.grown[:])
		} else {
			known.dims = c.dimensions("interface", l.name)
		}
		c.last[l.name] = knownLink{l.traffic, known.dims}
		c.data = c.fill(c.data, now, &r, known.dims)
	}
	return c.data, err
}
