package cloudwatch

import (
	"slices"
	"strings"
	"time"
)

// Bind gives data the identity of this host: dims is added to every datum, and a dimension whose value is a variable such
// as ${aws:InstanceId} gets the variable's value (and is left out when that is empty).
func Bind(data []Datum, dims []Dimension, variables map[string]string) []Datum {
	bound := make([]Datum, len(data))
	for i, d := range data {
		if slices.ContainsFunc(d.Dimensions, func(x Dimension) bool { return strings.HasPrefix(x.Value, "${aws:") }) {
			own := make([]Dimension, 0, len(d.Dimensions))
			for _, x := range d.Dimensions {
				if strings.HasPrefix(x.Value, "${aws:") {
					x.Value = variables[x.Value]
				}
				if x.Value != "" {
					own = append(own, x)
				}
			}
			d.Dimensions = own
		}
		bound[i] = d.WithDimensions(dims)
	}
	return bound
}

// RollUp adds, for every list of dimension names, each datum once more with only those dimensions: if it has them all, and
// others too. Datums that were wanted for their roll-ups alone are left out.
func RollUp(data []Datum, lists [][]string) []Datum {
	out := make([]Datum, 0, len(data)*(1+len(lists)))
	for _, d := range data {
		if !d.RollUpOnly {
			out = append(out, d)
		}
		for i, names := range lists {
			if repeated(lists, i) || len(names) >= len(d.Dimensions) {
				continue
			}
			if only, ok := project(d.Dimensions, names); ok {
				up := d
				up.Dimensions, up.RollUpOnly = only, false
				out = append(out, up)
			}
		}
	}
	return out
}

func repeated(lists [][]string, i int) bool {
	return slices.ContainsFunc(lists[:i], func(l []string) bool { return slices.Equal(l, lists[i]) })
}

func project(dims []Dimension, names []string) ([]Dimension, bool) {
	only := make([]Dimension, 0, len(names))
	for _, d := range dims {
		if slices.Contains(names, d.Name) {
			only = append(only, d)
		}
	}
	return only, len(only) == len(names)
}

// Merge puts the values of one metric and one moment (second or minute, by its resolution) into one datum, whose Values are
// distinct and whose Counts say how often each occurred. Order is that of first appearance.
func Merge(data []Datum) []Datum {
	type key struct {
		series     string
		unit       Unit
		resolution time.Duration
		at         int64
	}
	var b strings.Builder
	where := make(map[key]int, len(data))
	out := make([]Datum, 0, len(data))
	for i := range data {
		d := data[i]
		k := key{d.series(&b), d.Unit, d.Resolution, d.Time.Truncate(max(d.Resolution, HighResolution)).Unix()}
		at, seen := where[k]
		if !seen {
			where[k] = len(out)
			out = append(out, d)
			continue
		}
		out[at] = merged(out[at], d)
	}
	return out
}

func merged(into, from Datum) Datum {
	into.Values = slices.Clone(into.Values)
	into.Counts = counts(&into)
	for i, n := range counts(&from) {
		if at := slices.Index(into.Values, from.Values[i]); at >= 0 {
			into.Counts[at] += n
			continue
		}
		into.Values = append(into.Values, from.Values[i])
		into.Counts = append(into.Counts, n)
	}
	return into
}

// counts is a copy of the datum's counts, one for each value.
func counts(d *Datum) []float64 {
	if d.Counts != nil {
		return slices.Clone(d.Counts)
	}
	ones := make([]float64, len(d.Values))
	for i := range ones {
		ones[i] = 1
	}
	return ones
}
