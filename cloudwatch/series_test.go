package cloudwatch

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

func TestDataOfOneSeriesHaveOneNumber(t *testing.T) {
	shared := Dimensions("cpu", "cpu0")
	f := func(change func(*Datum), want int) {
		t.Helper()
		var s Series
		a := datum("m", 1)
		a.Dimensions = shared
		b := a
		change(&b)
		if got := s.Of(&a) + 10*s.Of(&b) + 100*s.Of(&a); got != 10*want || len(s.All()) != 1+want {
			t.Errorf("got %03d, %d series", got, len(s.All()))
		}
	}
	f(func(*Datum) {}, 0)
	f(func(d *Datum) { d.Time, d.Values = noon.Add(time.Hour), []float64{7} }, 0)
	f(func(d *Datum) { d.Dimensions = Dimensions("cpu", "cpu0") }, 0) // another list, the same dimensions
	f(func(d *Datum) { d.Dimensions = Dimensions("cpu", "cpu1") }, 1)
	f(func(d *Datum) { d.Dimensions = nil }, 1)
	f(func(d *Datum) { d.Name = "n" }, 1)
	f(func(d *Datum) { d.Unit = Percent }, 1)
	f(func(d *Datum) { d.Resolution = HighResolution }, 1)
	f(func(d *Datum) { d.RollUpOnly = true }, 1)
}

func TestSeriesOfOneNameThatAreManyAreKeptApart(t *testing.T) {
	var s Series
	var data []Datum
	for i := range 100 {
		data = append(data, datum("m", 1, "cpu", fmt.Sprint(i)))
	}
	for range 2 {
		for i := range data {
			if n := s.Of(&data[i]); n != i {
				t.Fatalf("datum %d is of series %d", i, n)
			}
			data[i].Dimensions = slices.Clone(data[i].Dimensions)
		}
	}
}

func TestMergeAcrossDimensionListsThatAreEqual(t *testing.T) {
	a, b := datum("m", 1, "x", "1"), datum("m", 2, "x", "1")
	other := datum("m", 3, "x", "1")
	other.Time = noon.Add(StandardResolution)
	got := Merge([]Datum{a, other, b})
	if len(got) != 2 || !slices.Equal(got[0].Values, []float64{1, 2}) || !slices.Equal(got[1].Values, []float64{3}) {
		t.Errorf("got %+v", got)
	}
}

func TestMergeAfterTheClockWasSetBack(t *testing.T) {
	at := func(second int, value float64) Datum {
		d := datum("m", value)
		d.Resolution, d.Time = HighResolution, noon.Add(time.Duration(second)*time.Second)
		return d
	}
	got := Merge([]Datum{at(5, 1), at(6, 2), at(4, 3), at(5, 4), at(6, 5), at(7, 6)})
	var seconds []int
	var values [][]float64
	for _, d := range got {
		seconds, values = append(seconds, int(d.Time.Sub(noon).Seconds())), append(values, d.Values)
	}
	if fmt.Sprint(seconds, values) != "[5 6 4 7] [[1 4] [2 5] [3] [6]]" {
		t.Errorf("got %v %v", seconds, values)
	}
}

func TestPackMetricsLeavesNoGapWhereADatumIsRefused(t *testing.T) {
	var data []Datum
	for i := range 1001 {
		data = append(data, datum(fmt.Sprint("m", i), 1))
	}
	nothing := 0.0
	data[500].Values = []float64{nothing / nothing}
	batches, refused := PackMetrics("N", data)
	if len(batches) != 1 || len(batches[0].Data) != 1000 || refused != 1 {
		t.Errorf("%d batches, %d refused", len(batches), refused)
	}
}
