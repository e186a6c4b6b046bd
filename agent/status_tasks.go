package agent

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nephoscope/nephoscope/cloudwatch"
	"github.com/nephoscope/nephoscope/publish"
	"github.com/nephoscope/nephoscope/tailer"
)

// tasks is where those that run stand while they do, for Status to ask. It is not Agent.running: that one is held for as
// long as a configuration is being applied.
type tasks struct {
	mu    sync.Mutex
	open  map[task]struct{}
	ended tailer.Ledger // of files whose task has ended, without what was pending: another will read that
	ends  int
}

// task is what can tell something of itself.
type task interface {
	show(*Status)
	ledger() tailer.Ledger // what is left of it when it has ended
}

func (t *tasks) begin(one task) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.open == nil {
		t.open = map[task]struct{}{}
	}
	t.open[one] = struct{}{}
}

func (t *tasks) end(one task) {
	left := one.ledger()
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.open, one)
	t.ended.Add(left)
	t.ended.LagBytes, t.ended.LagSince = 0, time.Time{}
	t.ends++
}

// show asks every task. Not with mu held: a file on a disk that hangs holds up whoever asks about it, and nobody else. So
// one may end meanwhile and be counted twice; then everything is asked anew.
func (t *tasks) show(s *Status) {
	fresh := *s
	for range 5 {
		*s = fresh
		t.mu.Lock()
		open := make([]task, 0, len(t.open))
		for one := range t.open {
			open = append(open, one)
		}
		s.Total = t.ended
		before := t.ends
		t.mu.Unlock()
		for _, one := range open {
			one.show(s)
		}
		t.mu.Lock()
		after := t.ends
		t.mu.Unlock()
		if before == after {
			return
		}
	}
}

// waitingTask is one whose log group or stream cannot be named yet.
type waitingTask struct {
	path  string
	since time.Time
}

// filesTask is an entry of collect_list at work.
type filesTask struct {
	path  string
	since time.Time
	entry *tailer.Entry
	logs  *publish.Logs
	named atomic.Bool // log group and stream are known
}

func (f *filesTask) show(s *Status) {
	if !f.named.Load() {
		s.unidentified = append(s.unidentified, waitingTask{f.path, f.since})
	}
	s.Total.Add(f.entry.Ended())
	if len(f.entry.Sources()) == 0 && f.named.Load() {
		s.Absent = append(s.Absent, f.path)
	}
	for _, src := range f.entry.Sources() {
		stream := src.Stream()
		s.Logs = append(s.Logs, LogFile{
			Path: src.Path(), Group: stream.Group, Stream: stream.Name, Ledger: src.Ledger(), Trouble: troubleOf(f.logs.Trouble(src)),
		})
	}
}

func (f *filesTask) ledger() (sum tailer.Ledger) {
	sum = f.entry.Ended()
	for _, src := range f.entry.Sources() {
		l := src.Ledger()
		l.Read.Sub(l.Pending)
		l.Pending = cloudwatch.Amount{}
		sum.Add(l)
	}
	return sum
}

func (w *watchedCollector) ledger() tailer.Ledger { return tailer.Ledger{} }

func (w *watchedCollector) show(s *Status) {
	m := s.metrics()
	l := w.tell()
	if at := slices.IndexFunc(m.Collectors, func(o CollectorLedger) bool { return o.Name == l.Name }); at >= 0 {
		m.Collectors[at].join(l)
		return
	}
	m.Collectors = append(m.Collectors, l)
}

// join makes one of two of a name: one that hangs, which a reload left behind, and the one that took its place.
func (l *CollectorLedger) join(o CollectorLedger) {
	if o.LastRun.After(l.LastRun) {
		*l, o = o, *l
	}
	l.Runs, l.Missed, l.Data, l.Errors = l.Runs+o.Runs, l.Missed+o.Missed, l.Data+o.Data, l.Errors+o.Errors
	l.LastData, l.MaxSeconds = later(l.LastData, o.LastData), max(l.MaxSeconds, o.MaxSeconds)
	if l.working.IsZero() || !o.working.IsZero() && o.working.Before(l.working) {
		l.working = o.working
	}
}

func (s *Status) metrics() *MetricsLedger {
	if s.Metrics == nil {
		s.Metrics = &MetricsLedger{Collectors: []CollectorLedger{}, Listeners: []ListenerLedger{}}
	}
	return s.Metrics
}

// publishing is the publisher of metrics at work.
type publishing struct {
	namespace string
	room      int64 // that the spool may take of the disk
	since     time.Time
	api       *watchedMetrics
	bind      func([]cloudwatch.Datum) ([]cloudwatch.Datum, bool)
	publisher atomic.Pointer[publish.Metrics]
}

func (p *publishing) ledger() tailer.Ledger { return tailer.Ledger{} }

func (p *publishing) show(s *Status) {
	m := s.metrics()
	_, bound := p.bind(nil)
	m.Namespace, m.unbound, m.room = p.namespace, !bound, p.room
	m.Acknowledged = p.api.lastTaken()
	publisher := p.publisher.Load()
	if publisher == nil {
		m.closed = p.since
		return
	}
	n, spool := publisher.Counts(), publisher.Spool()
	m.DataLedger = DataLedger{
		Collected: n.Collected, Inherited: n.Inherited, Added: n.Added, Merged: n.Merged, Originals: n.Originals, OverBudget: n.OverBudget, Empty: n.Empty,
		Sent: n.Sent, Invalid: n.Invalid, GivenUp: n.GivenUp, Lost: n.Lost, Gathered: n.Gathered, SpooledData: n.Spooled,
	}
	m.Refused, m.Dropped = n.Refused, n.Dropped
	m.Spooled, m.SpooledBytes, m.Oldest, m.InMemory = spool.Batches, spool.Bytes, spool.Oldest, spool.InMemory
	if spool.Batches > 0 { // else what the service said last was about a datum that is not waited for
		t := p.api.trouble()
		m.Trouble = troubleOf(t, t.Failures > 0)
	}
}
