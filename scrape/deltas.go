package scrape

import (
	"sync/atomic"
	"time"
)

// idle is how long a series is remembered that is not seen any more (agent plugins/inputs/prometheus/delta_calculator.go, CacheTTL).
const idle = 5 * time.Minute

// bound is how many series all targets together may have remembered.
type bound struct {
	most int64
	used atomic.Int64
}

// deltas remembers the last value of each series of one target that only grows. It takes about 60 bytes for each.
type deltas struct {
	bound  *bound
	last   map[uint64]point
	looked int64 // when it was last looked for idle ones
}

type point struct {
	value float64
	at    int64 // milliseconds, if the target says so; else 0
	seen  int64 // milliseconds since the scraper began, which no clock that is set changes
}

func newDeltas(b *bound) *deltas { return &deltas{bound: b, last: map[uint64]point{}} }

// step is by how much a series has grown. A counter that goes backwards has begun again, and has grown by what it says
// (delta_calculator.go); of the first value nothing is known. at is the time that the target itself gives; 0: it gives none.
func (d *deltas) step(series uint64, value float64, at, now int64) (delta float64, dropped string) {
	before, known := d.last[series]
	switch {
	case !known:
		if d.bound.used.Add(1) > d.bound.most {
			d.bound.used.Add(-1)
			return 0, droppedSeries
		}
		dropped = droppedFirst
	case at != 0 && at == before.at:
		before.seen = now
		d.last[series] = before
		return 0, droppedTime
	case at != 0 && at < before.at: // its clock was ahead: from here on it is known again
		dropped = droppedTime
	case value < before.value:
		delta = value
	default:
		delta = value - before.value
	}
	d.last[series] = point{value, at, now}
	return delta, dropped
}

// forget is for a series that has no value.
func (d *deltas) forget(series uint64) {
	if _, known := d.last[series]; known {
		delete(d.last, series)
		d.bound.used.Add(-1)
	}
}

// sweep forgets what has not been seen for a while, which is more than two intervals in any case.
func (d *deltas) sweep(now int64, interval time.Duration) {
	patience := max(idle, 5*interval/2).Milliseconds()
	if now-d.looked < patience/5 {
		return
	}
	d.looked = now
	for series, p := range d.last {
		if now-p.seen > patience {
			d.forget(series)
		}
	}
}

// close gives back everything.
func (d *deltas) close() {
	d.bound.used.Add(-int64(len(d.last)))
	d.last = map[uint64]point{}
}
