package collectors

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/shirou/gopsutil/v3/cpu"

	"github.com/nephoscope/nephoscope/cloudwatch"
	"github.com/nephoscope/nephoscope/config"
)

type cpuTimes = cpu.TimesStat

// cpuReading is one line of /proc/stat: the seconds since boot, and those since the last Collect.
type cpuReading struct {
	now, delta cpuTimes
	elapsed    float64 // all of delta; NaN where there is no telling
}

// cpuTable: time_* are seconds since boot as the kernel counts them, guests within user; usage_* are shares of the time since
// the last Collect, with guests taken out of user and nice, where the kernel counts them a second time.
var cpuTable = []row[cpuReading]{
	{"time_active", cloudwatch.None, func(r *cpuReading) float64 { return active(&r.now) }},
	{"time_guest", cloudwatch.None, func(r *cpuReading) float64 { return r.now.Guest }},
	{"time_guest_nice", cloudwatch.None, func(r *cpuReading) float64 { return r.now.GuestNice }},
	{"time_idle", cloudwatch.None, func(r *cpuReading) float64 { return r.now.Idle }},
	{"time_iowait", cloudwatch.None, func(r *cpuReading) float64 { return r.now.Iowait }},
	{"time_irq", cloudwatch.None, func(r *cpuReading) float64 { return r.now.Irq }},
	{"time_nice", cloudwatch.None, func(r *cpuReading) float64 { return r.now.Nice }},
	{"time_softirq", cloudwatch.None, func(r *cpuReading) float64 { return r.now.Softirq }},
	{"time_steal", cloudwatch.None, func(r *cpuReading) float64 { return r.now.Steal }},
	{"time_system", cloudwatch.None, func(r *cpuReading) float64 { return r.now.System }},
	{"time_user", cloudwatch.None, func(r *cpuReading) float64 { return r.now.User }},
	{"usage_active", cloudwatch.Percent, func(r *cpuReading) float64 { return r.share(r.elapsed - r.delta.Idle) }},
	{"usage_guest", cloudwatch.Percent, func(r *cpuReading) float64 { return r.share(r.delta.Guest) }},
	{"usage_guest_nice", cloudwatch.Percent, func(r *cpuReading) float64 { return r.share(r.delta.GuestNice) }},
	{"usage_idle", cloudwatch.Percent, func(r *cpuReading) float64 { return r.share(r.delta.Idle) }},
	{"usage_iowait", cloudwatch.Percent, func(r *cpuReading) float64 { return r.share(r.delta.Iowait) }},
	{"usage_irq", cloudwatch.Percent, func(r *cpuReading) float64 { return r.share(r.delta.Irq) }},
	{"usage_nice", cloudwatch.Percent, func(r *cpuReading) float64 { return r.share(r.delta.Nice - r.delta.GuestNice) }},
	{"usage_softirq", cloudwatch.Percent, func(r *cpuReading) float64 { return r.share(r.delta.Softirq) }},
	{"usage_steal", cloudwatch.Percent, func(r *cpuReading) float64 { return r.share(r.delta.Steal) }},
	{"usage_system", cloudwatch.Percent, func(r *cpuReading) float64 { return r.share(r.delta.System) }},
	{"usage_user", cloudwatch.Percent, func(r *cpuReading) float64 { return r.share(r.delta.User - r.delta.Guest) }},
}

// tick is what differences of seconds may be wrong by: the kernel counts hundredths, floating point does not hold them exactly.
const tick = 0.001

// share is a part of the elapsed time in percent.
func (r *cpuReading) share(part float64) float64 {
	if math.Abs(part) < tick {
		part = 0
	}
	return percentOf(part, r.elapsed)
}

