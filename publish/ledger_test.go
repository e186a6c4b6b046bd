package publish

import (
	"context"
	"io"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nephoscope/nephoscope/cloudwatch"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
)

func TestSumOfCountsForgetsNone(t *testing.T) {
	var one, sum MetricCounts
	v := reflect.ValueOf(&one).Elem()
	for i := range v.NumField() {
		v.Field(i).SetInt(int64(i + 1))
	}
	sum.add(one)
	if sum != one {
		t.Errorf("got %+v, want %+v", sum, one)
	}
}

// balanced checks the ledger, and that what it says of the spool is there.
func balanced(t *testing.T, m *Metrics, when string) {
	t.Helper()
	c := m.Counts()
	if !c.Balanced() {
		t.Errorf("%s: does not add up: %+v", when, c)
	}
	in := int64(0)
	m.spool.mu.Lock()
	for _, e := range m.spool.entries {
		in += e.data
	}
	m.spool.mu.Unlock()
	if in != c.Spooled {
		t.Errorf("%s: %d data in the spool, the ledger says %d", when, in, c.Spooled)
	}
}

// Whatever can become of a datum becomes of some here, and the ledger adds up all the while.
func TestLedgerOfMetricsAddsUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir, api := t.TempDir(), &metricService{}
		down, known := time.Now().Add(10*time.Minute), time.Now().Add(3*time.Minute)
		api.fail = func(b cloudwatch.MetricBatch) error {
			if time.Now().Before(down) {
				return fails(cloudwatch.Unavailable)
			}
			for _, d := range b.Data {
				if d.Name == "bad" {
					return fails(cloudwatch.Invalid)
				}
			}
			return nil
		}
		open := func() *Metrics {
			return newMetrics(t, api, dir, func(o *MetricsOptions) {
				o.RollUps = [][]string{{"host"}}
				o.Budget = budget(16, "cpu", "disk")
				o.Bind = func(data []cloudwatch.Datum) ([]cloudwatch.Datum, bool) {
					if time.Now().Before(known) {
						return nil, false
					}
					return bindHost(data)
				}
			})
		}
		work := func(m *Metrics, minutes int) {
			t.Helper()
			ctx, cancel := context.WithCancel(t.Context())
			var running sync.WaitGroup
			running.Go(func() { m.Run(ctx) })
			for i := range minutes {
				data := append(of(cpu, "cpu", 0, 3), of(disk, "path", 0, 10)...)
				bad, alone, nothing, wide := data[0], data[1], data[2], data[3]
				bad.Name, alone.RollUpOnly, nothing.Name, nothing.Values = "bad", true, "nothing", []float64{math.NaN()}
				wide.Values = nil
				for v := range 400 {
					wide.Values = append(wide.Values, float64(v))
				}
				data = append(data, bad, alone, nothing, wide)
				for j := range data {
					data[j].Time, data[j].Resolution = time.Now(), time.Minute
				}
				data = append(data, data[0]) // twice in one moment
				m.Add(data)
				if i == 1 {
					m.Lose(7)
				}
				time.Sleep(30 * time.Second)
				synctest.Wait()
				balanced(t, m, "at work")
				time.Sleep(30 * time.Second)
				synctest.Wait()
				balanced(t, m, "at work")
			}
			cancel()
			running.Wait()
			balanced(t, m, "at the end")
		}
		first := open()
		work(first, 6)
		if c := first.Counts(); c.Spooled == 0 || c.Sent != 0 || c.Lost != 7 || c.OverBudget == 0 || c.Merged == 0 || c.Originals == 0 || c.Empty == 0 || c.Added == 0 || c.Collected != 6*18+7 {
			t.Errorf("during the outage: %+v", c)
		}
		again := open()
		work(again, 10)
		if c := again.Counts(); c.Inherited != first.Counts().Spooled || c.Sent == 0 || c.Invalid == 0 || c.Spooled != 0 || c.Gathered != 0 {
			t.Errorf("after the outage: %+v, inherited %d", c, first.Counts().Spooled)
		}
	})
}

func TestLedgerCountsWhatTheSpoolGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := &metricService{fail: func(cloudwatch.MetricBatch) error { return fails(cloudwatch.Unavailable) }}
		m := newMetrics(t, api, t.TempDir(), func(o *MetricsOptions) { o.SpoolBytes = 200 })
		run(t, m, 30)
		balanced(t, m, "at the end")
		if c := m.Counts(); c.GivenUp == 0 || c.Dropped == 0 || c.GivenUp+c.Spooled != 30 {
			t.Errorf("got %+v", c)
		}
	})
}

// What is in memory alone when the agent stops is lost, and not left for the next start.
func TestLedgerCountsWhatTheDiskNeverTook(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir, api := filepath.Join(t.TempDir(), "spool"), &metricService{fail: func(cloudwatch.MetricBatch) error { return fails(cloudwatch.Unavailable) }}
		core, said := observer.New(zap.InfoLevel)
		m := newMetrics(t, api, dir, func(o *MetricsOptions) { o.Log = zap.New(core) })
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
		run(t, m, 3)
		balanced(t, m, "at the end")
		if c := m.Counts(); c.GivenUp != 3 || c.Dropped != 3 || c.Spooled != 0 {
			t.Errorf("got %+v", c)
		}
		if n := said.FilterMessageSnippet("left in the spool for the next start").Len(); n != 0 {
			t.Error("what is lost is said to be left")
		}
	})
}

func TestDataOfTwoNamespacesTravelApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		got := map[string]int{}
		api := &metricService{fail: func(b cloudwatch.MetricBatch) error { got[b.Namespace] += len(b.Data); return nil }}
		m := newMetrics(t, api, t.TempDir())
		mine, theirs := datum(1, time.Now()), datum(2, time.Now())
		mine.Source, theirs.Source = &cloudwatch.Source{Name: "self_metrics", Namespace: "Own"}, cpu
		m.Add([]cloudwatch.Datum{theirs, mine, theirs, mine})
		run(t, m, 1)
		if got["Own"] != 1 || got["N"] != 1 || len(got) != 2 { // each merged
			t.Errorf("got %v", got)
		}
		balanced(t, m, "at the end")
	})
}

// What the agent says of itself gets its series first, whichever datum comes first.
func TestOwnNamespaceIsAdmittedFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		got := map[string]int{}
		api := &metricService{fail: func(b cloudwatch.MetricBatch) error { got[b.Namespace] += len(b.Data); return nil }}
		o := MetricsOptions{Namespace: "N", Interval: time.Minute, Bind: bindHost, Spool: t.TempDir(), Log: zap.NewNop(), Budget: NewBudget()}
		o.Budget.Configure(1, []string{"self_metrics", "cpu"})
		m, err := NewMetrics(api, o)
		if err != nil {
			t.Fatal(err)
		}
		mine, theirs := datum(1, time.Now()), datum(2, time.Now())
		mine.Source, theirs.Source = &cloudwatch.Source{Name: "self_metrics", Namespace: "Own"}, cpu
		m.Add([]cloudwatch.Datum{theirs, mine})
		run(t, m, 1)
		if got["Own"] != 1 || got["N"] != 0 {
			t.Errorf("got %v", got)
		}
	})
}

func TestWhoBroughtDataIsKnownAfterTheyWaited(t *testing.T) {
	d := datum(1, time.Now())
	d.Source = disk
	b, err := decode(encode(cloudwatch.MetricBatch{Namespace: "N", Data: []cloudwatch.Datum{d, datum(2, time.Now())}}))
	if err != nil || b.Data[0].Source == nil || b.Data[0].Source.Name != "disk" || b.Data[0].Source != b.Data[1].Source {
		t.Errorf("got %+v, %v", b, err)
	}
}

// The budget counts what is billed: a series of which nothing can be sent takes no room, and dimensions that are the same
// once they are what the service takes are one series.
func TestBudgetCountsWhatIsSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api, b := &metricService{}, budget(2, "disk")
		m := newMetrics(t, api, t.TempDir(), func(o *MetricsOptions) { o.Budget = b })
		var data []cloudwatch.Datum
		for i, path := range []string{"/no value", "/\x1bä", "/\x1bö", "/srv", "/new"} {
			d := datum(float64(i), time.Now())
			d.Source, d.Dimensions = disk, cloudwatch.Dimensions("path", path)
			if i == 0 {
				d.Values = []float64{math.NaN()}
			}
			data = append(data, d)
		}
		m.Add(data)
		run(t, m, 0)
		if c := m.Counts(); c.Sent != 3 || c.OverBudget != 1 || c.Empty != 1 || !c.Balanced() {
			t.Errorf("got %+v", c)
		}
		if r := b.State(time.Now()).Plugins[0].Refused; r.Data != 1 || r.Series != 1 {
			t.Errorf("refused: %+v", r)
		}
	})
}

// The spool may give up a batch, for want of room, while it is being looked at.
func TestBatchThatIsGivenUpWhileItIsLookedAtCountsOnce(t *testing.T) {
	f := func(name string, inherited bool, then func(m *Metrics, e spooled, b cloudwatch.MetricBatch), want MetricCounts) {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			m := newMetrics(t, &metricService{}, dir)
			m.Add([]cloudwatch.Datum{datum(1, time.Now())})
			m.flush(time.Now())
			if inherited {
				m = newMetrics(t, &metricService{}, dir)
			}
			e, raw, err := m.spool.oldest(ready, time.Now(), time.Hour)
			if err != nil {
				t.Fatal(err)
			}
			b, err := decode(raw)
			if err != nil {
				t.Fatal(err)
			}
			m.spool.most = 1 // batch: the newest
			other := datum(2, time.Now())
			m.Add([]cloudwatch.Datum{other})
			m.flush(time.Now())
			then(m, e, b)
			balanced(t, m, name)
			want.Spooled, want.Dropped = 1, 1
			if got := m.Counts(); got != want {
				t.Errorf("got %+v\nwant %+v", got, want)
			}
		})
	}
	sent := func(m *Metrics, e spooled, b cloudwatch.MetricBatch) {
		m.opened(e, b)
		if _, err := m.send(t.Context(), b); err != nil {
			t.Error(err)
		}
		m.done(e, b)
	}
	f("own", false, sent, MetricCounts{Collected: 2, Sent: 1})
	f("inherited", true, sent, MetricCounts{Collected: 1, Inherited: 1, Sent: 1})
	f("damaged", false, func(m *Metrics, e spooled, _ cloudwatch.MetricBatch) { m.giveUp(e, io.ErrUnexpectedEOF) }, MetricCounts{Collected: 2, GivenUp: 1})
}
