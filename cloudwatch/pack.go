package cloudwatch

import (
	"slices"
	"strings"
)

// MetricBatch is the content of one PutMetricData request.
type MetricBatch struct {
	Namespace string
	Data      []Datum
}

// PackMetrics cuts data into batches that keep every limit of PutMetricData: 1000 data, 1 MB, 30 dimensions (host first),
// 150 values a datum. Values that the service would refuse are left out and counted. The data are given away.
func PackMetrics(namespace string, data []Datum) (batches []MetricBatch, refused int) {
	data, refused = Fit(data)
	return Cut(namespace, data), refused
}

// Cut is the part of PackMetrics that concerns requests: of data that are Fit.
func Cut(namespace string, data []Datum) (batches []MetricBatch) {
	from, bytes := 0, 0
	for i := range data {
		size := wireBytes(&data[i])
		if i-from == maxMetricBatchData || i > from && bytes+size > maxMetricBatchBytes {
			batches = append(batches, MetricBatch{namespace, data[from:i:i]})
			from, bytes = i, 0
		}
		bytes += size
	}
	if from < len(data) {
		batches = append(batches, MetricBatch{namespace, data[from:]})
	}
	return batches
}

// Fit is the part of PackMetrics that concerns each datum alone, which becomes one that the service takes: where it is, as
// long as none has to be left out or divided.
func Fit(data []Datum) (fit []Datum, refused int) {
	dims := perList(permitted)
	for i := range data {
		d := &data[i]
		before := len(d.Values)
		*d = sendable(*d)
		refused += before - len(d.Values)
		d.Dimensions = dims(d.Dimensions)
	}
	if !slices.ContainsFunc(data, func(d Datum) bool { return len(d.Values) == 0 || len(d.Values) > maxValues }) {
		return data, refused
	}
	for _, d := range data {
		for len(d.Values) > maxValues {
			head := d
			head.Values, d.Values = d.Values[:maxValues], d.Values[maxValues:]
			if d.Counts != nil {
				head.Counts, d.Counts = d.Counts[:maxValues], d.Counts[maxValues:]
			}
			fit = append(fit, head)
		}
		if len(d.Values) > 0 {
			fit = append(fit, d)
		}
	}
	return fit, refused
}

func sendable(d Datum) Datum {
	if !slices.ContainsFunc(d.Values, func(v float64) bool { return !Sendable(v) }) {
		return d
	}
	kept := d
	kept.Values, kept.Counts = nil, nil
	for i, v := range d.Values {
		if !Sendable(v) {
			continue
		}
		kept.Values = append(kept.Values, v)
		if d.Counts != nil {
			kept.Counts = append(kept.Counts, d.Counts[i])
		}
	}
	return kept
}

// permitted puts dimensions within the service's limits: names and values are cut to their length, what is not printable
// ASCII becomes '?' (one mount point in UTF-8 must not have the whole request refused), blank ones are left out. Of more
// than 30 the first are kept, host before all others, as the original does.
func permitted(dims []Dimension) []Dimension {
	if len(dims) <= maxDimensions && !slices.ContainsFunc(dims, func(d Dimension) bool { return d != clean(d) || blank(d) }) {
		return dims
	}
	kept := make([]Dimension, 0, len(dims))
	for _, d := range dims {
		if d = clean(d); !blank(d) {
			kept = append(kept, d)
		}
	}
	if host := slices.IndexFunc(kept, func(d Dimension) bool { return d.Name == "host" }); host >= maxDimensions {
		kept[maxDimensions-1] = kept[host]
	}
	kept = kept[:min(len(kept), maxDimensions)]
	SortDimensions(kept)
	return kept
}

func clean(d Dimension) Dimension {
	return Dimension{printable(d.Name, maxDimensionName), printable(d.Value, maxDimensionValue)}
}

func blank(d Dimension) bool {
	return strings.TrimSpace(d.Name) == "" || strings.TrimSpace(d.Value) == ""
}

func printable(s string, atMost int) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, s)
	return s[:min(len(s), atMost)]
}

// wireBytes is not less than what a datum takes in any of the service's encodings that we send (CBOR, before gzip).
func wireBytes(d *Datum) int {
	const fixed, perDimension, perValue = 160, 24, 20
	n := fixed + len(d.Name) + len(d.Unit)
	for _, dim := range d.Dimensions {
		n += perDimension + len(dim.Name) + len(dim.Value)
	}
	return n + perValue*len(d.Values)
}
