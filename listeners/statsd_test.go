package listeners

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nephoscope/nephoscope/cloudwatch"
	"github.com/nephoscope/nephoscope/config"
)

var noon = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

// plugin is a section of metrics_collected, as the configuration reads it.
func plugin(t testing.TB, section string) config.Plugin {
	t.Helper()
	c, err := config.Parse("test.json", []byte(`{"metrics": {"metrics_collected": {`+section+`}}}`))
	if err != nil {
		t.Fatal(err)
	}
	return c.Metrics.Plugins[0]
}

func aStatsD(t testing.TB, options string) *statsD {
	t.Helper()
	return newStatsD(plugin(t, `"statsd": {`+options+`}`), &Sockets{})
}

// told is data in lines, sorted: name{dimensions} unit resolution @time value×count ….
func told(data []cloudwatch.Datum) (lines []string) {
	for _, d := range data {
		var b strings.Builder
		b.WriteString(d.Name + "{")
		for i, dim := range d.Dimensions {
			if i > 0 {
				b.WriteByte(' ')
			}
			b.WriteString(dim.Name + "=" + dim.Value)
		}
		fmt.Fprintf(&b, "} %s %s @%s", d.Unit, d.Resolution, d.Time.UTC().Format("15:04:05"))
		for i, v := range d.Values {
			n := 1.0
			if d.Counts != nil {
				n = d.Counts[i]
			}
			fmt.Fprintf(&b, " %v×%v", v, n)
		}
		if d.RollUpOnly {
			b.WriteString(" roll-ups alone")
		}
		lines = append(lines, b.String())
	}
	slices.Sort(lines)
	return lines
}

func collect(t testing.TB, l Listener, now time.Time) []string {
	t.Helper()
	data, err := l.Collect(context.Background(), now)
	if err != nil {
		t.Fatal(err)
	}
	return told(data)
}

func TestLinesOfStatsD(t *testing.T) {
	t.Parallel()
	f := func(packet string, want ...string) {
		t.Helper()
		s := aStatsD(t, `"metrics_aggregation_interval": 60`)
		s.packet([]byte(packet))
		if got := collect(t, s, noon.Add(time.Minute)); !slices.Equal(got, want) {
			t.Errorf("%q\ngot  %q\nwant %q", packet, got, want)
		}
		if len(want) > 0 && s.Counts().Malformed > 0 {
			t.Errorf("%q: %d malformed", packet, s.Counts().Malformed)
		}
	}
	const at = " None 1m0s @12:00:00 "
	f("app.hits:3|c|#env:prod", "app_hits{env=prod metric_type=counter}"+at+"3×1")
	f("t:12|ms\nt:12|ms\n\nt:7.5|ms\n", "t{metric_type=timing}"+at+"7.5×1 12×2")
	f("a:1|c:2|c", "a{metric_type=counter}"+at+"3×1")
	f("a:1|c:2|g", "a{metric_type=counter}"+at+"1×1", "a{metric_type=gauge}"+at+"2×1")
	f("a:1:2:3|ms|@0.5|#x:y", "a{metric_type=timing x=y}"+at+"1×2 2×2 3×2")
	f("a:1|c|@0.1", "a{metric_type=counter}"+at+"10×1")
	f("a:1|c|@0.1:5|c", "a{metric_type=counter}"+at+"15×1")
	f("a:0.5|c\na:0.5|c", "a{metric_type=counter}"+at+"1×1")
	f("a:-3|c\na:+5|c", "a{metric_type=counter}"+at+"2×1")
	f("a:10|g\na:+5|g\na:-2.5|g", "a{metric_type=gauge}"+at+"12.5×1")
	f("a:10|g\na:3|g", "a{metric_type=gauge}"+at+"3×1")
	f("a:-7|g", "a{metric_type=gauge}"+at+"-7×1")
	f("u:x|s\nu:y|s\nu:x|s", "u{metric_type=set}"+at+"2×1")
	f("h:1|h\nh:2|h\nd:3|d", "d{metric_type=distribution}"+at+"3×1", "h{metric_type=histogram}"+at+"1×1 2×1")
	f("a:1|c|#flag,k:v:w,:none", "a{flag=<empty> k=v:w metric_type=counter}"+at+"1×1")
	f("a,k=v,x=1=2,lone,q=z:1|c", "a{k=v metric_type=counter q=z}"+at+"1×1")
	f("a,k=inline:1|c|#k:tag", "a{k=tag metric_type=counter}"+at+"1×1")
	f("a:1|c|#metric_type:mine", "a{metric_type=mine}"+at+"1×1")
	f("a:1|c|#b:2,c:3\na:1|c|#c:3,b:2", "a{b=2 c=3 metric_type=counter}"+at+"2×1")
	f("a:1|c|#b:2|@0.5\na:1|c|@0.5|#b:2|#d:", "a{b=2 metric_type=counter}"+at+"4×1")
	f("a:1|g|#env:dev|c:83c0a99c|Tomorrow|e:it-false,cn-x", "a{env=dev metric_type=gauge}"+at+"1×1")
	f("a:1|c|@nonsense", "a{metric_type=counter}"+at+"1×1")
	f("a:1|c|#env:dev|card:low\na:1|c|card:none|#env:dev|@0.5", "a{env=dev metric_type=counter}"+at+"3×1")
	f("a:1|ms|@inf\na:2|ms|@1e300\na:3|ms|@nan", "a{metric_type=timing}"+at+"1×1 2×1 3×1")
	f("a,k=1:1|c|#k:2,l:3,k:4,l:", "a{k=4 metric_type=counter}"+at+"1×1")
	f("a:1|c"+strings.Repeat("|#k:v,l:w", 5000), "a{k=v l=w metric_type=counter}"+at+"1×1")
	f("a:1|c|#b:x\x00c\x00y\na:2|c|#b:x,c:y", "a{b=x\x00c\x00y metric_type=counter}"+at+"1×1", "a{b=x c=y metric_type=counter}"+at+"2×1")
	f("a-b.c d:1e3|c\r\n", "a-b_c d{metric_type=counter}"+at+"1000×1")
	f("größe:1|c", "gr??e{metric_type=counter}"+at+"1×1")
	f("a:1e100|c\na:1|c|@1e-300", "a{metric_type=counter}"+at+"1e+100×1")
}

