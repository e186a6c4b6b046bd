package agent

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/nephoscope/nephoscope/cloudwatch"
	"github.com/nephoscope/nephoscope/collectors"
	"github.com/nephoscope/nephoscope/config"
	"github.com/nephoscope/nephoscope/publish"
	"github.com/nephoscope/nephoscope/tailer"
)

// watch remembers how something went that is done again and again.
type watch struct {
	mu   sync.Mutex
	bad  publish.Trouble // Failures 0: it went well the last time
	good time.Time       // when it last went well
}

func (w *watch) note(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := time.Now()
	if err == nil {
		w.bad, w.good = publish.Trouble{}, now
		return
	}
	if w.bad.Failures == 0 {
		w.bad.Since = now
	}
	w.bad.Failures++
	w.bad.Err = err
}

func (w *watch) trouble() publish.Trouble {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.bad
}

func (w *watch) lastTaken() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.good
}

// watchedStore keeps checkpoints, and remembers whether the disk takes them.
type watchedStore struct {
	tailer.Store
	watch
}

func (s *watchedStore) Put(name string, value []byte) error {
	err := s.Store.Put(name, value)
	s.note(err)
	return err
}

func (s *watchedStore) Delete(name string) error {
	err := s.Store.Delete(name)
	s.note(err)
	return err
}

// watchedMetrics sends metrics, and remembers whether the service takes them.
type watchedMetrics struct {
	publish.MetricsAPI
	watch
}

func (m *watchedMetrics) PutMetricData(ctx context.Context, b cloudwatch.MetricBatch) error {
	err := m.MetricsAPI.PutMetricData(ctx, b)
	m.note(err)
	return err
}

// watchedCollector collects, and remembers how that went.
type watchedCollector struct {
	collectors.Collector
	name     string
	interval time.Duration

	mu             sync.Mutex
	asked, brought time.Time
	moment         time.Time // that it was last asked about
	back           time.Time // when it was done the last time
	working        bool
	runs, missed   int64
	data, errors   int64
	took, longest  time.Duration
	failing        time.Time // since when; zero: it went well the last time
	last           error
}

func (w *watchedCollector) Collect(ctx context.Context, now time.Time) ([]cloudwatch.Datum, error) {
	w.mu.Lock()
	before := w.asked
	w.asked, w.working = time.Now(), true
	w.miss(now, w.asked.Sub(before))
	w.mu.Unlock()
	data, err := w.Collector.Collect(ctx, now)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.working, w.back = false, time.Now()
	w.runs++
	w.data += int64(len(data))
	w.took = w.back.Sub(w.asked)
	w.longest = max(w.longest, w.took)
	if len(data) > 0 {
		w.brought = w.asked
	}
	_, notice := errors.AsType[collectors.Notice](err)
	switch {
	case err == nil || notice:
		w.failing, w.last = time.Time{}, nil
	case ctx.Err() == nil: // else it was told to stop
		w.errors++
		w.last = err
		if w.failing.IsZero() {
			w.failing = w.asked
		}
	}
	return data, err
}

// miss counts the moments of the interval that passed since the last one. A clock that was set ahead has passed them over: no more
// are missed than there was time for.
func (w *watchedCollector) miss(now time.Time, elapsed time.Duration) {
	if w.interval <= 0 {
		return
	}
	moment := now.Truncate(w.interval)
	if passed := min(moment.Sub(w.moment), elapsed.Round(w.interval)) / w.interval; !w.moment.IsZero() && passed > 1 {
		w.missed += int64(passed) - 1
	}
	w.moment = moment
}

// idle is how long nobody has asked it for anything; 0: it is at work, or was never asked.
func (w *watchedCollector) idle(now time.Time) time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.working || w.back.IsZero() {
		return 0
	}
	return now.Sub(w.back)
}

// Advise passes on what the collector knows of this host.
func (w *watchedCollector) Advise(ctx context.Context) []config.Problem {
	if adviser, ok := w.Collector.(collectors.Adviser); ok {
		return adviser.Advise(ctx)
	}
	return nil
}

func (w *watchedCollector) tell() CollectorLedger {
	w.mu.Lock()
	defer w.mu.Unlock()
	l := CollectorLedger{
		Name: w.name, Interval: int64(w.interval.Seconds()), LastRun: w.asked, LastData: w.brought, Errors: w.errors, failing: w.failing,
		Runs: w.runs, Missed: w.missed, Data: w.data, LastSeconds: w.took.Seconds(), MaxSeconds: w.longest.Seconds(),
	}
	if w.last != nil {
		l.LastError = w.last.Error()
	}
	if w.working {
		l.working = w.asked
	}
	return l
}
