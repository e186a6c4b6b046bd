package collectors

import (
	"context"
	"fmt"
	"math"
	"regexp"
	"slices"
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
	measurable, problems := withoutNVMe(p)
	if len(measurable.Measurements) == 0 && len(p.Measurements) > 0 {
		return nil, problems
	}
	s, more := choose(measurable, diskioTable)
	problems = append(problems, more...)
	if s == nil {
		return nil, problems
	}
	return &diskioCollector{
		host: h, reader: newDeviceReader(h), place: p.Place, wanted: globs(p.Resources), last: map[string]knownDevice{}, previous: map[string]knownDevice{}, sheet: s,
	}, problems
}

// nvmeMeasurements are what the original reads from the log pages of Amazon's NVMe controllers.
var nvmeMeasurements = []string{
	"ebs_total_read_ops", "ebs_total_write_ops", "ebs_total_read_bytes", "ebs_total_write_bytes", "ebs_total_read_time", "ebs_total_write_time",
	"ebs_volume_performance_exceeded_iops", "ebs_volume_performance_exceeded_tp",
	"ebs_ec2_instance_performance_exceeded_iops", "ebs_ec2_instance_performance_exceeded_tp", "ebs_volume_queue_length",
	"instance_store_total_read_ops", "instance_store_total_write_ops", "instance_store_total_read_bytes", "instance_store_total_write_bytes",
	"instance_store_total_read_time", "instance_store_total_write_time",
	"instance_store_performance_exceeded_iops", "instance_store_performance_exceeded_tp", "instance_store_volume_queue_length",
}

// withoutNVMe takes those measurements out of a plugin, with a warning for each: a configuration of the original stays good.
func withoutNVMe(p config.Plugin) (config.Plugin, config.Problems) {
	var kept []config.Measurement
	var problems config.Problems
	for _, m := range p.Measurements {
		if name := short(p.Name, m.Name); slices.Contains(nvmeMeasurements, name) {
			problems = append(problems, config.Suspicion(m.Place, fmt.Sprintf("diskio_%s is not collected by this version", name),
				"read_bytes, writes and their kin are collected for every device, NVMe included"))
			continue
		}
		kept = append(kept, m)
	}
	p.Measurements = kept
	return p, problems
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
