package local

import (
	"cmp"
	"context"
	"math"
	"slices"
	"strconv"
	"strings"
)

// A bucket is what the data of one period come to.
type bucket struct {
	at     int64 // its beginning, second
	unit   string
	count  float64
	sum    float64
	min    float64
	max    float64
	values []weighted
	opaque bool // some datum is a statistic set that hides its values
}

type weighted struct{ value, count float64 }

func (b *bucket) add(r *datumRow) {
	if b.count == 0 {
		b.min, b.max = r.min, r.max
	}
	b.count += r.count
	b.sum += r.sum
	b.min, b.max = math.Min(b.min, r.min), math.Max(b.max, r.max)
	switch {
	case r.values != nil:
		for i, v := range r.values {
			b.values = append(b.values, weighted{v, r.counts[i]})
		}
	case r.min == r.max:
		b.values = append(b.values, weighted{r.min, r.count})
	default:
		b.opaque = true
	}
}

// A statistic reads one number off a bucket; false when the bucket cannot tell.
type statistic func(*bucket) (float64, bool)

// statisticNamed finds a statistic: one of the five, or a percentile such as p99 or p99.9.
func statisticNamed(name string) (statistic, bool) {
	switch name {
	case "SampleCount":
		return func(b *bucket) (float64, bool) { return b.count, true }, true
	case "Sum":
		return func(b *bucket) (float64, bool) { return b.sum, true }, true
	case "Average":
		return func(b *bucket) (float64, bool) { return b.sum / b.count, b.count > 0 }, true
	case "Minimum":
		return func(b *bucket) (float64, bool) { return b.min, true }, true
	case "Maximum":
		return func(b *bucket) (float64, bool) { return b.max, true }, true
	}
	rank, ok := percentileRank(name)
	return func(b *bucket) (float64, bool) { return b.percentile(rank) }, ok
}

// percentileRank reads p0.0 to p100.
func percentileRank(name string) (float64, bool) {
	digits, found := strings.CutPrefix(name, "p")
	if !found || digits == "" || strings.Trim(digits, "0123456789.") != "" {
		return 0, false
	}
	rank, err := strconv.ParseFloat(digits, 64)
	return rank, err == nil && rank >= 0 && rank <= 100
}

// percentile is the smallest value that at least rank percent of the values do not exceed.
// "Percentile statistics are not available for metrics when any of the metric values are negative
// numbers", nor where a statistic set hides the values.
func (b *bucket) percentile(rank float64) (float64, bool) {
	if b.opaque || b.min < 0 || b.count == 0 || len(b.values) == 0 {
		return 0, false
	}
	slices.SortFunc(b.values, func(x, y weighted) int { return cmp.Compare(x.value, y.value) })
	wanted, seen := b.count*rank/100, 0.0
	for _, w := range b.values {
		seen += w.count
		if w.count > 0 && seen >= wanted {
			return w.value, true
		}
	}
	return b.max, true
}

// A span is a stretch of time cut into periods, in seconds; from is included, to is not.
type span struct{ from, to, period int64 }

// buckets sums up a metric's data by period, oldest first; by unit as well when apart is set.
func (s *Server) buckets(ctx context.Context, metric int64, in span, unit string, apart bool) ([]*bucket, error) {
	from := in.from
	if in.period < 60 {
		from = max(from, s.now().Add(-highResolutionPeriods).Unix())
	}
	type key struct {
		at   int64
		unit string
	}
	found := make(map[key]*bucket)
	var ordered []*bucket
	err := s.store.data(ctx, metric, from, in.to, unit, func(r *datumRow) {
		k := key{at: in.from + (r.at-in.from)/in.period*in.period}
		if apart {
			k.unit = r.unit
		}
		b := found[k]
		if b == nil {
			b = &bucket{at: k.at, unit: r.unit}
			found[k] = b
			ordered = append(ordered, b)
		}
		b.add(r)
	})
	return ordered, err
}
