package agent

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nephoscope/nephoscope/cloudwatch"
	"github.com/nephoscope/nephoscope/collectors"
	"github.com/nephoscope/nephoscope/listeners"
	"github.com/nephoscope/nephoscope/publish"
	"github.com/nephoscope/nephoscope/tailer"
	"go.uber.org/zap"
)

// fill sets every number in a value, however deep.
func fill(v reflect.Value, n int64) {
	switch {
	case v.Kind() == reflect.Int64:
		v.SetInt(n)
	case v.Type() == reflect.TypeFor[time.Time]():
	case v.Kind() == reflect.Struct:
		for _, f := range v.Fields() {
			fill(f, n)
		}
	default:
		panic("a ledger holds something that this test does not know: " + v.Type().String())
	}
}

func TestSumOfLedgersForgetsNoNumber(t *testing.T) {
	var sum, one, want tailer.Ledger
	fill(reflect.ValueOf(&one).Elem(), 3)
	fill(reflect.ValueOf(&want).Elem(), 6)
	sum.Add(one)
	sum.Add(one)
	if sum != want {
		t.Errorf("got %+v", sum)
	}
}

func TestSumOfLedgersKeepsTheOldestLagAndTheLatestAcknowledgement(t *testing.T) {
	early, late := time.Unix(1, 0), time.Unix(2, 0)
	var sum tailer.Ledger
	for _, l := range []tailer.Ledger{{LagSince: late, Acknowledged: early}, {LagSince: early, Acknowledged: late}, {}} {
		sum.Add(l)
	}
	if sum.LagSince != early || sum.Acknowledged != late {
		t.Errorf("got %v, %v", sum.LagSince, sum.Acknowledged)
	}
}

var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

// waitingFile is a file with something that was found so long ago.
func waitingFile(pending, lag int64, since time.Duration) LogFile {
	return LogFile{Path: "/a.log", Group: "g", Stream: "s", Ledger: tailer.Ledger{
		Pending: cloudwatch.Amount{Bytes: pending}, LagBytes: lag, LagSince: noon.Add(-since)}}
}

func failed(class cloudwatch.Class, ago time.Duration) *Trouble {
	return troubleOf(publish.Trouble{Since: noon.Add(-ago), Failures: 3, Err: &cloudwatch.Failure{Class: class, Err: errors.New("because")}}, true)
}

// judged judges a status that was made by hand.
func judged(change func(*Status)) Status {
	s := Status{Started: noon.Add(-time.Hour)}
	change(&s)
	s.sort()
	s.sum()
	new(judge).judge(&s, noon)
	return s
}