func TestWhatMakesNoSenseIsCounted(t *testing.T) {
	t.Parallel()
	f := func(packet string, parsed, malformed int64, dropped ...string) {
		t.Helper()
		s := aStatsD(t, "")
		s.packet([]byte(packet))
		c := s.Counts()
		var got []string
		for reason, n := range c.Dropped {
			got = append(got, fmt.Sprint(reason, " ", n))
		}
		if c.Parsed != parsed || c.Malformed != malformed || !slices.Equal(got, dropped) {
			t.Errorf("%q: got %d parsed, %d malformed, %q, want %d, %d, %q", packet, c.Parsed, c.Malformed, got, parsed, malformed, dropped)
		}
	}
	f("a:1|c\nnonsense\na:2|c", 2, 1)
	f("a:1|c:2|nothing:3|c", 1, 1)
	for _, line := range []string{"a", ":1|c", "a:", "a:1", "a:|c", "a:1|", "a:x|c", "a:1|x", "a:-1|ms", "a:+x|s", "a:1|c:", "...", strings.Repeat("n", 256) + ":1|c", ",k=v:1|c"} {
		want := int64(0)
		if line == "a:1|c:" {
			want = 1
		}
		f(line, want, 1)
	}
	f("a:nan|g", 0, 0, "not_finite 1")
	f("a:1e999|g", 0, 1)
	f("a:1e200|g", 0, 0, "not_finite 1")
	f("a:1e108|g\na:+1e108|g\na:+1e108|g", 2, 0, "not_finite 1")
	f("_e{5,4}:title|text|#a:b\n_sc|redis|0", 0, 0, "not_a_metric 2")
}

