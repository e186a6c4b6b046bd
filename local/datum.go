package local

import (
	"encoding/binary"
	"math"
	"time"
)

// A datumRow is a datum as it is stored: its statistics, and the values behind them when they are
// known.
type datumRow struct {
	metric     metricKey
	at         int64 // seconds since 1970
	unit       string
	resolution int // seconds
	count      float64
	sum        float64
	min, max   float64
	values     []float64 // with counts; nil when one value tells it all, or nobody knows
	counts     []float64
}

// A metricKey is who a metric is, within its namespace. Dimensions are sorted by name.
type metricKey struct {
	MetricName string
	Dimensions []Dimension
}

func (r *datumRow) set(value float64) {
	r.count, r.sum, r.min, r.max = 1, value, value, value
}

func (r *datumRow) setDistribution(values, counts []float64) {
	r.min, r.max = math.Inf(1), math.Inf(-1)
	for i, v := range values {
		if counts[i] == 0 {
			continue
		}
		r.count += counts[i]
		r.sum += v * counts[i]
		r.min, r.max = math.Min(r.min, v), math.Max(r.max, v)
	}
	if r.count == 0 {
		r.min, r.max = 0, 0
	}
	if r.min != r.max {
		r.values, r.counts = values, counts
	}
}

// stored is the second under which the service files the datum: "Setting this to 60 specifies this
// metric as a regular-resolution metric, which CloudWatch stores at 1-minute resolution."
func (r *datumRow) stored() int64 {
	return r.at - r.at%int64(r.resolution)
}

// packDistribution is values and counts, 16 bytes a pair; nil for none.
func packDistribution(values, counts []float64) []byte {
	if values == nil {
		return nil
	}
	packed := make([]byte, 0, 16*len(values))
	for i := range values {
		packed = binary.LittleEndian.AppendUint64(packed, math.Float64bits(values[i]))
		packed = binary.LittleEndian.AppendUint64(packed, math.Float64bits(counts[i]))
	}
	return packed
}

func unpackDistribution(packed []byte) (values, counts []float64) {
	for ; len(packed) >= 16; packed = packed[16:] {
		values = append(values, math.Float64frombits(binary.LittleEndian.Uint64(packed)))
		counts = append(counts, math.Float64frombits(binary.LittleEndian.Uint64(packed[8:])))
	}
	return values, counts
}

// A Datum is a stored metric datum, for tests to look at.
type Datum struct {
	At          time.Time // the second it is filed under, or the minute at standard resolution
	Unit        string
	Resolution  time.Duration // a second or a minute
	SampleCount float64
	Sum         float64
	Minimum     float64
	Maximum     float64
	Values      []float64 // the distribution, where there is one
	Counts      []float64
}