func TestHealthAndItsReasons(t *testing.T) {
	f := func(name string, want Health, reason string, change func(*Status)) {
		t.Helper()
		s := judged(change)
		if s.Health != want || reason == "" && len(s.Reasons) > 0 || reason != "" && (len(s.Reasons) == 0 || !strings.Contains(s.Reasons[0].What, reason)) {
			t.Errorf("%s: got %s %+v, want %s, %q", name, s.Health, s.Reasons, want, reason)
		}
		for _, r := range s.Reasons {
			if r.Hint == "" || r.Since.IsZero() {
				t.Errorf("%s: a reason without a hint or a beginning: %+v", name, r)
			}
		}
	}
	logs := func(files ...LogFile) func(*Status) { return func(s *Status) { s.Logs = files } }
	data := func(m MetricsLedger) func(*Status) { return func(s *Status) { s.Metrics = &m } }
	ago := func(d time.Duration) time.Time { return noon.Add(-d) }

	f("nothing to do", OK, "", logs())
	f("a batch on its way", OK, "", logs(waitingFile(100, 100, 10*time.Second)))
	f("behind", Degraded, "/a.log by 100 bytes", logs(waitingFile(100, 100, 6*time.Minute)))
	f("behind and not even read", Degraded, "/a.log by 100 bytes", logs(waitingFile(0, 100, 6*time.Minute)))
	f("nothing gets through", Failing, "no log event has been acknowledged for 11m", logs(waitingFile(100, 100, 11*time.Minute)))
	other := waitingFile(0, 0, 0)
	other.LagSince, other.Acknowledged = time.Time{}, ago(time.Minute)
	f("something else gets through", Degraded, "behind", logs(waitingFile(100, 100, 11*time.Minute), other))
	f("started a moment ago", Degraded, "behind", func(s *Status) {
		s.Started = ago(time.Minute)
		s.Logs = []LogFile{waitingFile(100, 100, 11*time.Minute)}
	})
	refused := waitingFile(100, 100, time.Minute)
	refused.Trouble = failed(cloudwatch.Denied, time.Minute)
	f("not taken", Degraded, "g/s: denied: because", logs(refused))

	f("metrics sent", OK, "", data(MetricsLedger{Acknowledged: ago(time.Minute)}))
	f("metrics not taken", Degraded, "metrics are not taken, 2 batches spooled: throttled", data(MetricsLedger{Spooled: 2, Oldest: ago(time.Minute), Trouble: failed(cloudwatch.Throttled, time.Minute)}))
	f("metrics not taken for long", Failing, "no metrics have been acknowledged for 20m", data(MetricsLedger{Spooled: 2, Oldest: ago(20 * time.Minute), Trouble: failed(cloudwatch.Throttled, time.Minute)}))
	f("an old spool that is being sent", OK, "", data(MetricsLedger{Spooled: 2, Oldest: ago(20 * time.Hour), Acknowledged: ago(time.Second)}))
	f("nobody knows who this host is", Degraded, "EC2 dimensions", data(MetricsLedger{Spooled: 2, Oldest: ago(2 * time.Minute), unbound: true}))
	f("the same, before anything was flushed", Degraded, "wait for the identity of this instance", func(s *Status) {
		s.Started, s.Metrics = ago(6*time.Second), &MetricsLedger{unbound: true}
	})
	f("who this host is has just been asked", OK, "", func(s *Status) { s.Started, s.Metrics = ago(time.Second), &MetricsLedger{unbound: true} })
	f("the same, for log files", Degraded, "/x.log and 1 more", func(s *Status) {
		s.unidentified = []waitingTask{{"/x.log", ago(time.Minute)}, {"/y.log", ago(time.Minute)}}
	})

	f("the disk takes no checkpoints", Failing, "checkpoints cannot be written: full", func(s *Status) {
		s.disk = publish.Trouble{Since: ago(time.Minute), Failures: 1, Err: errors.New("full")}
	})
	f("nobody took data", Degraded, "7 data of metrics were lost", data(MetricsLedger{DataLedger: DataLedger{Lost: 7}}))
	f("the disk takes no metrics", Failing, "1 batch of metrics in memory", data(MetricsLedger{InMemory: 1, Spooled: 1, Oldest: ago(time.Minute)}))
	f("the spool cannot be opened", Failing, "spool cannot be opened", data(MetricsLedger{closed: ago(time.Minute)}))
	f("the spool is being opened", OK, "", data(MetricsLedger{closed: ago(time.Second)}))

	f("a collector fails", Degraded, "collector disk fails: no", data(MetricsLedger{Collectors: []CollectorLedger{{Name: "disk", LastError: "no", failing: ago(time.Minute)}}}))
	f("a collector failed once", OK, "", data(MetricsLedger{Collectors: []CollectorLedger{{Name: "disk", Errors: 1}}}))
	listening := func(l ListenerLedger) func(*Status) {
		l.Name = "collectd"
		return data(MetricsLedger{Listeners: []ListenerLedger{l}})
	}
	f("a listener that cannot", Degraded, "collectd receives nothing: in use", listening(ListenerLedger{Trouble: &Trouble{Since: ago(time.Minute), Error: "in use"}}))
	f("a buffer that was full", Degraded, "7 datagrams for collectd were dropped: the kernel", listening(ListenerLedger{Dropped: map[string]int64{listeners.Kernel: 7}}))
	f("too many series", Degraded, "1 values for collectd were dropped: of more series", listening(ListenerLedger{Dropped: map[string]int64{listeners.TooMany: 1}}))
	f("senders without a signature", Degraded, "3 datagrams for collectd were refused: not as secure", listening(ListenerLedger{Dropped: map[string]int64{listeners.NotSigned: 3}}))
	f("a sender whose clock is wrong", Degraded, "3 values for collectd were dropped: of a time that CloudWatch refuses", listening(ListenerLedger{Dropped: map[string]int64{listeners.WrongTime: 3}}))
	f("a datagram that is too long", Degraded, "1 datagrams for collectd were dropped: longer than 64 KiB", listening(ListenerLedger{Dropped: map[string]int64{listeners.TooLong: 1}}))
	f("a stranger", Degraded, "of a user that collectd_auth_file does not have", listening(ListenerLedger{Dropped: map[string]int64{listeners.UnknownUser: 1}}))
	f("a wrong password", Degraded, "of a wrong password", listening(ListenerLedger{Dropped: map[string]int64{listeners.WrongPassword: 1}}))
	f("values that collectd does not know", OK, "", listening(ListenerLedger{Malformed: 9, Dropped: map[string]int64{listeners.NotFinite: 9}}))
	f("a collector hangs", Degraded, "collector disk has not come back for 2m", data(MetricsLedger{Collectors: []CollectorLedger{{Name: "disk", Interval: 10, working: ago(2 * time.Minute)}}}))

	offended := func(l PluginSeries, ago time.Duration) func(*Status) {
		l.Since, l.LastRefused = noon.Add(-ago), noon.Add(-ago)
		return data(MetricsLedger{Series: SeriesLedger{Budget: 10, Known: 10, Plugins: []PluginSeries{{Name: "cpu", Known: 10}, l}}})
	}
	f("too many series", Degraded, "the series budget of 10 is used up: about 312 series of disk are refused: the dimension path has about 300 values, such as /overlay", offended(
		PluginSeries{Name: "disk", RefusedSeries: 312, Dimension: "path", Values: 300, Example: "/overlay"}, time.Minute))
	f("too many names", Degraded, "about 7 series of statsd are refused: its metrics have about 7 names, such as user_1", offended(
		PluginSeries{Name: "statsd", RefusedSeries: 7, Values: 7, Example: "user_1"}, time.Minute))
	f("too many long names", Degraded, "such as "+strings.Repeat("é", 80)+"…", offended(
		PluginSeries{Name: "statsd", RefusedSeries: 2, Values: 2, Example: strings.Repeat("é", 1000)}, time.Minute))
	f("too many series some time ago", OK, "", offended(PluginSeries{Name: "disk", RefusedSeries: 312, Values: 3}, 61*time.Minute))

	f("bytes were lost", Degraded, "5 bytes of log files were lost: truncated", logs(LogFile{Ledger: tailer.Ledger{Lost: tailer.Loss{Truncated: 5}}}))
	f("a file was lost", Degraded, "1 log files were lost", logs(LogFile{Ledger: tailer.Ledger{Lost: tailer.Loss{Files: 1}}}))
	f("events were refused", Degraded, "2 log events were refused: more than 14 days old", logs(LogFile{Ledger: tailer.Ledger{Rejected: cloudwatch.Verdict{TooOld: cloudwatch.Amount{Events: 2}}}}))
	f("batches were given up", Degraded, "3 batches", data(MetricsLedger{Dropped: 3}))
	f("the worst comes first", Failing, "checkpoints", func(s *Status) {
		s.Logs = []LogFile{waitingFile(100, 100, 6*time.Minute)}
		s.disk = publish.Trouble{Since: ago(time.Minute), Failures: 1, Err: errors.New("full")}
	})
}

