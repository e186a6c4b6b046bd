package publish

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
	"unsafe"

	"github.com/nephoscope/nephoscope/cloudwatch"
)

var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

// of is data of a plugin: the metric m with so many values of a dimension.
func of(source *cloudwatch.Source, dimension string, from, to int) (data []cloudwatch.Datum) {
	for i := from; i < to; i++ {
		data = append(data, cloudwatch.Datum{Name: source.Name + "_m", Dimensions: cloudwatch.Dimensions(dimension, fmt.Sprint("v", i), "host", "h"), Source: source, Values: []float64{1}})
	}
	return data
}

var (
	cpu    = &cloudwatch.Source{Name: "cpu"}
	disk   = &cloudwatch.Source{Name: "disk"}
	statsd = &cloudwatch.Source{Name: "statsd"}
)

func budget(limit int, plugins ...string) *Budget {
	b := NewBudget()
	b.Configure(limit, plugins)
	return b
}

func (b *Budget) take(t *testing.T, data []cloudwatch.Datum, now time.Time, refused int) []cloudwatch.Datum {
	t.Helper()
	all := len(data)
	got, n := b.Admit("N", data, now)
	if n != refused || len(got)+n != all {
		t.Errorf("%d of %d admitted, %d refused; want %d refused", len(got), all, n, refused)
	}
	return got
}

func TestSeriesBeyondTheBudgetAreRefusedAndKnownOnesGoOn(t *testing.T) {
	b := budget(10, "disk")
	b.take(t, of(disk, "path", 0, 8), noon, 0)
	b.take(t, of(disk, "path", 4, 14), noon.Add(time.Minute), 4)
	got := b.take(t, of(disk, "path", 0, 14), noon.Add(2*time.Minute), 4)
	if want := of(disk, "path", 0, 10); !slices.EqualFunc(got, want, func(x, y cloudwatch.Datum) bool { return slices.Equal(x.Dimensions, y.Dimensions) }) {
		t.Errorf("others go on than those that were first: %v", got)
	}
	twice := append(of(disk, "path", 20, 21), of(disk, "path", 20, 21)...)
	b.take(t, twice, noon.Add(3*time.Minute), 2)
	if s := b.State(noon.Add(3 * time.Minute)); s.Known != 10 || s.Limit != 10 || s.Plugins[0].Refused.Data != 10 || s.Plugins[0].Refused.Series < 4 || s.Plugins[0].Refused.Series > 5 {
		t.Errorf("got %+v", s)
	}
}

func TestSeriesIsWhatIsBilled(t *testing.T) {
	b := budget(1, "disk")
	first := of(disk, "path", 0, 1)
	b.take(t, slices.Clone(first), noon, 0)
	f := func(want int, change func(*cloudwatch.Datum)) {
		t.Helper()
		d := first[0]
		change(&d)
		b.take(t, []cloudwatch.Datum{d}, noon, want)
	}
	f(0, func(d *cloudwatch.Datum) { d.Unit, d.Resolution, d.Source = cloudwatch.Percent, time.Second, cpu }) // of one metric
	f(1, func(d *cloudwatch.Datum) { d.Name = "other" })
	f(1, func(d *cloudwatch.Datum) { d.Dimensions = nil })
	f(1, func(d *cloudwatch.Datum) { d.Dimensions = d.Dimensions[:1] })
	f(1, func(d *cloudwatch.Datum) { d.Dimensions = cloudwatch.Dimensions("path", "v0", "hos", "th") })
	if _, n := b.Admit("Other", first, noon); n != 1 {
		t.Error("another namespace is the same series")
	}
}

func TestSeriesThatAreNotSentForLongMakeRoom(t *testing.T) {
	b := budget(4, "disk")
	b.take(t, of(disk, "path", 0, 4), noon, 0)
	b.take(t, of(disk, "path", 0, 2), noon.Add(time.Hour), 0)
	b.take(t, of(disk, "path", 4, 6), noon.Add(3*time.Hour), 2)
	b.take(t, of(disk, "path", 4, 6), noon.Add(keepSeries+time.Minute), 0)
	b.take(t, of(disk, "path", 0, 2), noon.Add(keepSeries+time.Minute), 0)
	b.take(t, of(disk, "path", 6, 7), noon.Add(keepSeries+2*time.Minute), 1)
	b.take(t, of(disk, "path", 6, 7), noon.Add(2*keepSeries+3*time.Minute), 0)
	if s := b.State(noon.Add(2*keepSeries + 3*time.Minute)); s.Known != 1 || s.Plugins[0].Known != 1 {
		t.Errorf("got %+v", s)
	}
}

