package publish

import (
	"context"
	"encoding/binary"
	"hash/crc32"
	"math"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nephoscope/nephoscope/cloudwatch"
	"go.uber.org/zap"
)

type metricService struct {
	mu   sync.Mutex
	fail func(cloudwatch.MetricBatch) error
	data []cloudwatch.Datum
}

func (s *metricService) PutMetricData(_ context.Context, b cloudwatch.MetricBatch) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fail != nil {
		if err := s.fail(b); err != nil {
			return err
		}
	}
	s.data = append(s.data, b.Data...)
	return nil
}

func (s *metricService) values() (all []float64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, d := range s.data {
		all = append(all, d.Values...)
	}
	return all
}

func bindHost(data []cloudwatch.Datum) ([]cloudwatch.Datum, bool) {
	return cloudwatch.Bind(data, cloudwatch.Dimensions("host", "h"), nil), true
}

func datum(value float64, at time.Time) cloudwatch.Datum {
	return cloudwatch.Datum{Name: "m", Time: at, Resolution: time.Minute, Values: []float64{value}}
}

func newMetrics(t *testing.T, api MetricsAPI, dir string, change ...func(*MetricsOptions)) *Metrics {
	t.Helper()
	o := MetricsOptions{Namespace: "N", Interval: time.Minute, Bind: bindHost, Spool: dir, Log: zap.NewNop()}
	for _, c := range change {
		c(&o)
	}
	m, err := NewMetrics(api, o)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// run lets a publisher run for a while, with one datum a minute.
func run(t *testing.T, m *Metrics, minutes int) (want []float64) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var work sync.WaitGroup
	work.Go(func() { m.Run(ctx) })
	for i := range minutes {
		m.Add([]cloudwatch.Datum{datum(float64(i), time.Now())})
		want = append(want, float64(i))
		time.Sleep(time.Minute)
	}
	cancel()
	work.Wait()
	return want
}

func TestOutageOfHoursIsFilledInWithTrueTimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := &metricService{}
		up := time.Now().Add(2 * time.Hour)
		api.fail = func(cloudwatch.MetricBatch) error {
			if time.Now().Before(up) {
				return fails(cloudwatch.Unavailable)
			}
			return nil
		}
		began := time.Now()
		want := run(t, newMetrics(t, api, t.TempDir()), 150)
		if !slices.Equal(api.values(), want) {
			t.Errorf("got %v", api.values())
		}
		for i, d := range api.data {
			if at := began.Add(time.Duration(i) * time.Minute); !d.Time.Equal(at) {
				t.Fatalf("datum %d: time %v, want %v", i, d.Time, at)
			}
		}
	})
}

func TestDataWaitForTheDimensionsOfTheHost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := &metricService{}
		known := time.Now().Add(10 * time.Minute)
		want := run(t, newMetrics(t, api, t.TempDir(), func(o *MetricsOptions) {
			o.Bind = func(data []cloudwatch.Datum) ([]cloudwatch.Datum, bool) {
				bound, _ := bindHost(data)
				return bound, time.Now().After(known)
			}
		}), 15)
		if !slices.Equal(api.values(), want) {
			t.Errorf("got %v", api.values())
		}
		for _, d := range api.data {
			if len(d.Dimensions) != 1 {
				t.Fatalf("sent without its dimension: %v", d)
			}
		}
	})
}

func TestSpoolSurvivesTheAgent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir, api := t.TempDir(), &metricService{}
		api.fail = func(cloudwatch.MetricBatch) error { return fails(cloudwatch.Unavailable) }
		want := run(t, newMetrics(t, api, dir), 5)
		api.fail = nil
		run(t, newMetrics(t, api, dir), 0)
		if !slices.Equal(api.values(), want) {
			t.Errorf("got %v, want %v", api.values(), want)
		}
		if left, _ := os.ReadDir(dir); len(left) != 0 {
			t.Errorf("left in the spool: %v", left)
		}
	})
}

func TestSpoolThatTakesNothingIsReplacedByMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir, api := filepath.Join(t.TempDir(), "spool"), &metricService{}
		m := newMetrics(t, api, dir)
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
		want := run(t, m, 3)
		if !slices.Equal(api.values(), want) {
			t.Errorf("got %v, want %v", api.values(), want)
		}
	})
}