func TestOutageIsOneReasonHoweverManyStreamsWait(t *testing.T) {
	s := judged(func(s *Status) {
		for i := range 10_000 {
			f := waitingFile(1, 1, time.Minute)
			f.Stream, f.Trouble = fmt.Sprint(i), failed(cloudwatch.Unavailable, time.Duration(i)*time.Millisecond)
			s.Logs = append(s.Logs, f)
		}
		s.Logs[0].Trouble = failed(cloudwatch.Denied, time.Second)
	})
	if len(s.Reasons) != 2 || !strings.Contains(s.Reasons[0].What, "9999 log streams are not taken: g/9999: ") {
		t.Errorf("got %d reasons: %+v", len(s.Reasons), s.Reasons[:min(3, len(s.Reasons))])
	}
}

func TestLossIsAReasonForAnHourAfterItWasNoticed(t *testing.T) {
	var j judge
	health := func(lost int64, now time.Time) Health {
		s := Status{Logs: []LogFile{{Ledger: tailer.Ledger{Lost: tailer.Loss{Evicted: lost}}}}}
		s.sum()
		j.judge(&s, now)
		return s.Health
	}
	f := func(lost int64, after time.Duration, want Health) {
		t.Helper()
		if got := health(lost, noon.Add(after)); got != want {
			t.Errorf("%d lost, after %v: got %s, want %s", lost, after, got, want)
		}
	}
	f(0, 0, OK)
	f(5, time.Minute, Degraded)
	f(5, time.Hour, Degraded)
	f(5, 62*time.Minute, OK)
	f(6, 63*time.Minute, Degraded)
	f(0, 64*time.Minute, OK) // an agent that counts anew
	f(6, 65*time.Minute, Degraded)
}

