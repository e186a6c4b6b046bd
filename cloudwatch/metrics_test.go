package cloudwatch

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

func datum(name string, value float64, dims ...string) Datum {
	return Datum{Name: name, Dimensions: Dimensions(dims...), Time: noon, Resolution: StandardResolution, Values: []float64{value}}
}

func TestMergeKeepsDistinctValuesWithCounts(t *testing.T) {
	got := Merge([]Datum{datum("a", 1, "x", "1"), datum("a", 2, "x", "1"), datum("a", 1, "x", "1"), datum("a", 1, "x", "2")})
	if len(got) != 2 || !slices.Equal(got[0].Values, []float64{1, 2}) || !slices.Equal(got[0].Counts, []float64{2, 1}) {
		t.Errorf("got %+v", got)
	}
}

func TestMergeKeepsHighResolutionSecondsApart(t *testing.T) {
	a, b := datum("a", 1), datum("a", 2)
	a.Resolution, b.Resolution = HighResolution, HighResolution
	b.Time = b.Time.Add(time.Second)
	if got := Merge([]Datum{a, b}); len(got) != 2 {
		t.Errorf("got %+v", got)
	}
}

func TestRollUp(t *testing.T) {
	f := func(lists [][]string, want ...string) {
		t.Helper()
		d := datum("m", 1, "InstanceId", "i-1", "cpu", "cpu0")
		var got []string
		for _, u := range RollUp([]Datum{d}, lists) {
			got = append(got, fmt.Sprint(u.Dimensions))
		}
		if !slices.Equal(got, want) {
			t.Errorf("%v: got %q, want %q", lists, got, want)
		}
	}
	const whole = "[{InstanceId i-1} {cpu cpu0}]"
	f(nil, whole)
	f([][]string{{"InstanceId"}}, whole, "[{InstanceId i-1}]")
	f([][]string{{}}, whole, "[]")
	f([][]string{{"InstanceId", "cpu"}}, whole)
	f([][]string{{"AutoScalingGroupName"}}, whole)
	f([][]string{{"InstanceId"}, {"InstanceId"}}, whole, "[{InstanceId i-1}]")
}

func TestDroppedOriginalStillRollsUp(t *testing.T) {
	d := datum("m", 1, "InstanceId", "i-1", "cpu", "cpu0")
	d.RollUpOnly = true
	got := RollUp([]Datum{d}, [][]string{{"InstanceId"}})
	if len(got) != 1 || len(got[0].Dimensions) != 1 || got[0].RollUpOnly {
		t.Errorf("got %+v", got)
	}
}

