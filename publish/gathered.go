package publish

import (
	"slices"
	"time"
	"unsafe"

	"github.com/nephoscope/nephoscope/cloudwatch"
)

// gathered is data that wait for the next flush. Most are of the same series again and again, with one value each: what all
// data of a series share is kept once, and of each datum a quarter of what it takes by itself.
type gathered struct {
	series map[seriesKey]*cloudwatch.Datum
	points []point
}

// maxShared bounds the series that are kept so between two flushes: of more, each has few data, and looking them up gains nothing.
const maxShared = 10_000

// point is a datum: of a series or, without a time of its own, by itself.
type point struct {
	of    *cloudwatch.Datum
	time  time.Time
	value float64
}

// seriesKey is what tells that data share everything but time and value. Lists of dimensions are shared between the data of a
// collector: two that are not the same list count as different ones, which costs memory and nothing else.
type seriesKey struct {
	name       string
	dimensions *cloudwatch.Dimension
	dimension  int // how many there are
	unit       cloudwatch.Unit
	resolution time.Duration
	rollUpOnly bool
	source     *cloudwatch.Source
}

func (g *gathered) len() int { return len(g.points) }

func (g *gathered) add(data []cloudwatch.Datum) {
	if g.series == nil {
		g.series = map[seriesKey]*cloudwatch.Datum{}
	}
	for i := range data {
		d := &data[i]
		if of := g.seriesOf(d); of != nil {
			g.points = append(g.points, point{of, d.Time, d.Values[0]})
			continue
		}
		own := *d
		g.points = append(g.points, point{of: &own})
	}
}

// seriesOf is what the data of a series share; nil: this one is kept by itself.
func (g *gathered) seriesOf(d *cloudwatch.Datum) *cloudwatch.Datum {
	if len(d.Values) != 1 || d.Counts != nil || d.Time.IsZero() {
		return nil
	}
	key := seriesKey{d.Name, unsafe.SliceData(d.Dimensions), len(d.Dimensions), d.Unit, d.Resolution, d.RollUpOnly, d.Source}
	of, known := g.series[key]
	if !known && len(g.series) < maxShared {
		own := *d
		own.Values = nil
		of = &own
		g.series[key] = of
	}
	return of
}

// drop forgets the oldest.
func (g *gathered) drop(n int) { g.points = slices.Delete(g.points, 0, n) }

// take returns all data, in their order, and has none any more.
func (g *gathered) take() []cloudwatch.Datum {
	data := make([]cloudwatch.Datum, len(g.points))
	values := make([]float64, len(g.points))
	for i, p := range g.points {
		data[i] = *p.of
		if !p.time.IsZero() {
			values[i] = p.value
			data[i].Time, data[i].Values = p.time, values[i:i+1:i+1]
		}
	}
	points := g.points
	*g = gathered{}
	if cap(points) <= 4*len(points) { // else it is from a time when there was more
		clear(points)
		g.points = points[:0]
	}
	return data
}
