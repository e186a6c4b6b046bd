package collectors

import (
	"context"
	"regexp"
	"time"

	"github.com/nephoscope/nephoscope/cloudwatch"
	"github.com/nephoscope/nephoscope/config"
)

// What a block device counts since boot: requests, bytes, milliseconds.
const (
	deviceReads = iota
	deviceWrites
	deviceReadBytes
	deviceWriteBytes
	deviceReadTime
	deviceWriteTime
	deviceIOTime
	deviceCounted
)

// device is one block device.
type device struct {
	name                 string
	counters             [deviceCounted]uint64
	inProgress           uint64 // now, not since boot
	merged, weightedTime uint64 // not measured, but a device that has some is not idle
}

// deviceReading is a device now, and what its counters grew by since the last Collect.
type deviceReading struct {
	now   device
	grown [deviceCounted]uint64
	known bool
}

// diskioTable: all but iops_in_progress are differences, as the original sends them.
var diskioTable = []row[deviceReading]{
	{"io_time", cloudwatch.Milliseconds, deviceOf(deviceIOTime)},
	{"iops_in_progress", cloudwatch.Count, func(r *deviceReading) float64 { return float64(r.now.inProgress) }},
	{"read_bytes", cloudwatch.Bytes, deviceOf(deviceReadBytes)},
	{"read_time", cloudwatch.Milliseconds, deviceOf(deviceReadTime)},
	{"reads", cloudwatch.Count, deviceOf(deviceReads)},
	{"write_bytes", cloudwatch.Bytes, deviceOf(deviceWriteBytes)},
	{"write_time", cloudwatch.Milliseconds, deviceOf(deviceWriteTime)},
	{"writes", cloudwatch.Count, deviceOf(deviceWrites)},
}

func deviceOf(counter int) func(*deviceReading) float64 {
	return func(r *deviceReading) float64 { return difference(r.known, r.grown[counter]) }
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
	counters [deviceCounted]uint64
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
			r.known = since(r.now.counters[:], known.counters[:], r.grown[:])
		} else {
			known.dims = c.dimensions("name", name)
		}
		c.last[name] = knownDevice{r.now.counters, known.dims}
		c.data = c.fill(c.data, now, &r, known.dims)
	}
	return c.data, err
}
