package collectors

import (
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nephoscope/nephoscope/cloudwatch"
	"github.com/nephoscope/nephoscope/config"
)

// What check accepts by the configuration's table, a collector has, and the other way round.
func TestMeasurementsAreThoseOfTheConfiguration(t *testing.T) {
	for _, plugin := range Names() {
		if plugin == "ethtool" {
			continue // takes names that nobody knows beforehand
		}
		var ours []string
		for _, r := range Measurements(plugin) {
			ours = append(ours, r.Name)
		}
		theirs := slices.Sorted(slices.Values(config.Measurements(plugin)))
		if slices.Sort(ours); !slices.Equal(ours, theirs) {
			t.Errorf("%s measures %q, and the configuration knows %q", plugin, ours, theirs)
		}
	}
}

// twice is a table of one measurement, for what the configuration makes of a row.
var twice = []row[float64]{
	{"size", cloudwatch.Bytes, func(v *float64) float64 { return *v }},
	{"double", cloudwatch.Percent, func(v *float64) float64 { return 2 * *v }},
}

func sheetOf(t *testing.T, p config.Plugin) *sheet[float64] {
	t.Helper()
	p.Name = "p"
	s, problems := choose(p, twice)
	if s == nil || len(problems) > 0 {
		t.Fatalf("got %v, %v", s, problems)
	}
	return s
}

func TestRenameUnitAndScale(t *testing.T) {
	at := time.Now()
	value := 1024.0
	f := func(m config.Measurement, want cloudwatch.Datum) {
		t.Helper()
		s := sheetOf(t, config.Plugin{Interval: time.Minute, Measurements: []config.Measurement{m}})
		want.Time, want.Resolution = at, time.Minute
		if got := s.fill(nil, at, &value, nil); len(got) != 1 || !reflect.DeepEqual(got[0], want) {
			t.Errorf("%+v\n got %+v\nwant %+v", m, got, want)
		}
	}
	f(config.Measurement{Name: "size"}, cloudwatch.Datum{Name: "p_size", Unit: "Bytes", Values: []float64{1024}})
	f(config.Measurement{Name: "size", Rename: "Size Now"}, cloudwatch.Datum{Name: "Size Now", Unit: "Bytes", Values: []float64{1024}})
	f(config.Measurement{Name: "size", Unit: "megabytes"}, cloudwatch.Datum{Name: "p_size", Unit: "Megabytes", Values: []float64{1024}})
	f(config.Measurement{Name: "size", Unit: "KiB"}, cloudwatch.Datum{Name: "p_size", Unit: "Kilobytes", Values: []float64{1024 * 1.024}})
}

func TestUnknownUnitIsSentAsNoneWithAWarning(t *testing.T) {
	p := config.Plugin{Name: "mem", Measurements: []config.Measurement{{Name: "used", Unit: "unit", Place: config.Place{Line: 9}}}}
	c, problems := Build(p, Host{})
	if c == nil || len(problems) != 1 || !problems[0].Warning || problems[0].Line != 9 {
		t.Fatalf("got %v, %v", c, problems)
	}
	if u := c.(*memCollector).columns[0].unit; u != cloudwatch.None {
		t.Errorf("unit is %s", u)
	}
}

func TestShortAndLongNamesAreEqual(t *testing.T) {
	names := func(written ...string) (names []string) {
		var p config.Plugin
		for _, w := range written {
			p.Measurements = append(p.Measurements, config.Measurement{Name: w})
		}
		for _, c := range sheetOf(t, p).columns {
			names = append(names, c.name)
		}
		return names
	}
	for _, written := range [][]string{{"size", "double"}, {"p_size", "p_double"}, {" size ", "p_size", "double", "double"}} {
		if got := names(written...); !slices.Equal(got, []string{"p_size", "p_double"}) {
			t.Errorf("%q gives %q", written, got)
		}
	}
}

