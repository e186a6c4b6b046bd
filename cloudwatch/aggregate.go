package cloudwatch

import (
	"slices"
	"strings"
)

// Bind gives data the identity of this host: dims is added to every datum, and a dimension whose value is a variable such
// as ${aws:InstanceId} gets the variable's value (and is left out when that is empty). The data are changed where they are;
// lists of dimensions are not written to.
func Bind(data []Datum, dims []Dimension, variables map[string]string) []Datum {
	bound := perList(func(of []Dimension) []Dimension {
		return Datum{Dimensions: resolved(of, variables)}.WithDimensions(dims).Dimensions
	})
	for i := range data {
		data[i].Dimensions = bound(data[i].Dimensions)
	}
	return data
}

func resolved(dims []Dimension, variables map[string]string) []Dimension {
	if !slices.ContainsFunc(dims, func(x Dimension) bool { return strings.HasPrefix(x.Value, "${aws:") }) {
		return dims
	}
	own := make([]Dimension, 0, len(dims))
	for _, x := range dims {
		if strings.HasPrefix(x.Value, "${aws:") {
			x.Value = variables[x.Value]
		}
		if x.Value != "" {
			own = append(own, x)
		}
	}
	return own
}

// RollUp adds, for every list of dimension names, each datum once more with only those dimensions: if it has them all, and
// others too. Datums that were wanted for their roll-ups alone are left out. The data are given away.
func RollUp(data []Datum, lists [][]string) []Datum {
	if len(lists) == 0 {
		return slices.DeleteFunc(data, func(d Datum) bool { return d.RollUpOnly })
	}
	var only []func([]Dimension) []Dimension
	for i, names := range lists {
		if !repeated(lists, i) {
			only = append(only, perList(func(dims []Dimension) []Dimension { return project(dims, names) }))
		}
	}
	out := make([]Datum, 0, len(data)*(1+len(only)))
	for _, d := range data {
		if !d.RollUpOnly {
			out = append(out, d)
		}
		for _, of := range only {
			if dims := of(d.Dimensions); dims != nil {
				up := d
				up.Dimensions, up.RollUpOnly = dims, false
				out = append(out, up)
			}
		}
	}
	return out
}

func repeated(lists [][]string, i int) bool {
	return slices.ContainsFunc(lists[:i], func(l []string) bool { return slices.Equal(l, lists[i]) })
}

// project is those of the dimensions that are named; nil: not all of them are there, or no other is.
func project(dims []Dimension, names []string) []Dimension {
	if len(names) >= len(dims) {
		return nil
	}
	only := make([]Dimension, 0, len(names))
	for _, d := range dims {
		if slices.Contains(names, d.Name) {
			only = append(only, d)
		}
	}
	if len(only) != len(names) {
		return nil
	}
	return only
}

// Merge puts the values of one metric and one moment (second or minute, by its resolution) into one datum, whose Values are
// distinct and whose Counts say how often each occurred: no value is rounded, so that the service's percentiles are those of
// the data. Order is that of first appearance. The data are given away.
func Merge(data []Datum) []Datum {
	var series Series
	var newest []int // of each series, where in out
	var grown []int  // those of out that hold several data
	out := data[:0]  // never ahead of what is read
	for _, d := range data {
		n := series.Of(&d)
		if n == len(newest) {
			newest = append(newest, len(out))
			out = append(out, d)
			continue
		}
		at := newest[n]
		switch last, moment := out[at].moment(), d.moment(); {
		case moment > last:
			newest[n], at = len(out), -1
		case moment < last: // the clock was set back: seldom enough to search for it
			at = slices.IndexFunc(out, func(x Datum) bool { return x.moment() == moment && series.Of(&x) == n })
		}
		if at < 0 {
			out = append(out, d)
			continue
		}
		if i, known := slices.BinarySearch(grown, at); !known {
			grown = slices.Insert(grown, i, at)
			out[at].Values, out[at].Counts = slices.Clone(out[at].Values), counts(&out[at])
		}
		out[at].Values, out[at].Counts = append(out[at].Values, d.Values...), appendCounts(out[at].Counts, &d)
	}
	for _, at := range grown {
		out[at].distinct()
	}
	return out
}

// moment is the second or minute that the service files a datum under.
func (d *Datum) moment() int64 {
	return d.Time.Truncate(max(d.Resolution, HighResolution)).Unix()
}

// distinct makes one of values that are equal. The datum owns its values and counts.
func (d *Datum) distinct() {
	const few = 16 // which are compared with each other; of more there is an index
	var index map[float64]int
	if len(d.Values) > few {
		index = make(map[float64]int, len(d.Values))
	}
	n := 0
	for i, v := range d.Values {
		at, known := 0, false
		if index != nil {
			at, known = index[v]
		} else if at = slices.Index(d.Values[:n], v); at >= 0 {
			known = true
		}
		if known {
			d.Counts[at] += d.Counts[i]
			continue
		}
		if index != nil {
			index[v] = n
		}
		d.Values[n], d.Counts[n] = v, d.Counts[i]
		n++
	}
	d.Values, d.Counts = d.Values[:n], d.Counts[:n]
}

// counts is a copy of the datum's counts, one for each value.
func counts(d *Datum) []float64 { return appendCounts(make([]float64, 0, len(d.Values)), d) }

func appendCounts(to []float64, d *Datum) []float64 {
	if d.Counts != nil {
		return append(to, d.Counts...)
	}
	for range d.Values {
		to = append(to, 1)
	}
	return to
}