func TestWorstFilesComeFirstAndTheSumsSpeakOfAll(t *testing.T) {
	s := judged(func(s *Status) {
		for i := range 100 {
			s.Logs = append(s.Logs, LogFile{Path: fmt.Sprintf("/%02d", i), Stream: fmt.Sprintf("%02d", i), Ledger: tailer.Ledger{LagBytes: int64(i % 50), Lines: 1}})
		}
	})
	s.Worst(3)
	got := fmt.Sprintf("%d %d %d %s %s %s", s.Files, s.Total.Lines, len(s.Streams), s.Logs[0].Path, s.Logs[1].Path, s.Logs[2].Path)
	if len(s.Logs) != 3 || got != "100 100 3 /49 /99 /48" {
		t.Errorf("got %s", got)
	}
}

// fullDisk keeps nothing.
type fullDisk struct{ err error }

func (d *fullDisk) Get(string) ([]byte, bool) { return nil, false }
func (d *fullDisk) Put(string, []byte) error  { return d.err }
func (d *fullDisk) Delete(string) error       { return d.err }
func (d *fullDisk) Names() []string           { return nil }

func TestDiskThatTakesCheckpointsAgainIsNoTrouble(t *testing.T) {
	disk := &fullDisk{}
	w := &watchedStore{Store: disk}
	f := func(err error, do func() error, failures int) {
		t.Helper()
		disk.err = err
		if got := do(); got != err {
			t.Errorf("got %v", got)
		}
		if got := w.trouble(); got.Failures != failures || failures > 0 && (got.Since.IsZero() || got.Err != err) {
			t.Errorf("got %+v, want %d failures", got, failures)
		}
	}
	full := errors.New("full")
	f(full, func() error { return w.Put("a", nil) }, 1)
	f(full, func() error { return w.Delete("a") }, 2)
	f(nil, func() error { return w.Put("a", nil) }, 0)
	f(full, func() error { return w.Put("a", nil) }, 1)
}

func TestCollectorTellsHowItsRunsWent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &ticker{takes: time.Second} // which always fails, in part
		w := &watchedCollector{Collector: c, name: "c", interval: time.Minute}
		began := time.Now()
		var work sync.WaitGroup
		work.Go(func() { _, _ = w.Collect(t.Context(), began) })
		synctest.Wait()
		if got := w.tell(); got.working != began || got.LastRun != began || !got.LastData.IsZero() {
			t.Errorf("while it works: %+v", got)
		}
		work.Wait()
		if got := w.tell(); !got.working.IsZero() || got.LastData != began || got.Errors != 1 || got.LastError != "only half of it" || got.failing != began {
			t.Errorf("after it failed: %+v", got)
		}
		stopped, stop := context.WithCancel(t.Context())
		stop()
		_, _ = w.Collect(stopped, began)
		if got := w.tell(); got.Errors != 1 {
			t.Errorf("being stopped counts as a failure: %+v", got)
		}
		w.Collector = steady{}
		_, _ = w.Collect(t.Context(), began)
		if got := w.tell(); got.Errors != 1 || got.LastError != "" || !got.failing.IsZero() {
			t.Errorf("after it worked: %+v", got)
		}
	})
}