func TestDropOriginal(t *testing.T) {
	f := func(drop string, want ...bool) {
		t.Helper()
		s := sheetOf(t, config.Plugin{DropOriginal: []string{drop}, Measurements: []config.Measurement{{Name: "size", Rename: "S"}, {Name: "double"}}})
		value := 1.0
		var got []bool
		for _, d := range s.fill(nil, time.Now(), &value, nil) {
			got = append(got, d.RollUpOnly)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%q: got %v, want %v", drop, got, want)
		}
	}
	f("size", true, false)
	f("p_double", false, true)
	f("*", true, true)
}

func TestDropOriginalOfSomethingElseWarns(t *testing.T) {
	p := config.Plugin{Name: "swap", DropOriginal: []string{"used", "total"}, Measurements: []config.Measurement{{Name: "used"}}}
	c, problems := Build(p, Host{})
	if c == nil || len(problems) != 1 || !problems[0].Warning || !strings.Contains(problems[0].Text, `"total"`) {
		t.Errorf("got %v, %v", c, problems)
	}
}

func TestUnknownMeasurementIsNamedAsItWasWritten(t *testing.T) {
	f := func(m config.Measurement, text string) {
		t.Helper()
		_, problems := Build(config.Plugin{Name: "cpu", Measurements: []config.Measurement{m}}, Host{})
		if len(problems) != 1 || problems[0].Text != text {
			t.Errorf("got %v, want %s", problems, text)
		}
	}
	f(config.Measurement{Name: "idle", Written: "cpu_idle"}, `cpu has no measurement "cpu_idle"`)
	f(config.Measurement{Name: "idle"}, `cpu has no measurement "idle"`)
}

func TestUnknownPluginIsAMistake(t *testing.T) {
	c, problems := Build(config.Plugin{Name: "discio"}, Host{})
	if c != nil || len(problems) != 1 || problems[0].Warning || !strings.Contains(problems[0].Hint, "diskio") || Measurements("discio") != nil {
		t.Errorf("got %v, %v", c, problems)
	}
}

func TestNothingToMeasure(t *testing.T) {
	for _, name := range Names() {
		if name == "ethtool" {
			continue // has no list of measurements
		}
		if c, problems := Build(config.Plugin{Name: name, TotalCPU: true}, Host{}); c != nil || len(problems) != 0 {
			t.Errorf("%s: got %v, %v", name, c, problems)
		}
	}
}

func TestStaticDimensions(t *testing.T) {
	s := sheetOf(t, config.Plugin{
		Measurements: []config.Measurement{{Name: "size"}},
		AppendDimensions: map[string]string{
			"team": "blue", "instance": "${aws:InstanceId}", "path": "/no", "empty": "", "aws:StorageResolution": "true", "aws:AggregationInterval": "1",
		},
	})
	want := cloudwatch.Dimensions("instance", "${aws:InstanceId}", "path", "/", "team", "blue")
	if got := s.dimensions("path", "/", "device", ""); !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestSubMinuteIntervalsAreHighResolution(t *testing.T) {
	for interval, want := range map[time.Duration]time.Duration{time.Second: time.Second, 59 * time.Second: time.Second, time.Minute: time.Minute, time.Hour: time.Minute} {
		if got := sheetOf(t, config.Plugin{Interval: interval, Measurements: []config.Measurement{{Name: "size"}}}).resolution; got != want {
			t.Errorf("%s: got %s, want %s", interval, got, want)
		}
	}
}

// A virtual machine's processor that was busy all the time was told to be so for 100.00000000000001 percent.
func TestNoShareExceedsTheWhole(t *testing.T) {
	t.Parallel()
	for ticks := 1.0; ticks < 10_000; ticks++ {
		seconds := ticks / 100
		if got := percentOf(seconds, seconds); got != 100 {
			t.Fatalf("%v of %v is %v percent", seconds, seconds, got)
		}
		if got := percentOf(math.Nextafter(seconds, 0), seconds); got > 100 {
			t.Fatalf("less than %v is %v percent of it", seconds, got)
		}
	}
}