func TestClockThatWasAheadKeepsNoSeriesForEver(t *testing.T) {
	b := budget(1, "disk")
	b.take(t, of(disk, "path", 0, 1), noon.Add(1000*time.Hour), 0)
	b.take(t, of(disk, "path", 1, 2), noon, 1)
	b.take(t, of(disk, "path", 1, 2), noon.Add(keepSeries+time.Minute), 0)
}

func TestWhatTheConfigurationNamesFirstIsLetInFirst(t *testing.T) {
	b := budget(20, "cpu", "disk", "statsd")
	data := append(of(statsd, "name", 0, 100), of(disk, "path", 0, 5)...)
	got := b.take(t, append(data, of(cpu, "cpu", 0, 9)...), noon, 114-20)
	n := map[string]int{}
	for _, d := range got {
		n[d.Source.Name]++
	}
	if n["cpu"] != 9 || n["disk"] != 5 || n["statsd"] != 6 {
		t.Errorf("got %v", n)
	}
}

func TestPluginThatBringsSeriesWithoutEndLeavesTheLastTenth(t *testing.T) {
	b := budget(100, "disk", "cpu")
	b.take(t, of(disk, "path", 0, 500), noon, 410)
	b.take(t, of(cpu, "cpu", 0, 12), noon, 2) // its share is 50
	alone := budget(100, "disk")
	alone.take(t, of(disk, "path", 0, 500), noon, 400)
}

func TestReloadForgetsNoSeries(t *testing.T) {
	b := budget(10, "disk")
	b.take(t, of(disk, "path", 0, 10), noon, 0)
	b.Configure(5, []string{"cpu"})
	b.take(t, of(disk, "path", 0, 11), noon, 1)
	if _, due := b.Complaint(noon); !due || b.State(noon).Plugins[0].Refused.Series != 1 {
		t.Error("nothing is refused")
	}
	b.Configure(12, []string{"cpu", "disk"})
	if p := b.State(noon).Plugins[0]; p.Refused.Series != 0 || p.Refused.Data != 1 {
		t.Errorf("what was refused under another limit is still told: %+v", p)
	}
	b.take(t, of(disk, "path", 0, 11), noon, 0)
	b.take(t, of(disk, "path", 20, 30), noon, 10)
	b.Configure(12, []string{"disk", "cpu"})
	if r := b.State(noon).Plugins[0].Refused; r.Series == 0 || r.Data != 11 {
		t.Errorf("another order, and nothing is told: %+v", r)
	}
	b.Configure(12, []string{"cpu"})
	if r := b.State(noon).Plugins[0].Refused; r.Series != 0 || r.Data != 11 {
		t.Errorf("a plugin that is gone is still blamed: %+v", r)
	}
	b.Configure(0, []string{"cpu", "disk"})
	b.take(t, of(disk, "path", 0, 1000), noon, 0)
	if s := b.State(noon); s.Limit != 0 || s.Known != 0 {
		t.Errorf("got %+v", s)
	}
	// A limit that was lifted for a while finds what it knew.
	b.Configure(12, []string{"disk"})
	b.take(t, of(disk, "path", 50, 60), noon, 9)
	b.take(t, of(disk, "path", 0, 11), noon, 0)
	if s := b.State(noon); s.Known != 12 || s.Plugins[0].Known != 12 {
		t.Errorf("after a while without a limit: %+v", s)
	}
}

// Data of a host whose clock is set three days ahead are of the same series as before.
func TestClockThatIsSetAheadForgetsNoSeries(t *testing.T) {
	b, began := budget(2, "disk"), time.Now()
	b.take(t, of(disk, "path", 0, 2), began, 0)
	if s := b.State(setAhead(t, began.Add(time.Minute), 72*time.Hour)); s.Known != 2 {
		t.Errorf("%d series are known", s.Known)
	}
	b.take(t, of(disk, "path", 0, 3), setAhead(t, began.Add(time.Minute), 72*time.Hour), 1)
	later := setAhead(t, began.Add(keepSeries), 72*time.Hour)
	if s := b.State(later); s.Known != 2 {
		t.Errorf("%d series are known", s.Known)
	}
	b.take(t, of(disk, "path", 3, 5), later.Add(3*time.Minute), 0)
}

