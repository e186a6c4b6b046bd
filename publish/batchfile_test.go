package publish

import (
	"bytes"
	"fmt"
	"hash/crc32"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/nephoscope/nephoscope/cloudwatch"
)

// aMinute is what one host says in a minute at one collection a second: the same series again and again.
func aMinute() (data []cloudwatch.Datum) {
	dims := [][]cloudwatch.Dimension{nil, cloudwatch.Dimensions("host", "h"), cloudwatch.Dimensions("host", "h", "cpu", "cpu0")}
	for second := range 60 {
		for i := range 16 {
			data = append(data, cloudwatch.Datum{
				Name: fmt.Sprint("metric_", i), Dimensions: dims[i%len(dims)], Time: time.Unix(1_800_000_000+int64(second), 5), Unit: cloudwatch.Bytes,
				Resolution: time.Second, Values: []float64{float64(i) * 1.1}, RollUpOnly: i == 3,
			})
		}
	}
	data[7].Values, data[7].Counts = []float64{1, 2, 3}, []float64{4, 1, 0.5}
	data[8].Time = data[0].Time.Add(-time.Hour) // a clock that was set
	return data
}

func TestSpooledBatchIsReadAsItWasWritten(t *testing.T) {
	want := cloudwatch.MetricBatch{Namespace: "Ünique", Data: aMinute()}
	raw := encode(want)
	got, err := decode(raw)
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%v\n got %+v\nwant %+v", err, got, want)
	}
	if each := len(raw) / len(want.Data); each > 20 {
		t.Errorf("%d bytes a datum: an outage of hours would not fit", each)
	}
}

// An agent that is taken back to an earlier version sends what the later one left in the spool: that version reads "nms1"
// and does not look at what follows the data. And the later one reads what the earlier one left.
func TestSpoolIsReadByEarlierVersionsAndFromThem(t *testing.T) {
	want := cloudwatch.MetricBatch{Namespace: "N", Data: aMinute()[:1]} // which has no dimensions
	earlier := encode(want)
	d := want.Data[0]
	d.Source = disk
	later := encode(cloudwatch.MetricBatch{Namespace: "N", Data: []cloudwatch.Datum{d}})
	if data := earlier[:len(earlier)-crc32.Size]; string(data[:4]) != "nms1" || !bytes.HasPrefix(later, data) || len(later) == len(earlier) {
		t.Errorf("no earlier version reads it:\n%q\n%q", earlier, later)
	}
	if got, err := decode(earlier); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%v\n got %+v\nwant %+v", err, got, want)
	}
}

func TestSpooledBatchThatIsDamagedAnywhereIsRefused(t *testing.T) {
	whole := encode(cloudwatch.MetricBatch{Namespace: "N", Data: aMinute()[:20]})
	for i := range whole {
		if _, err := decode(whole[:i]); err == nil || !strings.HasPrefix(err.Error(), "read spooled batch: ") {
			t.Errorf("cut at %d: %v", i, err)
		}
		damaged := append([]byte(nil), whole...)
		damaged[i] ^= 0x10
		if _, err := decode(damaged); err == nil {
			t.Errorf("byte %d changed: no error", i)
		}
	}
}

func BenchmarkSpooledBatch(b *testing.B) {
	batch := cloudwatch.MetricBatch{Namespace: "N", Data: aMinute()}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := decode(encode(batch)); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkFlush is what becomes of a minute's data: bound, merged, packed, encoded.
func BenchmarkFlush(b *testing.B) {
	minute := aMinute()
	data := make([]cloudwatch.Datum, len(minute))
	b.ReportAllocs()
	for b.Loop() {
		copy(data, minute)
		bound, _ := bindHost(data)
		batches, _ := cloudwatch.PackMetrics("N", cloudwatch.Merge(cloudwatch.RollUp(bound, nil)))
		for _, batch := range batches {
			encode(batch)
		}
	}
}