func TestSpoolIsBoundedAndGivesUpItsOldest(t *testing.T) {
	dir := t.TempDir()
	s, err := openSpool(dir, 64<<20)
	if err != nil {
		t.Fatal(err)
	}
	half := make([]byte, 32<<20)
	for i := range 3 {
		half[0] = byte(i)
		if err := s.put(half, 1, ready, time.Unix(int64(i), 0)); err != nil {
			t.Fatal(err)
		}
	}
	if _, raw, _ := s.oldest(ready, time.Unix(3, 0), time.Hour); raw[0] != 1 {
		t.Errorf("batch %d is the oldest, want 1", raw[0])
	}
	if gone := s.given(); gone != (givenUp{overflowed: 1, data: 1}) {
		t.Errorf("gave up %+v", gone)
	}
	if _, _, err := s.oldest(ready, time.Unix(3, 0).Add(time.Hour), time.Hour); !os.IsNotExist(err) {
		t.Errorf("a batch outlived its age: %v", err)
	}
	if gone := s.given(); gone.outdated != 2 {
		t.Errorf("%d counted as too old, want 2", gone.outdated)
	}
}

func TestForeignFilesInTheSpoolAreLeftAlone(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"README", "12x.ready", "7.other"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s, err := openSpool(dir, 64<<20)
	if err != nil || s.len() != 0 {
		t.Errorf("got %d batches, %v", s.len(), err)
	}
	if left, _ := os.ReadDir(dir); len(left) != 3 {
		t.Errorf("left: %v", left)
	}
}

func TestDamagedBatchIsDroppedAndCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir, api := t.TempDir(), &metricService{}
		if err := os.WriteFile(filepath.Join(dir, "0946684800000000000.ready"), []byte("{torn"), 0o600); err != nil {
			t.Fatal(err)
		}
		m := newMetrics(t, api, dir)
		want := run(t, m, 2)
		if !slices.Equal(api.values(), want) || m.Counts().Dropped != 1 {
			t.Errorf("got %v, %d dropped", api.values(), m.Counts().Dropped)
		}
	})
}

func TestInvalidDatumIsDroppedAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := &metricService{}
		api.fail = func(b cloudwatch.MetricBatch) error {
			if slices.ContainsFunc(b.Data, func(d cloudwatch.Datum) bool { return d.Name == "bad" }) {
				return fails(cloudwatch.Invalid)
			}
			return nil
		}
		m := newMetrics(t, api, t.TempDir())
		bad := datum(99, time.Now())
		bad.Name = "bad"
		m.Add([]cloudwatch.Datum{datum(1, time.Now()), bad})
		run(t, m, 1)
		if slices.Contains(api.values(), 99) || !slices.Contains(api.values(), 1) || m.Counts().Invalid != 1 {
			t.Errorf("got %v, %d invalid", api.values(), m.Counts().Invalid)
		}
	})
}

func TestValuesThatAreNoNumbersAreCountedEvenWhileWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api, known := &metricService{}, time.Now().Add(90*time.Second)
		m := newMetrics(t, api, t.TempDir(), func(o *MetricsOptions) {
			o.Bind = func(data []cloudwatch.Datum) ([]cloudwatch.Datum, bool) {
				bound, _ := bindHost(data)
				return bound, time.Now().After(known)
			}
		})
		m.Add([]cloudwatch.Datum{datum(math.NaN(), time.Now()), datum(7, time.Now().Add(-time.Hour))})
		run(t, m, 3)
		if !slices.Contains(api.values(), 7) || m.Counts().Refused != 1 {
			t.Errorf("got %v, %d refused", api.values(), m.Counts().Refused)
		}
	})
}