// setAhead is a moment by a clock that was set meanwhile: no more than its wall clock differs. A time.Time cannot be made like that
// otherwise than by its bits.
func setAhead(t *testing.T, now time.Time, d time.Duration) time.Time {
	t.Helper()
	type clock struct { // time.Time
		wall uint64
		ext  int64
		loc  *time.Location
	}
	if unsafe.Sizeof(now) != unsafe.Sizeof(clock{}) {
		t.Fatal("time.Time is not what it was")
	}
	const second = 1 << 30 // of wall, below 33 bits of seconds stand 30 of nanoseconds
	ahead := now
	(*clock)(unsafe.Pointer(&ahead)).wall += uint64(d/time.Second) * second
	if ahead.Sub(now) != 0 || ahead.Round(0).Sub(now.Round(0)) != d {
		t.Fatalf("%v is not %v later by its wall clock alone", ahead, d)
	}
	return ahead
}

func TestOffenderIsNamed(t *testing.T) {
	b := budget(10, "cpu", "disk", "statsd")
	b.take(t, of(cpu, "cpu", 0, 3), noon, 0)
	mounts := of(disk, "path", 0, 300)
	for i := range mounts {
		mounts[i].Dimensions = append(slices.Clone(mounts[i].Dimensions), cloudwatch.Dimension{Name: "fstype", Value: "overlay"})
	}
	b.take(t, mounts, noon, 294)
	names := of(statsd, "t", 0, 1)
	for i := range 20 {
		d := names[0]
		d.Name = fmt.Sprint("s", i)
		names = append(names, d)
	}
	b.take(t, names, noon.Add(time.Minute), 20)
	s := b.State(noon.Add(time.Minute))
	r := s.Plugins[0].Refused
	if s.Plugins[0].Name != "disk" || r.Dimension != "path" || !strings.HasPrefix(r.Example, "v") || r.Data != 294 || r.Since != noon {
		t.Errorf("got %+v", s.Plugins[0])
	}
	for _, n := range []int{r.Series, r.Values} { // estimates
		if n < 270 || n > 320 {
			t.Errorf("about %d of 294", n)
		}
	}
	if o := s.Plugins[1]; o.Name != "statsd" || o.Refused.Dimension != "" || o.Refused.Values < 15 {
		t.Errorf("got %+v", o)
	}
	p, due := b.Complaint(noon.Add(time.Minute))
	if _, again := b.Complaint(noon.Add(time.Hour)); !due || again || p.Name != "disk" {
		t.Errorf("complaint %v, again %v: %+v", due, again, p)
	}
	if _, later := b.Complaint(noon.Add(61 * time.Minute)); !later {
		t.Error("no complaint after an hour")
	}
	if s := b.State(noon.Add(keepSeries + 2*time.Minute)); slices.ContainsFunc(s.Plugins, func(p PluginSeries) bool { return p.Refused.Series > 0 }) {
		t.Errorf("long over, and still told: %+v", s)
	}
}

func TestKnownSeriesCostNoAllocation(t *testing.T) {
	b := budget(1000, "disk")
	data := of(disk, "path", 0, 900)
	b.take(t, data, noon, 0)
	now := noon
	if n := testing.AllocsPerRun(20, func() {
		now = now.Add(time.Minute)
		if _, refused := b.Admit("N", data, now); refused > 0 {
			t.Error("refused")
		}
	}); n != 0 {
		t.Errorf("%v allocations for 900 data", n)
	}
}

func TestFloodIsHeldInLittleMemory(t *testing.T) {
	b := budget(100, "disk")
	for i := range 20 {
		_, _ = b.Admit("N", of(disk, "path", i*5000, (i+1)*5000), noon)
	}
	if len(b.known) != 100 || cap(b.news) > 400 || len(b.plugins) != 1 || len(b.plugins[0].dimensions) != 3 {
		t.Errorf("%d known, room for %d new, %d plugins", len(b.known), cap(b.news), len(b.plugins))
	}
	if n := b.State(noon).Plugins[0].Refused.Series; n < 95_000 || n > 105_000 {
		t.Errorf("about %d of 99900 refused", n)
	}
}

func TestSketchIsNearTheTruth(t *testing.T) {
	for _, n := range []int{0, 1, 10, 1000, 20_000} {
		s, random := newSketch(valueBits), rand.New(rand.NewPCG(1, 2))
		for range n {
			hash := random.Uint64()
			s.add(hash)
			s.add(hash)
		}
		if got := s.count(); got < n*95/100 || got > n*105/100 {
			t.Errorf("%d of %d", got, n)
		}
	}
}
