package listeners

import (
	"math"
	"slices"
)

// distribution is values and how often each occurred. Up to mostExact different ones are kept as they are; beyond that those
// within one percent of each other become one, their mean: sum, count, least and greatest stay exact, and percentiles are
// off by a percent at most.
type distribution struct {
	one, times float64             // while there is one value only: most have no more
	exact      map[float64]float64 // nil while there is one, and when they are rounded
	rounded    map[int]*bucket     // nil: they are exact
	least      float64
	greatest   float64
}

type bucket struct{ sum, count float64 }

const (
	// mostExact is 20 data of 150 values.
	mostExact = 3000
	// width of a bucket: the logarithm of the greatest by the least value in it.
	width = 0.01
	// mostBuckets to either side of 1 reach from 1e-11 to 1e11; what is beyond shares the last ones.
	mostBuckets = 2500
)

// has tells whether adding a value would take no room.
func (d *distribution) has(v float64) bool {
	switch {
	case d.rounded != nil:
		return d.rounded[bucketOf(v)] != nil
	case d.exact != nil:
		_, known := d.exact[v]
		return known
	}
	return d.times > 0 && d.one == v
}

// size is how much room it takes, in values.
func (d *distribution) size() int {
	if d.times == 0 {
		return 0
	}
	return max(len(d.exact), len(d.rounded), 1)
}

// add adds a value that occurred n times; n may be a fraction, of samples.
func (d *distribution) add(v, n float64) {
	if d.times == 0 {
		d.one, d.least, d.greatest = v, v, v
	}
	d.least, d.greatest = min(d.least, v), max(d.greatest, v)
	switch {
	case d.rounded != nil:
		d.round(v, n)
	case d.exact != nil:
		d.exact[v] += n
		if len(d.exact) > mostExact {
			all := d.exact
			d.exact, d.rounded = nil, map[int]*bucket{}
			for v, n := range all {
				d.round(v, n)
			}
		}
	case d.times > 0 && d.one != v:
		d.exact = map[float64]float64{d.one: d.times, v: n}
	}
	d.times += n
}

func (d *distribution) round(v, n float64) {
	b := d.rounded[bucketOf(v)]
	if b == nil {
		b = &bucket{}
		d.rounded[bucketOf(v)] = b
	}
	b.sum += v * n
	b.count += n
}

// bucketOf numbers buckets: 0 holds nothing but 0, and those of negative values are negative.
func bucketOf(v float64) int {
	if v == 0 {
		return 0
	}
	n := int(min(max(math.Floor(math.Log(math.Abs(v))/width), -mostBuckets), mostBuckets)) + mostBuckets + 1
	if v < 0 {
		return -n
	}
	return n
}

// values are sorted.
func (d *distribution) values() (values, counts []float64) {
	add := func(v, n float64) { values, counts = append(values, v), append(counts, n) }
	switch {
	case d.rounded != nil:
		d.apart(d.least, add)
		if d.greatest != d.least {
			d.apart(d.greatest, add)
		}
		for _, n := range sortedKeys(d.rounded) {
			if b := d.rounded[n]; b.count > 0 {
				add(min(max(b.sum/b.count, d.least), d.greatest), b.count)
			}
		}
		d.together(&values, &counts)
	case d.exact != nil:
		for _, v := range sortedKeys(d.exact) {
			add(v, d.exact[v])
		}
	case d.times > 0:
		add(d.one, d.times)
	}
	return values, counts
}

// apart takes one occurrence of the least or the greatest value out of its bucket, for it to stay what it is.
func (d *distribution) apart(v float64, add func(v, n float64)) {
	b := d.rounded[bucketOf(v)]
	n := min(b.count, 1)
	b.sum -= v * n
	b.count -= n
	add(v, n)
}

// together sorts values and makes one of those that are equal.
func (d *distribution) together(values, counts *[]float64) {
	sum := map[float64]float64{}
	for i, v := range *values {
		sum[v] += (*counts)[i]
	}
	*values = sortedKeys(sum)
	*counts = make([]float64, len(*values))
	for i, v := range *values {
		(*counts)[i] = sum[v]
	}
}

func sortedKeys[K int | float64, V any](m map[K]V) []K {
	keys := make([]K, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