func TestCollectorCountsItsRunsAndWhatItMissed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &ticker{takes: 25 * time.Second}
		w := &watchedCollector{Collector: c, name: "c", interval: 10 * time.Second}
		ctx, cancel := context.WithTimeout(t.Context(), 118*time.Second)
		defer cancel()
		s := schedule{name: "c", interval: w.interval, collector: w, add: func([]cloudwatch.Datum) {}, log: zap.NewNop()}
		s.run(ctx) // at 0, 30, 60 and 90 s, and the moments between are missed
		got := w.tell()
		if got.Runs != 4 || got.Missed != 6 || got.Data != 4 || got.LastSeconds != 25 || got.MaxSeconds != 25 {
			t.Errorf("got %+v", got)
		}
		c.takes = time.Second
		_, _ = w.Collect(t.Context(), time.Now())
		if got := w.tell(); got.LastSeconds != 1 || got.MaxSeconds != 25 {
			t.Errorf("got %+v", got)
		}
	})
}

// What a clock that was set ahead passed over, nobody has missed.
func TestClockThatIsSetAheadMissesNothing(t *testing.T) {
	w := &watchedCollector{interval: 10 * time.Second}
	f := func(moment time.Time, elapsed time.Duration, missed int64) {
		t.Helper()
		if w.miss(moment, elapsed); w.missed != missed {
			t.Errorf("at %s, after %s: %d missed, want %d", moment.Format(time.TimeOnly), elapsed, w.missed, missed)
		}
	}
	f(noon, 0, 0)
	f(noon.Add(10*time.Second), 10*time.Second+time.Millisecond, 0)
	f(noon.Add(72*time.Hour), 9*time.Second, 0)
	f(noon.Add(72*time.Hour+30*time.Second), 30*time.Second-time.Millisecond, 2)
	f(noon, 10*time.Second, 2) // set back
}

// One that hangs was left behind by a reload, and another took its place: two of one name would be two series of one name.
func TestCollectorAndTheOneItReplacedAreOne(t *testing.T) {
	noon := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	left := &watchedCollector{name: "disk", asked: noon.Add(-time.Hour), working: true, runs: 7, missed: 1, data: 70, errors: 3, last: errors.New("hangs"), took: time.Second, longest: 9 * time.Second}
	now := &watchedCollector{name: "disk", asked: noon, brought: noon, runs: 2, data: 20, errors: 1, took: 2 * time.Second, longest: 2 * time.Second}
	for _, order := range [][]*watchedCollector{{left, now}, {now, left}} {
		var s Status
		for _, w := range order {
			w.show(&s)
		}
		want := CollectorLedger{Name: "disk", LastRun: noon, LastData: noon, Runs: 9, Missed: 1, Data: 90, LastSeconds: 2, MaxSeconds: 9, Errors: 4, working: noon.Add(-time.Hour)}
		if got := s.Metrics.Collectors; !reflect.DeepEqual(got, []CollectorLedger{want}) {
			t.Errorf("got %+v", got)
		}
		exposed(t, (&labels{}).prometheus(s))
	}
}

type steady struct{}

func (steady) Collect(context.Context, time.Time) ([]cloudwatch.Datum, error) { return nil, nil }

func TestWatchedCollectorStillAdvises(t *testing.T) {
	var c collectors.Collector = &watchedCollector{Collector: steady{}}
	adviser, ok := c.(collectors.Adviser)
	if !ok || adviser.Advise(t.Context()) != nil {
		t.Error("advice where there is none")
	}
}

