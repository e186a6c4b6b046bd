package collectors

import (
	"context"
	"math"
	"regexp"
	"time"

	"github.com/nephoscope/nephoscope/cloudwatch"
	"github.com/nephoscope/nephoscope/config"
)

// device is one block device and its counters since boot: requests, bytes, milliseconds.
type device struct {
	name                 string
	reads, writes        uint64
	readBytes            uint64
	writeBytes           uint64
	readTime, writeTime  uint64
	ioTime               uint64
	inProgress           uint64 // now, not since boot
	merged, weightedTime uint64 // not measured, but a device that has some is not idle
}

// deviceReading is a device now, and what its counters grew by since the last Collect.
type deviceReading struct {
	now, grown device
	known      bool
}

// diskioTable: all but iops_in_progress are differences, as the original sends them.
var diskioTable = []row[deviceReading]{
	{"io_time", cloudwatch.Milliseconds, func(r *deviceReading) float64 { return r.difference(r.grown.ioTime) }},
	{"iops_in_progress", cloudwatch.Count, func(r *deviceReading) float64 { return float64(r.now.inProgress) }},
	{"read_bytes", cloudwatch.Bytes, func(r *deviceReading) float64 { return r.difference(r.grown.readBytes) }},
	{"read_time", cloudwatch.Milliseconds, func(r *deviceReading) float64 { return r.difference(r.grown.readTime) }},
	{"reads", cloudwatch.Count, func(r *deviceReading) float64 { return r.difference(r.grown.reads) }},
	{"write_bytes", cloudwatch.Bytes, func(r *deviceReading) float64 { return r.difference(r.grown.writeBytes) }},
	{"write_time", cloudwatch.Milliseconds, func(r *deviceReading) float64 { return r.difference(r.grown.writeTime) }},
	{"writes", cloudwatch.Count, func(r *deviceReading) float64 { return r.difference(r.grown.writes) }},
}

func (r *deviceReading) difference(n uint64) float64 {
	if !r.known {
		return math.NaN()
	}
	return float64(n)
}

// since compares with the reading before. Counters start anew together, so one that went backwards discredits all.
func (r *deviceReading) since(last *device) {
	n := &r.now
	r.known = n.reads >= last.reads && n.writes >= last.writes && n.readBytes >= last.readBytes && n.writeBytes >= last.writeBytes &&
		n.readTime >= last.readTime && n.writeTime >= last.writeTime && n.ioTime >= last.ioTime
	r.grown = device{
		reads: n.reads - last.reads, writes: n.writes - last.writes,
		readBytes: n.readBytes - last.readBytes, writeBytes: n.writeBytes - last.writeBytes,
		readTime: n.readTime - last.readTime, writeTime: n.writeTime - last.writeTime, ioTime: n.ioTime - last.ioTime,
	}
}

type diskioCollector struct {
	host           Host
	reader         *deviceReader
	place          config.Place
	wanted         *regexp.Regexp         // device names; nil: all
	last, previous map[string]knownDevice // previous is kept for its memory only
	data           []cloudwatch.Datum
	*sheet[deviceReading]
}

// knownDevice is a device as the last Collect saw it.
type knownDevice struct {
	counters device
	dims     []cloudwatch.Dimension
}

func buildDiskIO(p config.Plugin, h Host) (Collector, config.Problems) {
	ebs, problems := choose(part(p, ebsTable), ebsTable)
	store, more := choose(part(p, storeTable), storeTable)
	problems = append(problems, more...)
	nvme, more := buildNVMe(p, h, ebs, store)
	problems = append(problems, more...)
	classic, more := choose(rest(p, rowsOf(ebsTable), rowsOf(storeTable)), diskioTable)
	problems = append(problems, more...)
	var all together
	if classic != nil {
		all.collectors = append(all.collectors, &diskioCollector{
			host: h, reader: newDeviceReader(h), place: p.Place, wanted: globs(p.Resources), last: map[string]knownDevice{}, previous: map[string]knownDevice{},
			sheet: classic,
		})
	}
	if nvme != nil {
		all.collectors = append(all.collectors, nvme)
	}
	for _, problem := range problems {
		if !problem.Warning {
			return nil, problems
		}
	}
	return all.collector(), problems
}

// Advise names the devices that are memory, or files of another device, and that the configuration pays for all the same.
func (c *diskioCollector) Advise(context.Context) []config.Problem {
	devices, _ := newDeviceReader(c.host).read() // Collect will tell the error
	paid := map[string]bool{}
	for _, d := range devices {
		if virtual.MatchString(d.name) && (c.wanted == nil || c.wanted.MatchString(d.name)) {
			paid[d.name] = true
		}
	}
	if len(paid) == 0 {
		return nil
	}
	return []config.Problem{config.Suspicion(c.place, "diskio sends what is no disk, "+costOf(paid, len(c.columns)),
		`name the disks, as in "resources": ["nvme*", "xvd*", "sd*"]`)}
}

var virtual = regexp.MustCompile(`^(loop|ram|zram)\d+$`)

func (c *diskioCollector) Collect(_ context.Context, now time.Time) ([]cloudwatch.Datum, error) {
	devices, err := c.reader.read()
	c.data = c.data[:0]
	// A device that is not seen now is forgotten: what comes back under its name may be another one.
	c.last, c.previous = c.previous, c.last
	clear(c.last)
	for i := range devices {
		r := deviceReading{now: devices[i]}
		name := r.now.name
		if c.wanted != nil && !c.wanted.MatchString(name) {
			continue
		}
		known, ok := c.previous[name]
		if ok {
			r.since(&known.counters)
		} else {
			known.dims = c.dimensions("name", name)
		}
		c.last[name] = knownDevice{r.now, known.dims}
		c.data = c.fill(c.data, now, &r, known.dims)
	}
	return c.data, err
}
