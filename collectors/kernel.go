package collectors

import (
	"github.com/nephoscope/nephoscope/cloudwatch"
)

// The collectors of this file are ours: the original has none of them, and nothing of it is collected unless it is asked for.
// Each is what one or two small files of /proc say.

// loads are the load averages of the last 1, 5 and 15 minutes.
type loads [3]float64

var loadavgTable = []row[loads]{
	{"15m", cloudwatch.None, func(l *loads) float64 { return l[2] }},
	{"1m", cloudwatch.None, func(l *loads) float64 { return l[0] }},
	{"5m", cloudwatch.None, func(l *loads) float64 { return l[1] }},
}

// pressures is for how many seconds tasks were stalled, by resource (cpu, io, memory): some of them, and all.
type pressures [3][2]float64

// pressureReading is the shares of the time since the last Collect; NaN where there is no telling.
type pressureReading struct{ share pressures }

var pressureTable = []row[pressureReading]{
	{"cpu_full", cloudwatch.Percent, func(r *pressureReading) float64 { return r.share[0][1] }},
	{"cpu_some", cloudwatch.Percent, func(r *pressureReading) float64 { return r.share[0][0] }},
	{"io_full", cloudwatch.Percent, func(r *pressureReading) float64 { return r.share[1][1] }},
	{"io_some", cloudwatch.Percent, func(r *pressureReading) float64 { return r.share[1][0] }},
	{"memory_full", cloudwatch.Percent, func(r *pressureReading) float64 { return r.share[2][1] }},
	{"memory_some", cloudwatch.Percent, func(r *pressureReading) float64 { return r.share[2][0] }},
}

// filling is how much is used of something of which there is only so much.
type filling struct{ used, most float64 }

func (f *filling) percent() float64 { return percentOf(f.used, f.most) }

var filefdTable = []row[filling]{
	{"allocated", cloudwatch.Count, func(f *filling) float64 { return f.used }},
	{"max", cloudwatch.Count, func(f *filling) float64 { return f.most }},
	{"used_percent", cloudwatch.Percent, (*filling).percent},
}

var conntrackTable = []row[filling]{
	{"count", cloudwatch.Count, func(f *filling) float64 { return f.used }},
	{"max", cloudwatch.Count, func(f *filling) float64 { return f.most }},
	{"used_percent", cloudwatch.Percent, (*filling).percent},
}

var uptimeTable = []row[float64]{
	{"seconds", cloudwatch.Seconds, func(s *float64) float64 { return *s }},
}

// What TCP counts of all connections since boot.
const (
	tcpSent = iota
	tcpRetransmitted
	tcpOverflows
	tcpDrops
	tcpCounted
)

type tcpCounters [tcpCounted]uint64

// tcpReading is what they grew by since the last Collect.
type tcpReading struct {
	grown tcpCounters
	known bool
}

var tcpTable = []row[tcpReading]{
	{"listen_drops", cloudwatch.Count, func(r *tcpReading) float64 { return r.of(tcpDrops) }},
	{"listen_overflows", cloudwatch.Count, func(r *tcpReading) float64 { return r.of(tcpOverflows) }},
	{"retransmitted_percent", cloudwatch.Percent, func(r *tcpReading) float64 {
		return percentOf(r.of(tcpRetransmitted), r.of(tcpSent))
	}},
	{"segments_retransmitted", cloudwatch.Count, func(r *tcpReading) float64 { return r.of(tcpRetransmitted) }},
	{"segments_sent", cloudwatch.Count, func(r *tcpReading) float64 { return r.of(tcpSent) }},
}

func (r *tcpReading) of(counter int) float64 { return difference(r.known, r.grown[counter]) }

// kills is how many processes were killed for want of memory since the last Collect; NaN at the first.
type kills float64

var oomTable = []row[kills]{
	{"kills", cloudwatch.Count, func(k *kills) float64 { return float64(*k) }},
}