// newAgent makes an agent that lives as long as the test.
func newAgent(t *testing.T, log *zap.Logger) *Agent {
	t.Helper()
	a, err := New(Env{StateDir: filepath.Join(t.TempDir(), "state"), Mode: OnPremise, Cloud: &sky{region: "eu-west-1"}, Log: log, Version: "1.2.3", ConfigFiles: []string{"c.json", "-"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = a.Close() })
	return a
}

// withLogs is a configuration of one file, all of whose lines are filtered out: no service is needed.
func withLogs(path, group string) string {
	return fmt.Sprintf(`{"agent": {"region": "eu-west-1"}, "logs": {"force_flush_interval": 1, "logs_collected": {"files": {"collect_list": [
		{"file_path": %q, "log_group_name": %q, "log_stream_name": "s", "filters": [{"type": "exclude", "expression": "."}]}]}}}}`, path, group)
}

// eventually waits for a condition; that it comes true at all is the point.
func eventually(t *testing.T, holds func() bool) {
	t.Helper()
	look := time.NewTicker(10 * time.Millisecond)
	defer look.Stop()
	deadline := time.After(30 * time.Second)
	for !holds() {
		select {
		case <-look.C:
		case <-deadline:
			t.Fatal("never happened")
		}
	}
}

func TestWhatEndedStaysInTheTotal(t *testing.T) {
	log, _ := logged()
	a := newAgent(t, log)
	path := filepath.Join(t.TempDir(), "a.log")
	if err := os.WriteFile(path, []byte("one\ntwo\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := a.Apply(parse(t, withLogs(path, "g"))); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() bool { return a.Status().Total.Filtered.Events == 2 })
	s := a.Status()
	if len(s.Logs) != 1 || s.Logs[0].Path != path || s.Logs[0].Group != "g" || len(s.Streams) != 1 || s.Region != "eu-west-1" || s.Version != "1.2.3" {
		t.Errorf("got %+v", s)
	}
	if len(s.ConfigFiles) != 2 || !filepath.IsAbs(s.ConfigFiles[0]) || s.ConfigFiles[1] != "-" {
		t.Errorf("configuration %q", s.ConfigFiles)
	}
	if err := a.Apply(parse(t, withLogs(filepath.Join(t.TempDir(), "other"), "g"))); err != nil {
		t.Fatal(err)
	}
	s = a.Status()
	if s.Files != 0 || s.Total.Filtered.Events != 2 || !s.Total.Balanced() {
		t.Errorf("after the task ended: %d files, %+v", s.Files, s.Total)
	}
}

func TestStatusWhileConfigurationsAreApplied(t *testing.T) {
	log, _ := logged()
	a := newAgent(t, log)
	dir := t.TempDir()
	for _, name := range []string{"a", "b"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("one\ntwo\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	var work sync.WaitGroup
	for range 2 {
		work.Go(func() {
			for most := int64(0); ctx.Err() == nil; {
				s := a.Status()
				if !s.Total.Balanced() || s.Total.Filtered.Events < most {
					t.Errorf("got %+v after %d filtered events", s.Total, most)
					return
				}
				most = s.Total.Filtered.Events
			}
		})
	}
	for i := range 20 {
		if err := a.Apply(parse(t, withLogs(filepath.Join(dir, []string{"a", "b"}[i%2]), fmt.Sprint("g", i)))); err != nil {
			t.Fatal(err)
		}
	}
	cancel()
	work.Wait()
}

func TestWhatWasPendingAtTheEndIsLeftToWhoeverReadsItNext(t *testing.T) {
	log, _ := logged()
	a := newAgent(t, log)
	path := filepath.Join(t.TempDir(), "a.log")
	if err := os.WriteFile(path, []byte("one\ntwo\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	unfiltered := strings.Replace(withLogs(path, "g"), `"exclude"`, `"include"`, 1) // and the service takes nothing
	if err := a.Apply(parse(t, unfiltered)); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() bool { return a.Status().Total.Pending.Events > 0 })
	if err := a.Apply(parse(t, withLogs(filepath.Join(t.TempDir(), "other"), "g"))); err != nil {
		t.Fatal(err)
	}
	if got := a.Status().Total; got.Pending.Events != 0 || got.Read.Events != 0 || got.LagBytes != 0 || !got.Balanced() {
		t.Errorf("got %+v", got)
	}
}

// leaving is a task that ends while it is asked.
type leaving struct{ tasks *tasks }

func (l *leaving) ledger() tailer.Ledger { return tailer.Ledger{Lines: 1} }

func (l *leaving) show(s *Status) {
	s.Logs = append(s.Logs, LogFile{Ledger: l.ledger()})
	l.tasks.end(l)
}

func TestTaskThatEndsWhileItIsAskedCountsOnce(t *testing.T) {
	var all tasks
	all.begin(&leaving{&all})
	var s Status
	all.show(&s)
	s.sum()
	if s.Total.Lines != 1 || s.Files != 0 {
		t.Errorf("counted %d times, with %d files", s.Total.Lines, s.Files)
	}
}
