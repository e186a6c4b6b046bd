package scrape

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/nephoscope/nephoscope/config"
)

// large answers with so many series, nine of ten of them counters, in bodies that grow from scrape to scrape.
func large(series int) http.HandlerFunc {
	round := 0
	return func(w http.ResponseWriter, _ *http.Request) {
		round++
		var b bytes.Buffer
		w.Header().Set("Content-Type", "text/plain; version=0.0.4")
		for i := range series {
			name, kind := i/1000, "counter"
			if name%10 == 0 {
				kind = "gauge"
			}
			if i%1000 == 0 {
				fmt.Fprintf(&b, "# TYPE some_metric_number_%d_total %s\n", name, kind)
			}
			fmt.Fprintf(&b, "some_metric_number_%d_total{namespace=\"default-%d\",pod=\"deployment-name-7d8f9c-%d\",node=\"ip-10-0-%d-1.eu-central-1.compute.internal\"} %d\n", name, i%50, i, i%20, round*i)
		}
		_, _ = w.Write(b.Bytes())
	}
}

// aLargeTarget is a scraper with one target of so many series, on loopback.
func aLargeTarget(t testing.TB, series int) (*Scraper, *target) {
	t.Helper()
	server := httptest.NewServer(large(series))
	t.Cleanup(server.Close)
	s, err := New(config.Prometheus{LogGroup: "g", Namespace: "n", MaxSeries: 100_000, Declarations: []config.PrometheusDeclaration{
		{SourceLabels: []string{"namespace"}, LabelMatcher: "^default-", MetricSelectors: []string{"^some_metric_number_1"}, Dimensions: [][]string{{"namespace"}, {"node"}}},
	}}, io.Discard, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	c, err := newClient(clientSettings{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.close)
	job := &Job{Name: "j", Interval: time.Minute, Timeout: time.Minute, MetricsPath: "/metrics", Scheme: "http", compression: true}
	of, err := newTarget(job, strings.TrimPrefix(server.URL, "http://"), nil)
	if err != nil {
		t.Fatal(err)
	}
	of.client, of.deltas = c, newDeltas(&s.bound)
	return s, of
}

func heap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// What 50,000 series leave behind between two scrapes, after several: the last values of 45,000 counters.
func TestFiftyThousandSeriesTakeLittleMemory(t *testing.T) {
	const series = 50_000
	before := heap()
	s, of := aLargeTarget(t, series)
	at := noon
	s.now = func() time.Time { return at }
	for range 5 {
		s.scrape(t.Context(), of)
		at = at.Add(15 * time.Second)
	}
	c := s.Counts()
	if s.bound.used.Load() != 45_000 || s.totals.counts.Events != 5*5_000+4*45_000 || c.Failed != 0 || c.Dropped[droppedFirst] != 45_000 {
		t.Errorf("%+v", c)
	}
	took := heap() - before
	remembered := int64(0)
	of.deltas.close()
	remembered = took - (heap() - before)
	t.Logf("%d bytes a series for its last value, %d with all that is held between two scrapes", remembered/45_000, took/series)
	if took > 15<<20 {
		t.Errorf("%d bytes are held after five scrapes of %d series: more than 15 MiB", took, series)
	}
	if remembered/45_000 > 100 {
		t.Errorf("a series takes %d bytes to remember, more than 100", remembered/45_000)
	}
	runtime.KeepAlive(s)
}

// A series that is gone is forgotten after a while, and its room is another's.
func TestSeriesThatAreGoneAreForgotten(t *testing.T) {
	t.Parallel()
	b := bound{most: 2}
	d := newDeltas(&b)
	now := noon.UnixMilli()
	f := func(series uint64, value float64, want float64, dropped string) {
		t.Helper()
		if got, why := d.step(series, value, now, now); got != want || why != dropped {
			t.Errorf("got %v %q, want %v %q", got, why, want, dropped)
		}
	}
	f(1, 10, 0, droppedFirst)
	f(2, 10, 0, droppedFirst)
	f(3, 10, 0, droppedSeries)
	now += 60_000
	f(1, 15, 5, "")
	f(1, 15, 0, droppedTime)
	now += idle.Milliseconds() - 30_000
	d.sweep(now, time.Minute)
	f(1, 5, 5, "") // it has begun again
	f(3, 10, 0, droppedFirst)
	if b.used.Load() != 2 {
		t.Error(b.used.Load())
	}
	now += 2 * time.Hour.Milliseconds()
	d.sweep(now, time.Hour) // not seen for less than two and a half intervals
	f(1, 6, 1, "")
	d.close()
	if b.used.Load() != 0 {
		t.Error(b.used.Load())
	}
}

func BenchmarkScrapeOfFiftyThousandSeries(b *testing.B) {
	s, of := aLargeTarget(b, 50_000)
	at := noon
	s.now = func() time.Time { at = at.Add(time.Second); return at }
	b.ReportAllocs()
	for b.Loop() {
		s.scrape(b.Context(), of)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/50_000, "ns/series")
}
