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
// 150 values a datum. Values that the service would refuse are left out and counted.
func PackMetrics(namespace string, data []Datum) (batches []MetricBatch, refused int) {
	batch, bytes := MetricBatch{Namespace: namespace}, 0
	add := func(d Datum) {
		size := wireBytes(&d)
		if len(batch.Data) == maxMetricBatchData || len(batch.Data) > 0 && bytes+size > maxMetricBatchBytes {
			batches = append(batches, batch)
			batch, bytes = MetricBatch{Namespace: namespace}, 0
		}
		batch.Data = append(batch.Data, d)
		bytes += size
	}
	for _, d := range data {
		kept := sendable(d)
		refused += len(d.Values) - len(kept.Values)
		kept.Dimensions = permitted(kept.Dimensions)
		for len(kept.Values) > maxValues {
			head := kept
			head.Values = kept.Values[:maxValues]
			kept.Values = kept.Values[maxValues:]
			if kept.Counts != nil {
				head.Counts = kept.Counts[:maxValues]
				kept.Counts = kept.Counts[maxValues:]
			}
			add(head)
		}
		if len(kept.Values) > 0 {
			add(kept)
		}
	}
	if len(batch.Data) > 0 {
		batches = append(batches, batch)
	}
	return batches, refused
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