func TestInvalidDatumThatComesFirstHoldsUpNothing(t *testing.T) {
	f := func(together bool) {
		t.Helper()
		synctest.Test(t, func(t *testing.T) {
			api, dir := &metricService{}, t.TempDir()
			isBad := func(d cloudwatch.Datum) bool { return d.Name == "bad" }
			api.fail = func(cloudwatch.MetricBatch) error { return fails(cloudwatch.Unavailable) }
			m := newMetrics(t, api, dir)
			bad := datum(99, time.Now())
			bad.Name = "bad"
			m.Add([]cloudwatch.Datum{bad})
			if !together {
				run(t, m, 1) // it is all that an earlier run left
				m = newMetrics(t, api, dir)
			}
			api.fail = func(b cloudwatch.MetricBatch) error {
				if slices.ContainsFunc(b.Data, isBad) {
					return fails(cloudwatch.Invalid)
				}
				return nil
			}
			want := run(t, m, 10)
			got := api.values()
			if slices.Sort(got); !together {
				want = append(want, 0) // of the earlier run
				slices.Sort(want)
			}
			if !slices.Equal(got, want) || m.Counts().Invalid != 1 {
				t.Errorf("together %v: got %v, want %v, %d invalid", together, got, want, m.Counts().Invalid)
			}
		})
	}
	f(true)
	f(false)
}

func TestServiceThatCallsEveryMetricInvalidCostsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := &metricService{}
		up := time.Now().Add(30 * time.Minute)
		api.fail = func(cloudwatch.MetricBatch) error {
			if time.Now().Before(up) {
				return fails(cloudwatch.Invalid)
			}
			return nil
		}
		m := newMetrics(t, api, t.TempDir())
		want := run(t, m, 40)
		got := api.values()
		if slices.Sort(got); !slices.Equal(got, want) || m.Counts().Invalid != 0 {
			t.Errorf("got %v, %d invalid", got, m.Counts().Invalid)
		}
	})
}

func TestMemoryThatIsFullGivesUpNothingOfTheDisk(t *testing.T) {
	s, err := openSpool(t.TempDir(), 64<<20)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	for range 10 {
		if err := s.put([]byte("on disk"), 1, ready, now); err != nil {
			t.Fatal(err)
		}
	}
	dir := s.dir
	s.dir = filepath.Join(dir, "full") // takes nothing from now on
	for range 3 {
		if err := s.put(make([]byte, maxSpoolMemory/2), 1, ready, now); err == nil {
			t.Fatal("a folder that is not there took a batch")
		}
	}
	if n := s.len(); n != 12 {
		t.Errorf("%d batches are left, want 10 on disk and 2 in memory", n)
	}
	s.dir = dir // the disk takes something again
	if err := s.put([]byte("on disk"), 1, ready, now); err != nil || s.inMem != 0 {
		t.Errorf("%d bytes are still in memory, %v", s.inMem, err)
	}
	again, err := openSpool(dir, 64<<20)
	if err != nil || again.len() != 13 || again.bytes != s.bytes {
		t.Errorf("the next start finds %d batches of %d bytes, want 13 of %d; %v", again.len(), again.bytes, s.bytes, err)
	}
}

func TestMemoryIsWrittenDownOrCountedAtTheEnd(t *testing.T) {
	f := func(diskBack bool) {
		t.Helper()
		synctest.Test(t, func(t *testing.T) {
			dir, api := filepath.Join(t.TempDir(), "spool"), &metricService{}
			api.fail = func(cloudwatch.MetricBatch) error { return fails(cloudwatch.Unavailable) }
			m := newMetrics(t, api, dir)
			if err := os.Remove(dir); err != nil {
				t.Fatal(err)
			}
			if diskBack {
				time.AfterFunc(119*time.Second, func() { _ = os.Mkdir(dir, 0o700) })
			}
			run(t, m, 2)
			left, _ := os.ReadDir(dir)
			if n := m.Counts().Dropped; diskBack != (n == 0) || diskBack != (len(left) > 0) || len(left) != m.spool.len() || !diskBack && n != 2 {
				t.Errorf("disk back %v: %d files, %d batches counted as dropped, %d left", diskBack, len(left), n, m.spool.len())
			}
		})
	}
	f(true)
	f(false)
}

func TestBatchThatCannotBeReadHoldsUpNothingAndStays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir, api := t.TempDir(), &metricService{}
		names := []string{filepath.Join(dir, "0946684700000000000.ready"), filepath.Join(dir, "0946684700000000001.waiting")}
		for _, name := range names {
			if err := os.Mkdir(name, 0o700); err != nil { // root can read everything but a folder
				t.Fatal(err)
			}
		}
		m := newMetrics(t, api, dir)
		want := run(t, m, 3)
		if !slices.Equal(api.values(), want) || m.Counts().Dropped != 0 {
			t.Errorf("got %v, %d dropped", api.values(), m.Counts().Dropped)
		}
		for _, name := range names {
			if _, err := os.Stat(name); err != nil {
				t.Error(err)
			}
		}
	})
}