// since compares with the reading before. Where a counter went backwards the machine was restored, or the core was away, and
// no share is true. Only between idle and iowait the kernel moves time back and forth (proc(5): iowait "is not reliable"):
// what one lost the other has got too much of, so their sum is kept and the one that lost is not told.
func (r *cpuReading) since(last *cpuTimes) {
	d := cpuTimes{
		User: r.now.User - last.User, Nice: r.now.Nice - last.Nice, System: r.now.System - last.System,
		Idle: r.now.Idle - last.Idle, Iowait: r.now.Iowait - last.Iowait,
		Irq: r.now.Irq - last.Irq, Softirq: r.now.Softirq - last.Softirq, Steal: r.now.Steal - last.Steal,
		Guest: r.now.Guest - last.Guest, GuestNice: r.now.GuestNice - last.GuestNice,
	}
	r.elapsed = total(&d)
	least := min(d.User, d.Nice, d.System, d.Irq, d.Softirq, d.Steal, d.Guest, d.GuestNice, d.Idle+d.Iowait)
	if least < -tick || r.elapsed < tick {
		r.elapsed = math.NaN()
	}
	if d.Iowait < -tick {
		d.Idle, d.Iowait = d.Idle+d.Iowait, math.NaN()
	} else if d.Idle < -tick {
		d.Idle, d.Iowait = math.NaN(), d.Idle+d.Iowait
	}
	r.delta = d
}

// total is all the time of a core; guests are within user and nice already.
func total(t *cpuTimes) float64 {
	return t.User + t.Nice + t.System + t.Idle + t.Iowait + t.Irq + t.Softirq + t.Steal
}

// active is all but idle: waiting for a disk and for the hypervisor is being active, to the original.
func active(t *cpuTimes) float64 { return total(t) - t.Idle }

type cpuCollector struct {
	reader         *cpuReader
	totals, cores  bool
	data           []cloudwatch.Datum
	last, previous map[string]knownCore // previous is kept for its memory only
	*sheet[cpuReading]
}

// knownCore is a core as the last Collect saw it.
type knownCore struct {
	times cpuTimes
	dims  []cloudwatch.Dimension
}

func buildCPU(p config.Plugin, h Host) (Collector, config.Problems) {
	s, problems := choose(p, cpuTable)
	cores := slices.Contains(p.Resources, "*")
	if s == nil || !cores && !p.TotalCPU { // config has warned of a section that collects nothing
		return nil, problems
	}
	return &cpuCollector{reader: newCPUReader(h), totals: p.TotalCPU, cores: cores, last: map[string]knownCore{}, previous: map[string]knownCore{}, sheet: s}, problems
}

func (c *cpuCollector) Collect(ctx context.Context, now time.Time) ([]cloudwatch.Datum, error) {
	times, err := c.reader.read(ctx, c.totals, c.cores)
	c.data = c.data[:0]
	// A core that is not seen now is forgotten: what it did until it is back belongs to no interval.
	c.last, c.previous = c.previous, c.last
	clear(c.last)
	for _, t := range times {
		r := cpuReading{now: t, elapsed: math.NaN()}
		core, known := c.previous[t.CPU]
		if known {
			r.since(&core.times)
		} else {
			core.dims = c.dimensions("cpu", t.CPU)
		}
		c.last[t.CPU] = knownCore{t, core.dims}
		c.data = c.fill(c.data, now, &r, core.dims)
	}
	return c.data, err
}

// askCPU asks gopsutil, which takes a stat file that it cannot read for a machine without cores.
func askCPU(ctx context.Context, totals, cores bool) ([]cpuTimes, error) {
	var times []cpuTimes
	for _, part := range []struct{ wanted, perCore bool }{{totals, false}, {cores, true}} {
		if !part.wanted {
			continue
		}
		some, err := timesOf(ctx, part.perCore)
		if err == nil && len(some) == 0 {
			err = errors.New("no line of it makes sense")
		}
		if err != nil {
			return times, fmt.Errorf("read processor times: %w", err)
		}
		times = append(times, some...)
	}
	return times, nil
}
