package publish

import (
	"reflect"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/nephoscope/nephoscope/cloudwatch"
)

// What was gathered is given back as it came: each datum, in its order, whatever it shares with others.
func TestGatheredDataComeBackAsTheyWere(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	disk, same := cloudwatch.Dimensions("path", "/"), cloudwatch.Dimensions("path", "/")
	a, b := &cloudwatch.Source{Name: "a"}, &cloudwatch.Source{Name: "b"}
	plain := cloudwatch.Datum{Name: "m", Dimensions: disk, Time: at, Unit: cloudwatch.Bytes, Resolution: time.Second, Values: []float64{1}, Source: a}
	with := func(change func(*cloudwatch.Datum)) cloudwatch.Datum {
		d := plain
		change(&d)
		return d
	}
	var data []cloudwatch.Datum
	for i := range 3 {
		data = append(data,
			with(func(d *cloudwatch.Datum) { d.Values = []float64{float64(i)} }),
			with(func(d *cloudwatch.Datum) { d.Time = at.Add(time.Duration(i) * time.Second) }),
			with(func(d *cloudwatch.Datum) { d.Name = "n" }),
			with(func(d *cloudwatch.Datum) { d.Dimensions = same }),
			with(func(d *cloudwatch.Datum) { d.Dimensions = disk[:0] }),
			with(func(d *cloudwatch.Datum) { d.Dimensions = nil }),
			with(func(d *cloudwatch.Datum) { d.Unit = cloudwatch.Percent }),
			with(func(d *cloudwatch.Datum) { d.Resolution = time.Minute }),
			with(func(d *cloudwatch.Datum) { d.RollUpOnly = true }),
			with(func(d *cloudwatch.Datum) { d.Source = b }),
			with(func(d *cloudwatch.Datum) { d.Source = nil }),
			with(func(d *cloudwatch.Datum) { d.Values = nil }),
			with(func(d *cloudwatch.Datum) { d.Values = []float64{} }),
			with(func(d *cloudwatch.Datum) { d.Values = []float64{1, 2} }),
			with(func(d *cloudwatch.Datum) { d.Counts = []float64{3} }),
			with(func(d *cloudwatch.Datum) { d.Time = time.Time{} }),
		)
	}
	var g gathered
	for range 2 { // the second time with the room of the first
		g.add(data[:20])
		g.add(data[20:])
		if g.len() != len(data) {
			t.Errorf("%d data gathered of %d", g.len(), len(data))
		}
		if got := g.take(); !reflect.DeepEqual(got, data) {
			t.Errorf("got  %+v\nwant %+v", got, data)
		}
		if got := g.take(); g.len() != 0 || len(got) != 0 {
			t.Errorf("taken twice: %v", got)
		}
	}
	many := make([]cloudwatch.Datum, maxShared+len(data))
	for i := range many {
		many[i] = with(func(d *cloudwatch.Datum) { d.Name = strconv.Itoa(i) })
	}
	g.add(many)
	g.add(many[maxShared-1:])
	if n := len(g.series); n != maxShared {
		t.Errorf("%d series are shared", n)
	}
	if got := g.take(); !reflect.DeepEqual(got, slices.Concat(many, many[maxShared-1:])) {
		t.Error("of many series the data are others")
	}
	g.add(data)
	g.drop(5)
	if got := g.take(); !reflect.DeepEqual(got, data[5:]) {
		t.Errorf("without the oldest: %+v", got)
	}
}