// A counter is summed up over each metrics_collection_interval, and a window holds its sums: so it is in the original.
func TestWindowsOfStatsD(t *testing.T) {
	t.Parallel()
	s := aStatsD(t, `"metrics_collection_interval": 10, "metrics_aggregation_interval": 60`)
	for i := 1; i <= 6; i++ {
		s.packet([]byte("c:1|c\nc:1|c\nt:5|ms"))
		now := noon.Add(time.Duration(i) * 10 * time.Second)
		got := collect(t, s, now)
		if i < 6 && len(got) > 0 {
			t.Fatalf("at %s got %q before the window was over", now, got)
		}
		if want := []string{"c{metric_type=counter} None 1m0s @12:00:00 2×6", "t{metric_type=timing} None 1m0s @12:00:00 5×6"}; i == 6 && !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	if got := collect(t, s, noon.Add(2*time.Minute)); len(got) > 0 {
		t.Errorf("got %q of a minute in which nothing came", got)
	}
	s.packet([]byte("g:+2|g")) // a gauge of which nothing is known is 0
	if got := collect(t, s, noon.Add(3*time.Minute)); !slices.Equal(got, []string{"g{metric_type=gauge} None 1m0s @12:02:00 2×1"}) {
		t.Errorf("got %q", got)
	}
}

func TestStatsDThatIsNotAggregated(t *testing.T) {
	t.Parallel()
	s := aStatsD(t, `"metrics_aggregation_interval": 0`)
	s.packet([]byte("t:1|ms\nt:2|ms"))
	if got, want := collect(t, s, noon.Add(10*time.Second)), []string{"t{metric_type=timing} None 1s @12:00:10 1×1 2×1"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestAggregationOfLessThanAMinuteIsOfHighResolution(t *testing.T) {
	t.Parallel()
	s := aStatsD(t, `"metrics_aggregation_interval": 30`)
	s.packet([]byte("t:1|ms"))
	if got, want := collect(t, s, noon.Add(30*time.Second)), []string{"t{metric_type=timing} None 1s @12:00:00 1×1"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestLastCollectHandsOverWhatIsNotComplete(t *testing.T) {
	t.Parallel()
	s := aStatsD(t, "")
	s.packet([]byte("c:1|c"))
	collect(t, s, noon.Add(10*time.Second))
	s.packet([]byte("c:2|c"))
	over, cancel := context.WithCancel(t.Context())
	cancel()
	data, err := s.Collect(over, noon.Add(15*time.Second))
	if got, want := told(data), []string{"c{metric_type=counter} None 1m0s @12:00:00 1×1 2×1"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("got %q, %v, want %q", got, err, want)
	}
}

func TestOptionsOfStatsD(t *testing.T) {
	t.Parallel()
	s := aStatsD(t, `"metric_separator": "-", "drop_original_metrics": ["a-b"], "metrics_aggregation_interval": 0`)
	s.packet([]byte("a.b:1|c\na.c:1|c"))
	want := []string{"a-b{metric_type=counter} None 1s @12:00:00 1×1 roll-ups alone", "a-c{metric_type=counter} None 1s @12:00:00 1×1"}
	if got := collect(t, s, noon); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestSeriesAreBoundedAndThoseThatAreUsedNoMoreForgotten(t *testing.T) {
	t.Parallel()
	s := aStatsD(t, "")
	for i := range mostSeries + 7 {
		s.packet(fmt.Appendf(nil, "a:1|c|#id:%d", i))
	}
	if c := s.Counts(); c.Series != mostSeries || c.Parsed != mostSeries || c.Dropped[TooMany] != 7 {
		t.Errorf("got %d series, %d parsed, dropped %v", c.Series, c.Parsed, c.Dropped)
	}
	s.packet([]byte("a:1|c|#id:3")) // known ones go on
	if c := s.Counts(); c.Parsed != mostSeries+1 {
		t.Errorf("got %d parsed", c.Parsed)
	}
	collect(t, s, noon)
	s.packet([]byte("a:1|c|#id:3"))
	collect(t, s, noon.Add(forgotten/2))
	collect(t, s, noon.Add(forgotten))
	if c := s.Counts(); c.Series != 1 || len(s.catalogue.spelt) != 1 {
		t.Errorf("got %d series, %d spellings an hour later", c.Series, len(s.catalogue.spelt))
	}
	collect(t, s, noon.Add(2*forgotten))
	if c := s.Counts(); c.Series != 0 || s.catalogue.held != 0 {
		t.Errorf("got %d series of %d bytes two hours later", c.Series, s.catalogue.held)
	}
	for i := range 100_000 { // the same series in ever another way
		s.packet(fmt.Appendf(nil, "a,%s%d:1|c|#k:v", strings.Repeat("x", 200), i))
	}
	if c := s.Counts(); c.Series != 1 || s.catalogue.held > mostNames {
		t.Errorf("got %d series of %d bytes", c.Series, s.catalogue.held)
	}
	if got, want := collect(t, s, noon.Add(3*forgotten)), "a{k=v metric_type=counter} None 1m0s @14:59:00 100000×1"; len(got) != 1 || got[0] != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// What was summed up by a clock that was wrong is handed over as it is, and holds no room until that time comes.
func TestClockThatIsSetBack(t *testing.T) {
	t.Parallel()
	s := aStatsD(t, "")
	s.packet([]byte("a:1|c"))
	if got := collect(t, s, noon.Add(10_000*time.Hour+10*time.Second)); len(got) != 0 {
		t.Errorf("got %q", got)
	}
	if got := collect(t, s, noon); len(got) != 1 {
		t.Errorf("got %q after the clock was set back", got)
	}
	if c := s.Counts(); c.Series != 0 || s.held != 0 {
		t.Errorf("%d series are remembered, and %d values", c.Series, s.held)
	}
}

func TestDifferentValuesAreBounded(t *testing.T) {
	t.Parallel()
	s := aStatsD(t, "")
	for i := range mostHeld + 5 {
		s.packet(fmt.Appendf(nil, "u:%d|s", i))
	}
	s.packet([]byte("t:1|ms"))
	if c := s.Counts(); c.Parsed != mostHeld || c.Dropped[TooVaried] != 6 {
		t.Errorf("got %d parsed, dropped %v", c.Parsed, c.Dropped)
	}
	if got := collect(t, s, noon.Add(time.Minute)); len(got) != 1 || s.values != 0 || s.held != 0 {
		t.Errorf("got %q, %d and %d values left", got, s.values, s.held)
	}
}

func TestLinesAllocateNothing(t *testing.T) {
	s := aStatsD(t, "")
	packet := []byte("page.views:1|c|#env:prod,az:a\nlatency:12.5:13|ms|@0.5|#env:prod\nusers:4711|s\nqueue:-3|g")
	s.packet(packet)
	if n := testing.AllocsPerRun(1000, func() { s.packet(packet) }); n > 0 {
		t.Errorf("got %v allocations a packet", n)
	}
}

// What one datagram can be filled with takes room in proportion to it.
func TestManyTagsTakeLittle(t *testing.T) {
	f := func(line string, most float64) {
		t.Helper()
		if n := testing.AllocsPerRun(10, func() { parseStatsD([]byte(line)) }); n > most {
			t.Errorf("%.9s…: got %v allocations, want %v at most", line, n, most)
		}
	}
	f("a:1|c|#"+strings.Repeat(",x", 30_000), 1)
	f("a:1|c"+strings.Repeat("|#x", 20_000), 30)
	f("a:"+strings.Repeat("1|#", 20_000), 30)
}

// Whatever is sent: nothing fails, and what is taken is what CloudWatch takes.
func FuzzStatsD(f *testing.F) {
	for _, packet := range []string{
		"app.hits:3|c|#env:prod", "a:1|c:2|g", "a:1:2:3|ms|@0.5|#x:y", "a:-7|g\na:+1|g", "u:x|s", "a,k=v:1|c|#k:v,flag", "a:1|g|#e:d|c:83|T16|e:it",
		"_e{5,4}:title|text", "_sc|redis|0", "a:1|c|@", "a:|", "|:|:|#", "a:nan|g\na:1e308|ms", ":\n:\n", "a:1|c|#\xff:\x00",
	} {
		f.Add([]byte(packet))
	}
	f.Fuzz(func(t *testing.T, packet []byte) {
		s := aStatsD(t, "")
		before := slices.Clone(packet)
		s.packet(packet)
		if !slices.Equal(before, packet) {
			t.Fatal("the packet was written to")
		}
		c, lines := s.Counts(), int64(0)
		for line := range strings.SplitSeq(string(packet), "\n") {
			if strings.TrimSpace(line) != "" {
				lines++
			}
		}
		dropped := int64(0)
		for _, n := range c.Dropped {
			dropped += n
		}
		if c.Parsed+c.Malformed+dropped < lines {
			t.Errorf("%d lines, but %d parsed, %d malformed, %d dropped", lines, c.Parsed, c.Malformed, dropped)
		}
		data, err := s.Collect(t.Context(), noon.Add(time.Minute))
		if err != nil {
			t.Fatal(err)
		}
		if c.Parsed > s.Counts().Dropped[WrongTime] && len(data) == 0 {
			t.Error("values were taken, and nothing came of them")
		}
		for _, d := range data {
			if d.Name == "" || len(d.Name) > 255 || len(d.Values) == 0 || len(d.Values) != len(d.Counts) {
				t.Errorf("got %+v", d)
			}
			if !slices.IsSortedFunc(d.Dimensions, func(a, b cloudwatch.Dimension) int { return cmp.Compare(a.Name, b.Name) }) {
				t.Errorf("dimensions are not sorted: %v", d.Dimensions)
			}
			for i, v := range d.Values {
				if math.IsNaN(v) || !(d.Counts[i] > 0) {
					t.Errorf("got %v×%v", v, d.Counts[i])
				}
			}
		}
	})
}
