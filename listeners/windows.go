package listeners

import (
	"maps"
	"slices"
	"time"

	"github.com/nephoscope/nephoscope/cloudwatch"
)

// windows sum up over metrics_aggregation_interval: a distribution for each series and each window on the clock.
type windows struct {
	width time.Duration // 0: nothing is summed up but what falls into one second
	open  map[int64]map[*series]*distribution
	data  int // that they will be
	held  int // values, of all together
}

const (
	// mostHeld bounds the different values that a listener keeps, of all series and windows; some tens of MiB.
	mostHeld = 1 << 20
	// mostData bounds what they are handed over as, which takes much more than a value: ten times of every series, as of values
	// that come each second and are not summed up.
	mostData = 10 * mostSeries
	// mostWindows bounds the windows that the times of values may open.
	mostWindows = 10_000
)

// start is when the window begins that a moment falls into.
func (w *windows) start(at time.Time) time.Time { return at.Truncate(max(w.width, time.Second)) }

// of is the distribution that what comes at a moment belongs to; nil: there is none, and no room for another.
func (w *windows) of(s *series, at time.Time) *distribution {
	start := w.start(at).Unix()
	all := w.open[start]
	if d := all[s]; d != nil {
		return d
	}
	if w.held >= mostHeld || w.data >= mostData || all == nil && len(w.open) >= mostWindows {
		return nil
	}
	if w.open == nil {
		w.open = map[int64]map[*series]*distribution{}
	}
	if all == nil {
		all = map[*series]*distribution{}
		w.open[start] = all
	}
	d := &distribution{}
	all[s] = d
	w.data++
	return d
}

// add adds a value; false: there is no room for one that is different from all.
func (w *windows) add(s *series, at time.Time, v float64) bool {
	d := w.of(s, at)
	if d == nil || w.held >= mostHeld && !d.has(v) {
		return false
	}
	w.held -= d.size()
	d.add(v, 1)
	w.held += d.size()
	return true
}

// merge adds a distribution, and returns how many occurrences there was no room for.
func (w *windows) merge(s *series, at time.Time, more *distribution) (lost int64) {
	d := w.of(s, at)
	values, counts := more.values()
	if d == nil {
		return occurrences(counts)
	}
	w.held -= d.size()
	if room := mostHeld - w.held - d.size(); d.times == 0 && more.size() <= room {
		*d = *more
	} else {
		for i, v := range values {
			if room <= 0 && !d.has(v) {
				lost += occurrences(counts[i : i+1])
				continue
			}
			before := d.size()
			d.add(v, counts[i])
			room -= d.size() - before
		}
	}
	w.held += d.size()
	return lost
}

func occurrences(counts []float64) (n int64) {
	for _, c := range counts {
		n += int64(max(c, 1))
	}
	return n
}

// ended takes out the windows that are over, all of them if last, as data of the windows' beginnings. One that is further ahead than
// anything is taken is of a clock that has been set back, and nothing more will come of it.
func (w *windows) ended(now time.Time, last bool) (data []cloudwatch.Datum) {
	resolution := cloudwatch.ResolutionOf(max(w.width, time.Second))
	for _, start := range slices.Sorted(maps.Keys(w.open)) {
		at := time.Unix(start, 0)
		if !last && w.width > 0 && at.Add(w.width).After(now) && at.Sub(now) <= mostAhead {
			continue
		}
		for s, d := range w.open[start] {
			w.held -= d.size()
			values, counts := d.values()
			if len(values) == 0 {
				continue
			}
			data = append(data, cloudwatch.Datum{
				Name: s.name, Dimensions: s.dimensions, Time: at, Unit: cloudwatch.None, Resolution: resolution,
				Values: values, Counts: counts, RollUpOnly: s.rollUpOnly,
			})
		}
		w.data -= len(w.open[start])
		delete(w.open, start)
	}
	return data
}