func TestBindReplacesVariablesAndKeepsOwnDimensions(t *testing.T) {
	d := datum("m", 1, "node", "${aws:InstanceId}", "asg", "${aws:AutoScalingGroupName}", "host", "mine")
	got := Bind([]Datum{d}, Dimensions("host", "theirs", "ImageId", "ami-1"), map[string]string{"${aws:InstanceId}": "i-1"})[0].Dimensions
	if want := Dimensions("ImageId", "ami-1", "host", "mine", "node", "i-1"); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestPackMetricsKeepsEveryLimit(t *testing.T) {
	var data []Datum
	for i := range 2500 {
		data = append(data, datum(fmt.Sprint("m", i), 1))
	}
	wide := datum("wide", 0)
	wide.Values, wide.Counts = nil, nil
	for i := range 400 {
		wide.Values = append(wide.Values, float64(i))
		wide.Counts = append(wide.Counts, 2)
	}
	data = append(data, wide)
	batches, refused := PackMetrics("N", data)
	total := 0.0
	for _, b := range batches {
		if len(b.Data) > 1000 {
			t.Errorf("batch of %d", len(b.Data))
		}
		for _, d := range b.Data {
			if len(d.Values) > 150 {
				t.Errorf("datum of %d values", len(d.Values))
			}
			for _, n := range counts(&d) {
				total += n
			}
		}
	}
	if len(batches) != 3 || refused != 0 || total != 2500+800 {
		t.Errorf("got %d batches, %d refused, %v samples", len(batches), refused, total)
	}
}

func TestPackMetricsCutsAtOneMegabyte(t *testing.T) {
	var data []Datum
	for i := range 900 {
		data = append(data, datum(fmt.Sprint("m", i), 1, "path", strings.Repeat("p", 1024), "q", strings.Repeat("q", 1024)))
	}
	batches, _ := PackMetrics("N", data)
	for _, b := range batches {
		if raw, _ := json.Marshal(b.Data); len(raw) > 1_048_576+200_000 {
			t.Errorf("batch of %d bytes as JSON", len(raw))
		}
	}
	if len(batches) < 2 {
		t.Error("2 MB went into one batch")
	}
}

func TestPackMetricsCountsWhatTheServiceRefuses(t *testing.T) {
	d := datum("m", 1)
	d.Values = []float64{1, math.NaN(), math.Inf(1), -0x1p361, 2}
	batches, refused := PackMetrics("N", []Datum{d})
	if refused != 3 || !slices.Equal(batches[0].Data[0].Values, []float64{1, 2}) {
		t.Errorf("got %+v, %d refused", batches, refused)
	}
}

func TestPackMetricsKeepsHostAmong35Dimensions(t *testing.T) {
	pairs := []string{"host", "h", "zz", " ", "ü", "grün"}
	for i := range 35 {
		pairs = append(pairs, fmt.Sprintf("a%02d", i), "v")
	}
	batches, _ := PackMetrics("N", []Datum{datum("m", 1, pairs...)})
	dims := batches[0].Data[0].Dimensions
	if len(dims) != 30 || !slices.Contains(dims, Dimension{"host", "h"}) {
		t.Errorf("got %v", dims)
	}
}

func TestResolveUnit(t *testing.T) {
	f := func(name string, unit Unit, scale float64, ok bool) {
		t.Helper()
		u, s, o := ResolveUnit(name)
		if u != unit || math.Abs(s-scale) > 1e-12 || o != ok {
			t.Errorf("%s: got %v × %v, %v", name, u, s, o)
		}
	}
	f("Percent", "Percent", 1, true)
	f("bytes/second", "Bytes/Second", 1, true)
	f("%", "Percent", 1, true)
	f("KB", "Kilobytes", 1, true)
	f("kib", "Kilobytes", 1.024, true)
	f("MiBy", "Megabytes", 1.048576, true)
	f("gbi/s", "Gigabits/Second", 1, true)
	f("min", "Seconds", 60, true)
	f("ns", "None", 1, true)
	f("unit", "None", 1, false)
	f("", "None", 1, false)
}

func TestMetricBatchSurvivesTheSpool(t *testing.T) {
	d := datum("m", 1.5, "a", "b")
	d.RollUpOnly, d.Unit = true, Percent
	raw, err := json.Marshal(MetricBatch{"N", []Datum{d}})
	if err != nil {
		t.Fatal(err)
	}
	var back MetricBatch
	if err := json.Unmarshal(raw, &back); err != nil || !back.Data[0].Time.Equal(d.Time) {
		t.Fatalf("got %v, %v", back, err)
	}
	back.Data[0].Time = d.Time
	if !reflect.DeepEqual(back.Data[0], d) {
		t.Errorf("got %+v, want %+v", back.Data[0], d)
	}
}

// aggregation_dimensions as the original has them, a line for each rule: extra data with just those dimensions, if all of them are
// there and the target has fewer; [] is none; a list that is there twice counts once.
func TestRollUpsOfTheOriginal(t *testing.T) {
	f := func(name string, d Datum, lists [][]string, want ...string) {
		t.Helper()
		d.Resolution = HighResolution
		d.Values, d.Counts, d.Unit = []float64{1, 2}, []float64{3, 4}, Percent
		var got []string
		for _, u := range RollUp([]Datum{d}, lists) {
			got = append(got, fmt.Sprint(u.Dimensions))
			if u.Resolution != HighResolution || u.Unit != Percent || !slices.Equal(u.Values, d.Values) || !slices.Equal(u.Counts, d.Counts) || u.Time != d.Time {
				t.Errorf("%s: a roll-up of something else: %+v", name, u)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
	disk := datum("disk_used", 1, "InstanceId", "i", "fstype", "xfs", "path", "/")
	const whole = "[{InstanceId i} {fstype xfs} {path /}]"
	f("two of three", disk, [][]string{{"InstanceId", "path"}}, whole, "[{InstanceId i} {path /}]")
	f("all of three is what it is already", disk, [][]string{{"InstanceId", "fstype", "path"}}, whole)
	f("one that is not there", disk, [][]string{{"InstanceId", "host"}}, whole)
	f("none", disk, [][]string{{}}, whole, "[]")
	f("none, twice", disk, [][]string{{}, {}}, whole, "[]")
	f("several", disk, [][]string{{"InstanceId"}, {}, {"path"}}, whole, "[{InstanceId i}]", "[]", "[{path /}]")
	f("a metric without dimensions", datum("mem_used", 1), [][]string{{}, {"InstanceId"}}, "[]")
	f("a metric with the one dimension", datum("mem_used", 1, "InstanceId", "i"), [][]string{{"InstanceId"}, {}}, "[{InstanceId i}]", "[]")
	dropped := disk
	dropped.RollUpOnly = true
	f("dropped", dropped, [][]string{{"InstanceId"}, {}}, "[{InstanceId i}]", "[]")
	f("dropped without roll-ups", dropped, nil)
	f("dropped, and it has not what the roll-up wants", dropped, [][]string{{"host"}})
}

// Rolled up over what differs, the data of one moment are one datum, and of high resolution those of one second.
func TestRollUpsOfOneMomentAreOneDatum(t *testing.T) {
	var data []Datum
	for second := range 2 {
		for i := range 8 {
			d := datum("cpu_usage", float64(i%4), "cpu", fmt.Sprint("cpu", i), "host", "h")
			d.Resolution, d.Time = HighResolution, noon.Add(time.Duration(second)*time.Second)
			data = append(data, d)
		}
	}
	got := Merge(RollUp(data, [][]string{{"host"}}))
	up := slices.DeleteFunc(got, func(d Datum) bool { return len(d.Dimensions) > 1 })
	if len(up) != 2 {
		t.Fatalf("got %+v", up)
	}
	for _, d := range up {
		if !slices.Equal(d.Values, []float64{0, 1, 2, 3}) || !slices.Equal(d.Counts, []float64{2, 2, 2, 2}) {
			t.Errorf("got %v × %v", d.Values, d.Counts)
		}
	}
}

// occurrences are the values of data with how often each came, whichever data they are in.
func occurrences(data []Datum) map[float64]float64 {
	all := map[float64]float64{}
	for _, d := range data {
		for i, n := range counts(&d) {
			all[d.Values[i]] += n
		}
	}
	return all
}

// No value is rounded, left out or counted wrongly, however many there are: percentiles are those of the data.
func TestPercentilesSurviveMergingAndPacking(t *testing.T) {
	f := func(n, distinct int) {
		t.Helper()
		var data []Datum
		random := rand.New(rand.NewPCG(1, 2))
		for i := range n {
			d := datum("t", float64(random.IntN(distinct))/8, "host", "h")
			if i%3 == 0 {
				d.Values = append(d.Values, float64(i%distinct), float64(i%distinct))
				d.Counts = []float64{1, 0.5, 10} // of sampled timers
			}
			data = append(data, d)
		}
		want := occurrences(data)
		batches, refused := PackMetrics("N", Merge(data))
		var got []Datum
		for _, b := range batches {
			got = append(got, b.Data...)
		}
		if refused != 0 || !maps.Equal(occurrences(got), want) {
			t.Errorf("%d values, %d of them distinct: others arrive", n, distinct)
		}
		for i, d := range got {
			if len(d.Values) > maxValues || i < len(got)-1 && len(d.Values) < maxValues {
				t.Errorf("%d values in datum %d of %d", len(d.Values), i, len(got))
			}
		}
		if most := (len(want) + maxValues - 1) / maxValues; len(got) != most {
			t.Errorf("%d data for %d values", len(got), len(want))
		}
	}
	f(1, 1)
	f(100, 5)
	f(149, 1000)
	f(1000, 150)
	f(5000, 151)
	f(5000, 4000)
}

func TestMergeLeavesTheValuesOfOthersAlone(t *testing.T) {
	shared := []float64{1, 1, 2}
	a := datum("a", 0, "x", "1")
	a.Values = shared[:2]
	b := datum("a", 1, "x", "1")
	got := Merge([]Datum{a, b})
	if len(got) != 1 || !slices.Equal(got[0].Values, []float64{1}) || got[0].Counts[0] != 3 || !slices.Equal(shared, []float64{1, 1, 2}) {
		t.Errorf("got %+v, shared %v", got, shared)
	}
}

func BenchmarkMergeManyValues(b *testing.B) {
	for b.Loop() {
		var data []Datum
		for i := range 20_000 {
			data = append(data, datum("t", float64(i)))
		}
		Merge(data)
	}
}