// Whatever a spooled file holds, it is given up, or sent within the limits of a request; it never ends the agent.
func FuzzSpooledFile(f *testing.F) {
	host := cloudwatch.Dimensions("host", "h", "cpu", "cpu0")
	whole := encode(cloudwatch.MetricBatch{Namespace: "N", Data: []cloudwatch.Datum{
		{Name: "m", Dimensions: host, Time: time.Now(), Unit: cloudwatch.Percent, Resolution: time.Second, Values: []float64{1, 2}, Counts: []float64{3, 1}},
		{Name: "m", Dimensions: host, Time: time.Now(), Resolution: time.Minute, Values: []float64{math.NaN()}, RollUpOnly: true},
	}})
	f.Add(whole[:len(whole)-4], true)
	f.Add(whole[:len(whole)-13], false)
	f.Add(encode(cloudwatch.MetricBatch{Namespace: "N"})[:len(fileMark)+4], false)
	f.Add([]byte{}, true)
	f.Fuzz(func(t *testing.T, raw []byte, isReady bool) {
		raw = binary.LittleEndian.AppendUint32(raw, crc32.ChecksumIEEE(raw)) // or nothing would get past it
		dir, in := t.TempDir(), waiting
		if isReady {
			in = ready
		}
		if err := os.WriteFile(filepath.Join(dir, "0946684800000000000"+string(in)), raw, 0o600); err != nil {
			t.Fatal(err)
		}
		api := &metricService{fail: func(b cloudwatch.MetricBatch) error {
			if len(b.Data) == 0 {
				t.Error("a request without data")
			}
			for _, d := range b.Data {
				if len(d.Values) == 0 || d.Counts != nil && len(d.Counts) != len(d.Values) {
					t.Errorf("a datum with %d values and %d counts", len(d.Values), len(d.Counts))
				}
			}
			return nil
		}}
		m := newMetrics(t, api, dir, func(o *MetricsOptions) { o.RollUps = [][]string{{}, {"host"}} })
		m.spool.entries[0].at = time.Now() // young enough
		if err := os.Rename(filepath.Join(dir, "0946684800000000000"+string(in)), filepath.Join(dir, m.spool.entries[0].name())); err != nil {
			t.Fatal(err)
		}
		m.bindWaiting()
		for o := taken; o == taken; {
			o, _ = m.sendOldest(t.Context())
		}
		if n := m.spool.len(); n != 0 {
			t.Errorf("%d batches stay", n)
		}
	})
}

func TestServiceThatComesToCallEveryMetricInvalidCostsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := &metricService{}
		began := time.Now()
		api.fail = func(cloudwatch.MetricBatch) error {
			if after := time.Since(began); after > 5*time.Minute && after < time.Hour {
				return fails(cloudwatch.Invalid)
			}
			return nil
		}
		m := newMetrics(t, api, t.TempDir())
		want := run(t, m, 90)
		got := api.values()
		slices.Sort(got) // a batch of which nothing was taken lets others pass
		if !slices.Equal(got, want) || m.Counts().Invalid != 0 {
			t.Errorf("%d of %d data arrived, %d were dropped", len(got), len(want), m.Counts().Invalid)
		}
	})
}

// A disk that hangs holds up no collector, and takes no more memory than what is bounded.
func TestCollectorsDoNotWaitForTheDisk(t *testing.T) {
	m := newMetrics(t, &metricService{}, t.TempDir())
	m.spool.mu.Lock() // as if the disk did not come back
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { m.Run(ctx) })
	many := make([]cloudwatch.Datum, maxGathered/2)
	for i := range many {
		many[i] = datum(float64(i), time.Now())
	}
	for range 10 { // of which those of one flush may be on their way to the disk
		m.Add(many)
	}
	m.mu.Lock()
	n := m.data.len()
	m.mu.Unlock()
	if c := m.Counts(); n > 2*maxGathered || c.Lost == 0 || !c.Balanced() {
		t.Errorf("%d data gathered: %+v", n, c)
	}
	stop()
	m.spool.mu.Unlock()
	running.Wait()
	balanced(t, m, "when the disk came back")
}
