package publish

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math"
	"slices"
	"time"

	"github.com/nephoscope/nephoscope/cloudwatch"
)

// A spooled file is a batch in few bytes, because an outage of hours has to fit, and because at one collection a second
// writing it and reading it again must cost next to nothing:
//
//	"nms1" | namespace | series … | data … | who brought each series … | CRC-32 (IEEE) of all before it, 4 bytes
//
// Numbers are varints, floats 8 bytes, all little-endian; strings and lists begin with their length. A series is what many
// data have in common, and named once: name, unit, resolution in ns, whether it is for its roll-ups alone, dimensions (name,
// value). A datum is: which series, ns since the datum before, how many values, whether they have counts, values, counts. Who
// brought the series is left out where nobody is known, and came later: earlier versions do not look behind the data.
const fileMark = "nms1"

// encode writes a batch for the spool.
func encode(b cloudwatch.MetricBatch) []byte {
	raw := make([]byte, 0, 1024+16*len(b.Data))
	raw = append(raw, fileMark...)
	raw = putString(raw, b.Namespace)
	var series cloudwatch.Series
	of := make([]int, len(b.Data))
	for i := range b.Data {
		of[i] = series.Of(&b.Data[i])
	}
	raw = binary.AppendUvarint(raw, uint64(len(series.All())))
	for _, d := range series.All() {
		raw = putSeries(raw, &d)
	}
	raw = binary.AppendUvarint(raw, uint64(len(b.Data)))
	last := int64(0)
	for i := range b.Data {
		d := &b.Data[i]
		at := d.Time.UnixNano()
		raw = binary.AppendUvarint(raw, uint64(of[i]))
		raw = binary.AppendVarint(raw, at-last)
		last = at
		raw = putFloats(putBool(binary.AppendUvarint(raw, uint64(len(d.Values))), d.Counts != nil), d.Values)
		if d.Counts != nil {
			raw = putFloats(raw, d.Counts[:len(d.Values)])
		}
	}
	raw = putSources(raw, series.All())
	return binary.LittleEndian.AppendUint32(raw, crc32.ChecksumIEEE(raw))
}

func putSources(raw []byte, series []cloudwatch.Datum) []byte {
	if !slices.ContainsFunc(series, func(d cloudwatch.Datum) bool { return d.Source != nil }) {
		return raw
	}
	for _, d := range series {
		name := ""
		if d.Source != nil {
			name = d.Source.Name
		}
		raw = putString(raw, name)
	}
	return raw
}

func putSeries(raw []byte, d *cloudwatch.Datum) []byte {
	raw = putString(putString(raw, d.Name), string(d.Unit))
	raw = putBool(binary.AppendVarint(raw, int64(d.Resolution)), d.RollUpOnly)
	raw = binary.AppendUvarint(raw, uint64(len(d.Dimensions)))
	for _, dim := range d.Dimensions {
		raw = putString(putString(raw, dim.Name), dim.Value)
	}
	return raw
}

func putString(raw []byte, s string) []byte {
	return append(binary.AppendUvarint(raw, uint64(len(s))), s...)
}

func putBool(raw []byte, b bool) []byte {
	if b {
		return append(raw, 1)
	}
	return append(raw, 0)
}

func putFloats(raw []byte, all []float64) []byte {
	for _, f := range all {
		raw = binary.LittleEndian.AppendUint64(raw, math.Float64bits(f))
	}
	return raw
}

