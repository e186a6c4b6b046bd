// Package cloudwatch is what CloudWatch accepts: a datum, a log batch, a metric batch, every limit beside the sentence it
// comes from, and the packing that keeps them. It is pure: no I/O, no clock, no goroutine.
package cloudwatch

import (
	"cmp"
	"math"
	"slices"
	"time"
)

// Datum is one MetricDatum; the only form of a measurement, from /proc to the wire.
type Datum struct {
	Name       string
	Dimensions []Dimension // sorted by name, at most 30
	Time       time.Time
	Unit       Unit
	Resolution time.Duration // HighResolution or StandardResolution
	Values     []float64     // at most 150 once packed
	Counts     []float64     // how often each value occurred; nil: once each
	// RollUpOnly data are not sent themselves (drop_original_metrics); their roll-ups are.
	RollUpOnly bool `json:",omitempty"`
	// Source is who brought it, for the agent's own accounts: it is no part of the metric and not sent. nil: not known.
	Source *Source `json:"-"`
}

// Source is a collector or listener, as its data remember it.
type Source struct {
	Name      string // the plugin's
	Namespace string // that its data go to; "": the configuration's
}

// Dimension is one name/value pair of a metric's identity.
type Dimension struct{ Name, Value string }

// Dimensions makes a sorted dimension list of name, value, name, value, …
func Dimensions(pairs ...string) []Dimension {
	ds := make([]Dimension, 0, len(pairs)/2)
	for i := 0; i+1 < len(pairs); i += 2 {
		ds = append(ds, Dimension{pairs[i], pairs[i+1]})
	}
	SortDimensions(ds)
	return ds
}

// SortDimensions sorts by name.
func SortDimensions(ds []Dimension) {
	slices.SortStableFunc(ds, func(a, b Dimension) int { return cmp.Compare(a.Name, b.Name) })
}

// WithDimensions returns a copy of the datum that also has the given dimensions. A dimension it already has keeps its
// value; empty values are left out.
func (d Datum) WithDimensions(more []Dimension) Datum {
	if len(more) == 0 {
		return d
	}
	all := make([]Dimension, 0, len(d.Dimensions)+len(more))
	all = append(all, d.Dimensions...)
	for _, m := range more {
		if m.Value != "" && !slices.ContainsFunc(d.Dimensions, func(x Dimension) bool { return x.Name == m.Name }) {
			all = append(all, m)
		}
	}
	SortDimensions(all)
	d.Dimensions = all
	return d
}

// Sendable tells whether the service accepts the value of a measurement at all.
func Sendable(v float64) bool { return !math.IsNaN(v) && math.Abs(v) <= maxMagnitude }
