package collectors

import (
	"math"
	"strings"

	"github.com/nephoscope/nephoscope/cloudwatch"
)

// processReading is one process now. What was not asked for, or could not be read, is not known.
type processReading struct {
	pid  float64
	stat processStat
	// usage is the processor time since the last Collect in percent of one core; NaN at the first look.
	usage float64

	status, io, limits, fds bool // whether it was read
	memory                  processMemory
	voluntary, involuntary  float64 // context switches
	pending                 float64 // signals, as the set of bits that the kernel tells
	readCount, writeCount   float64
	readBytes, writeBytes   float64
	descriptors             float64
	limit                   [limitCount][2]float64 // soft, hard; NaN: unlimited
}

// processStat is what is read of /proc/PID/stat; times are seconds.
type processStat struct {
	user, system, blocked float64
	nice, realtime        float64
	threads               float64
}

// processMemory is bytes.
type processMemory struct{ data, locked, rss, stack, swap, vms float64 }

// source is a file of a process that has to be read for a measurement.
type source uint8

const (
	ofStatus source = 1 << iota
	ofIO
	ofLimits
	ofFDs
)

// limitNames are the rows of /proc/PID/limits that are measured, under the original's names.
var limitNames = [limitCount]struct{ name, row string }{
	{"cpu_time", "Max cpu time"}, {"file_locks", "Max file locks"}, {"memory_data", "Max data size"}, {"memory_locked", "Max locked memory"},
	{"memory_rss", "Max resident set"}, {"memory_stack", "Max stack size"}, {"memory_vms", "Max address space"}, {"nice_priority", "Max nice priority"},
	{"num_fds", "Max open files"}, {"realtime_priority", "Max realtime priority"}, {"signals_pending", "Max pending signals"},
}

const limitCount = 11

// procstatTable: all are as the kernel has them now, and never differences but cpu_usage. The times that the kernel does not
// count for a process are 0, as the original sends them.
var procstatTable = withLimits([]row[processReading]{
	{"cpu_time", cloudwatch.None, func(r *processReading) float64 { return math.Floor(r.stat.user + r.stat.system) }},
	{"cpu_time_guest", cloudwatch.None, none},
	{"cpu_time_guest_nice", cloudwatch.None, none},
	{"cpu_time_idle", cloudwatch.None, none},
	{"cpu_time_iowait", cloudwatch.None, func(r *processReading) float64 { return r.stat.blocked }},
	{"cpu_time_irq", cloudwatch.None, none},
	{"cpu_time_nice", cloudwatch.None, none},
	{"cpu_time_soft_irq", cloudwatch.None, none},
	{"cpu_time_steal", cloudwatch.None, none},
	{"cpu_time_stolen", cloudwatch.None, func(*processReading) float64 { return math.NaN() }}, // in the original's list, and never sent
	{"cpu_time_system", cloudwatch.None, func(r *processReading) float64 { return r.stat.system }},
	{"cpu_time_user", cloudwatch.None, func(r *processReading) float64 { return r.stat.user }},
	{"cpu_usage", cloudwatch.Percent, func(r *processReading) float64 { return r.usage }},
	{"involuntary_context_switches", cloudwatch.None, func(r *processReading) float64 { return known(r.status, r.involuntary) }},
	{"memory_data", cloudwatch.Bytes, func(r *processReading) float64 { return known(r.status, r.memory.data) }},
	{"memory_locked", cloudwatch.Bytes, func(r *processReading) float64 { return known(r.status, r.memory.locked) }},
	{"memory_rss", cloudwatch.Bytes, func(r *processReading) float64 { return known(r.status, r.memory.rss) }},
	{"memory_stack", cloudwatch.Bytes, func(r *processReading) float64 { return known(r.status, r.memory.stack) }},
	{"memory_swap", cloudwatch.Bytes, func(r *processReading) float64 { return known(r.status, r.memory.swap) }},
	{"memory_vms", cloudwatch.Bytes, func(r *processReading) float64 { return known(r.status, r.memory.vms) }},
	{"nice_priority", cloudwatch.None, func(r *processReading) float64 { return r.stat.nice }},
	{"num_fds", cloudwatch.None, func(r *processReading) float64 { return known(r.fds, r.descriptors) }},
	{"num_threads", cloudwatch.None, func(r *processReading) float64 { return r.stat.threads }},
	{"pid", cloudwatch.None, func(r *processReading) float64 { return r.pid }},
	{"pid_count", cloudwatch.None, func(*processReading) float64 { return math.NaN() }}, // is of all of them, and has a series of its own
	{"read_bytes", cloudwatch.Bytes, func(r *processReading) float64 { return known(r.io, r.readBytes) }},
	{"read_count", cloudwatch.None, func(r *processReading) float64 { return known(r.io, r.readCount) }},
	{"realtime_priority", cloudwatch.None, func(r *processReading) float64 { return r.stat.realtime }},
	{"signals_pending", cloudwatch.None, func(r *processReading) float64 { return known(r.status, r.pending) }},
	{"voluntary_context_switches", cloudwatch.None, func(r *processReading) float64 { return known(r.status, r.voluntary) }},
	{"write_bytes", cloudwatch.Bytes, func(r *processReading) float64 { return known(r.io, r.writeBytes) }},
	{"write_count", cloudwatch.None, func(r *processReading) float64 { return known(r.io, r.writeCount) }},
})

func none(*processReading) float64 { return 0 }

func known(read bool, v float64) float64 {
	if !read {
		return math.NaN()
	}
	return v
}

// withLimits adds the rows of rlimit_…; those of memory are bytes.
func withLimits(table []row[processReading]) []row[processReading] {
	for i, l := range limitNames {
		unit := cloudwatch.None
		if strings.HasPrefix(l.name, "memory_") {
			unit = cloudwatch.Bytes
		}
		for j, end := range [2]string{"_soft", "_hard"} {
			table = append(table, row[processReading]{"rlimit_" + l.name + end, unit, func(r *processReading) float64 { return known(r.limits, r.limit[i][j]) }})
		}
	}
	return table
}

// sourceOf is what has to be read for a measurement beside /proc/PID/stat, which always is.
func sourceOf(measurement string) source {
	switch {
	case strings.HasPrefix(measurement, "rlimit_"):
		return ofLimits
	case strings.HasPrefix(measurement, "read_"), strings.HasPrefix(measurement, "write_"):
		return ofIO
	case measurement == "num_fds":
		return ofFDs
	case strings.HasPrefix(measurement, "memory_"), strings.HasSuffix(measurement, "context_switches"), measurement == "signals_pending":
		return ofStatus
	}
	return 0
}