// decode reads a spooled batch. What does not hold together is refused here: it would end the agent at every start.
func decode(raw []byte) (b cloudwatch.MetricBatch, err error) {
	body := raw[:max(0, len(raw)-crc32.Size)]
	if len(body) < len(fileMark) || string(body[:len(fileMark)]) != fileMark {
		return b, errors.New("read spooled batch: it is none")
	}
	if crc32.ChecksumIEEE(body) != binary.LittleEndian.Uint32(raw[len(body):]) {
		return b, errors.New("read spooled batch: its checksum does not fit")
	}
	r := fileReader{rest: body[len(fileMark):]}
	b.Namespace = r.string()
	series := make([]cloudwatch.Datum, r.length(5))
	for i := range series {
		series[i] = r.series()
	}
	b.Data = make([]cloudwatch.Datum, r.length(12))
	of := make([]int, len(b.Data))
	at := int64(0)
	for i := range b.Data {
		n := r.uvarint()
		if n >= uint64(len(series)) {
			return cloudwatch.MetricBatch{}, fmt.Errorf("read spooled batch: datum %d is of series %d of %d", i, n, len(series))
		}
		b.Data[i], of[i] = series[n], int(n)
		at += r.varint()
		r.datum(&b.Data[i], at)
		if r.torn {
			break
		}
	}
	if len(r.rest) > 0 {
		sources := r.sources(len(series))
		for i := range b.Data {
			b.Data[i].Source = sources[of[i]]
		}
	}
	if r.torn || len(b.Data) == 0 {
		return cloudwatch.MetricBatch{}, errors.New("read spooled batch: it does not hold what it says")
	}
	return b, nil
}

// fileReader takes a spooled file apart. Once there is less than was said it is torn, and gives nothing but zeros.
type fileReader struct {
	rest []byte
	torn bool
	room []float64
}

func (r *fileReader) take(n uint64) []byte {
	if n > uint64(len(r.rest)) {
		r.torn, r.rest = true, nil
		return nil
	}
	taken := r.rest[:n]
	r.rest = r.rest[n:]
	return taken
}

func (r *fileReader) uvarint() uint64 {
	v, n := binary.Uvarint(r.rest)
	if n <= 0 {
		r.torn, r.rest = true, nil
		return 0
	}
	r.rest = r.rest[n:]
	return v
}

func (r *fileReader) varint() int64 {
	u := r.uvarint()
	return int64(u>>1) ^ -int64(u&1) // as binary.AppendVarint has it
}

// length is that of a list, each of which takes so many bytes at least.
func (r *fileReader) length(each int) int {
	n := r.uvarint()
	if n > uint64(len(r.rest)/each) {
		r.torn, r.rest = true, nil
		return 0
	}
	return int(n)
}

func (r *fileReader) string() string { return string(r.take(r.uvarint())) }

func (r *fileReader) bool() bool {
	b := r.take(1)
	return b != nil && b[0] != 0
}

func (r *fileReader) floats(n int) []float64 {
	raw := r.take(8 * uint64(n))
	if r.room == nil { // one allocation for all values there can be
		r.room = make([]float64, 0, (len(raw)+len(r.rest))/8)
	}
	from := len(r.room)
	for ; len(raw) > 0; raw = raw[8:] {
		r.room = append(r.room, math.Float64frombits(binary.LittleEndian.Uint64(raw)))
	}
	return r.room[from:len(r.room):len(r.room)]
}

func (r *fileReader) series() (d cloudwatch.Datum) {
	d.Name, d.Unit = r.string(), cloudwatch.Unit(r.string())
	d.Resolution, d.RollUpOnly = time.Duration(r.varint()), r.bool()
	if n := r.length(2); n > 0 {
		d.Dimensions = make([]cloudwatch.Dimension, n)
	}
	for i := range d.Dimensions {
		d.Dimensions[i] = cloudwatch.Dimension{Name: r.string(), Value: r.string()}
	}
	return d
}

// sources are one for all series of a name.
func (r *fileReader) sources(series int) []*cloudwatch.Source {
	all, known := make([]*cloudwatch.Source, series), map[string]*cloudwatch.Source{}
	for i := range all {
		name := r.string()
		if name == "" {
			continue
		}
		if known[name] == nil {
			known[name] = &cloudwatch.Source{Name: name}
		}
		all[i] = known[name]
	}
	return all
}

func (r *fileReader) datum(d *cloudwatch.Datum, at int64) {
	d.Time = time.Unix(0, at)
	n, counted := r.length(8), r.bool()
	d.Values = r.floats(n)
	if counted {
		d.Counts = r.floats(n)
	}
	if len(d.Values) == 0 {
		r.torn = true
	}
}
