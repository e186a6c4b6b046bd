package collectors

import (
	"context"
	"math"
	"regexp"
	"time"

	"github.com/nephoscope/nephoscope/cloudwatch"
	"github.com/nephoscope/nephoscope/config"
)

// traffic is what an interface has counted since it came up.
type traffic struct {
	bytesIn, packetsIn, errorsIn, droppedIn     uint64
	bytesOut, packetsOut, errorsOut, droppedOut uint64
}

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
	{"bytes_recv", cloudwatch.Bytes, func(r *trafficReading) float64 { return r.difference(r.grown.bytesIn) }},
	{"bytes_sent", cloudwatch.Bytes, func(r *trafficReading) float64 { return r.difference(r.grown.bytesOut) }},
	{"drop_in", cloudwatch.Count, func(r *trafficReading) float64 { return r.difference(r.grown.droppedIn) }},
	{"drop_out", cloudwatch.Count, func(r *trafficReading) float64 { return r.difference(r.grown.droppedOut) }},
	{"err_in", cloudwatch.Count, func(r *trafficReading) float64 { return r.difference(r.grown.errorsIn) }},
	{"err_out", cloudwatch.Count, func(r *trafficReading) float64 { return r.difference(r.grown.errorsOut) }},
	{"packets_recv", cloudwatch.Count, func(r *trafficReading) float64 { return r.difference(r.grown.packetsIn) }},
	{"packets_sent", cloudwatch.Count, func(r *trafficReading) float64 { return r.difference(r.grown.packetsOut) }},
}

func (r *trafficReading) difference(n uint64) float64 {
	if !r.known {
		return math.NaN()
	}
	return float64(n)
}

// since compares with the reading before. A driver that was loaded anew counts all from zero, so one counter that went
// backwards discredits all.
func (n *traffic) since(last *traffic) trafficReading {
	return trafficReading{
		known: n.bytesIn >= last.bytesIn && n.packetsIn >= last.packetsIn && n.errorsIn >= last.errorsIn && n.droppedIn >= last.droppedIn &&
			n.bytesOut >= last.bytesOut && n.packetsOut >= last.packetsOut && n.errorsOut >= last.errorsOut && n.droppedOut >= last.droppedOut,
		grown: traffic{
			bytesIn: n.bytesIn - last.bytesIn, packetsIn: n.packetsIn - last.packetsIn,
			errorsIn: n.errorsIn - last.errorsIn, droppedIn: n.droppedIn - last.droppedIn,
			bytesOut: n.bytesOut - last.bytesOut, packetsOut: n.packetsOut - last.packetsOut,
			errorsOut: n.errorsOut - last.errorsOut, droppedOut: n.droppedOut - last.droppedOut,
		},
	}
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
			r = l.since(&known.counters)
		} else {
			known.dims = c.dimensions("interface", l.name)
		}
		c.last[l.name] = knownLink{l.traffic, known.dims}
		c.data = c.fill(c.data, now, &r, known.dims)
	}
	return c.data, err
}
