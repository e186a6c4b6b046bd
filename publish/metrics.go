package publish

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"runtime/debug"
	"sync"
	"time"

	"github.com/nephoscope/nephoscope/cloudwatch"
	"go.uber.org/zap"
)

// MetricsAPI is CloudWatch. Errors have a cloudwatch.Class.
type MetricsAPI interface {
	PutMetricData(ctx context.Context, b cloudwatch.MetricBatch) error
}

// MetricsOptions say what data look like when they are sent, and when.
type MetricsOptions struct {
	Namespace string
	Interval  time.Duration // between two flushes
	RollUps   [][]string    // dimension names, a list for each roll-up
	// Bind adds the dimensions of this host. False: they are not known yet; the data wait.
	Bind       func([]cloudwatch.Datum) (bound []cloudwatch.Datum, known bool)
	Spool      string  // folder
	SpoolBytes int64   // that it may take of the disk; 0: 64 MiB
	Budget     *Budget // of series; nil: none
	Log        *zap.Logger
}

// Metrics sends data: gathered between flushes, spooled durably, sent oldest first with their true times.
type Metrics struct {
	MetricsOptions
	api    MetricsAPI
	spool  *spool
	ledger metricLedger
	disk   trouble
	wake   chan struct{}
	full   chan struct{} // says that there is enough for a flush

	mu   sync.Mutex
	data gathered

	unread backoff // of the one that sends: the spool's files that cannot be read
}

// maxGathered is how many data have a flush made at once. Twice as many may wait for one: then the disk hangs, or cannot keep
// up, and the oldest are lost.
const maxGathered = 100_000

// firstFlush is how long after its start the agent sends what it has read by then.
const firstFlush = 300 * time.Millisecond

// NewMetrics opens the spool and sends nothing yet.
func NewMetrics(api MetricsAPI, o MetricsOptions) (*Metrics, error) {
	s, err := openSpool(o.Spool, cmp.Or(o.SpoolBytes, 64<<20))
	if err != nil {
		return nil, err
	}
	return &Metrics{MetricsOptions: o, api: api, spool: s, wake: make(chan struct{}, 1), full: make(chan struct{}, 1)}, nil
}

// Counts is the ledger.
func (m *Metrics) Counts() MetricCounts { return m.ledger.now() }

// Spool is what waits to be sent.
func (m *Metrics) Spool() SpoolState { return m.spool.state() }

// Add takes data into the next flush. It waits for no disk.
func (m *Metrics) Add(data []cloudwatch.Datum) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.data.add(data)
	lost := 0
	if over := m.data.len() - 2*maxGathered; over > 0 {
		lost = max(over, maxGathered/10) // many at once, for to move the others takes its time
		m.data.drop(lost)
	}
	m.ledger.note(func(c *MetricCounts) {
		c.Collected, c.Lost = c.Collected+int64(len(data)), c.Lost+int64(lost)
		c.Gathered += int64(len(data) - lost)
	})
	if m.data.len() > maxGathered {
		signal(m.full)
	}
}

func signal(to chan struct{}) {
	select {
	case to <- struct{}{}:
	default:
	}
}

// Lose counts data that were collected and that nobody took.
func (m *Metrics) Lose(data int) {
	m.ledger.note(func(c *MetricCounts) { c.Collected += int64(data); c.Lost += int64(data) })
}

// Run flushes and sends until ctx is done; what could not be sent by then stays in the spool. The flushes follow the clock
// at a distance that differs from host to host.
func (m *Metrics) Run(ctx context.Context) {
	if n := m.spool.len(); n > 0 {
		m.Log.Info("sending metrics that an earlier run left in the spool", zap.Int("batches", n))
	}
	answered := make(chan bool)
	go func() { answered <- m.sendAll(ctx) }()
	phase := m.Interval/60 + rand.N(m.Interval/20+1)
	next := time.NewTimer(firstFlush)
	defer next.Stop()
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-m.full:
			m.flush(time.Now())
		case <-next.C:
			now := time.Now()
			m.flush(now)
			next.Reset(now.Truncate(m.Interval).Add(m.Interval + phase).Sub(now))
		}
	}
	up := <-answered
	m.flush(time.Now())
	m.bindWaiting()
	if up {
		m.sendLast()
	}
	if n := m.spool.settle(); n > 0 {
		m.ledger.note(func(c *MetricCounts) { c.Dropped += int64(n) })
		m.Log.Error("the spool takes nothing; metrics that were kept in memory are lost", zap.Int("batches", n))
	}
	m.countGivenUp()
	if n := m.spool.len(); n > 0 {
		m.Log.Info("metrics are left in the spool for the next start", zap.Int("batches", n))
	}
}

// flush moves what was gathered into the spool.
func (m *Metrics) flush(now time.Time) {
	m.mu.Lock()
	data := m.data.take()
	m.mu.Unlock()
	if len(data) > 0 {
		m.store(data, now)
	}
	signal(m.wake)
}

// sendAll sends what is in the spool, and what comes into it, until ctx is done. It returns whether the service answered
// to the end.
func (m *Metrics) sendAll(ctx context.Context) (up bool) {
	up = true
	var wait backoff
	// Requests leave garbage that nobody collects before the next flush, because so little happens in between: after several
	// in a row it is given back at once. A flush of one request, however frequent, is not worth it.
	sent := 0
	for ctx.Err() == nil {
		m.bindWaiting()
		switch o, err := m.sendOldest(ctx); o {
		case taken:
			up, wait = true, backoff{}
			sent++
		case stopped:
			up = false
		case refused:
			up = true
			wait.warn(m.Log, "the service calls every metric invalid, as if the namespace were", err)
			wait.wait(ctx)
		case idle:
			up = true
			if sent > 1 {
				debug.FreeOSMemory()
			}
			sent = 0
			var look <-chan time.Time
			if m.spool.len() > 0 { // the host's dimensions may become known, or a file readable
				look = time.After(time.Second)
			}
			select {
			case <-ctx.Done():
			case <-m.wake:
			case <-look:
			}
		}
	}
	return up
}

// bindWaiting gives batches that waited for this host's dimensions what they waited for.
func (m *Metrics) bindWaiting() {
	if _, known := m.Bind(nil); !known {
		return
	}
	for {
		e, raw, err := m.spool.oldest(waiting, time.Now(), cloudwatch.MaxMetricAge)
		if errors.Is(err, fs.ErrNotExist) {
			return
		}
		if err != nil {
			m.putOff(e, err)
			return
		}
		b, err := decode(raw)
		if err != nil {
			m.giveUp(e, err)
			continue
		}
		m.opened(e, b)
		n := MetricCounts{Spooled: -int64(len(b.Data))}
		bound, known := m.Bind(b.Data)
		if !known {
			return
		}
		m.pack(b.Namespace, m.rollUp(bound, &n), ready, e.at, n)
		m.done(e, b)
	}
}

// sendOldest sends the batch that has waited longest. One of which nothing is taken, whatever is sent, goes behind the others:
// they may show whether the fault is in it. The error is why.
func (m *Metrics) sendOldest(ctx context.Context) (outcome, error) {
	e, raw, err := m.spool.oldest(ready, time.Now(), cloudwatch.MaxMetricAge)
	if errors.Is(err, fs.ErrNotExist) {
		return idle, nil
	}
	if err != nil {
		m.putOff(e, err)
		return idle, nil
	}
	b, err := decode(raw)
	if err != nil {
		m.giveUp(e, err)
		return taken, nil
	}
	m.opened(e, b)
	o, err := m.send(ctx, b)
	switch o {
	case taken:
		m.done(e, b)
	case refused:
		m.spool.postpone(e)
	}
	return o, err
}

// opened counts a batch that an earlier publisher left.
func (m *Metrics) opened(e spooled, b cloudwatch.MetricBatch) {
	if e.data > 0 {
		return // it is known
	}
	n := int64(len(b.Data))
	there := m.spool.opened(e, len(b.Data))
	m.ledger.note(func(c *MetricCounts) {
		c.Inherited += n
		if there {
			c.Spooled += n
		} else {
			c.GivenUp += n
		}
	})
}

// done takes out a batch whose data are counted elsewhere by now. One that the spool gave up meanwhile, for want of room, was
// not lost.
func (m *Metrics) done(e spooled, b cloudwatch.MetricBatch) {
	if n := int64(len(b.Data)); !m.spool.done(e) {
		m.ledger.note(func(c *MetricCounts) { c.GivenUp -= n; c.Spooled += n })
	}
}

func (m *Metrics) giveUp(e spooled, err error) {
	m.Log.Error("a spooled metric batch makes no sense and is dropped", zap.String("file", e.name()), zap.Error(err))
	if m.spool.done(e) { // else that is counted
		m.ledger.note(func(c *MetricCounts) { c.Dropped++; c.GivenUp += e.data; c.Spooled -= e.data })
	}
}

// putOff leaves a batch that cannot be read now to a later try: it holds up no other.
func (m *Metrics) putOff(e spooled, err error) {
	m.unread.warn(m.Log, "a spooled metric batch cannot be read", err)
	m.spool.postpone(e)
}

// send returns when the service has taken every datum of a batch that it will ever take. A datum that it calls invalid is
// dropped if others of its batch were taken; if none was, the fault may lie elsewhere.
func (m *Metrics) send(ctx context.Context, b cloudwatch.MetricBatch) (outcome, error) {
	wire, cancel := outlive(ctx)
	defer cancel()
	d := metricDelivery{Metrics: m, wire: wire}
	o := d.sendPart(ctx, b)
	if o == taken && (d.took || len(d.suspects) == 0) { // a part that was taken is counted with the whole: until then all of it may be sent again
		all, invalid := int64(len(b.Data)), int64(len(d.suspects))
		m.ledger.note(func(c *MetricCounts) { c.Spooled -= all; c.Sent += all - invalid; c.Invalid += invalid })
	}
	switch {
	case o == stopped || len(d.suspects) == 0:
		return o, nil
	case !d.took:
		return refused, d.suspects[0]
	}
	m.Log.Error("the service refuses these data as invalid; they are dropped, all others were taken", zap.Int("data", len(d.suspects)), zap.Error(d.suspects[0]))
	return taken, nil
}

// metricDelivery is one batch on its way.
type metricDelivery struct {
	*Metrics
	wire     context.Context // of its requests
	suspects []error         // why a datum alone was called invalid
	took     bool            // the service has taken a part of the batch
}

// sendPart sends a part of the batch. Of one that is called invalid it sends the halves, down to a single datum.
func (d *metricDelivery) sendPart(ctx context.Context, b cloudwatch.MetricBatch) outcome {
	err := d.untilAnswered(ctx, b)
	switch {
	case err == nil:
		d.took = true
		return taken
	case cloudwatch.ClassOf(err) != cloudwatch.Invalid:
		return stopped
	case len(b.Data) == 1:
		d.suspects = append(d.suspects, fmt.Errorf("metric %s: %w", b.Data[0].Name, err))
		if len(d.suspects) >= suspicious && !d.took {
			return refused
		}
		return taken
	}
	half := len(b.Data) / 2
	if o := d.sendPart(ctx, cloudwatch.MetricBatch{Namespace: b.Namespace, Data: b.Data[:half]}); o != taken {
		return o
	}
	return d.sendPart(ctx, cloudwatch.MetricBatch{Namespace: b.Namespace, Data: b.Data[half:]})
}

// untilAnswered repeats a request until it is taken or called invalid, or ctx is done.
func (d *metricDelivery) untilAnswered(ctx context.Context, b cloudwatch.MetricBatch) error {
	var wait backoff
	for {
		own, cancel := attempt(d.wire)
		err := d.api.PutMetricData(own, b)
		cancel()
		if err == nil || cloudwatch.ClassOf(err) == cloudwatch.Invalid {
			if wait.failures > 0 {
				d.Log.Info("the service answers again", zap.Int("failures", wait.failures), zap.Int("batches_spooled", d.spool.len()))
			}
			return err
		}
		wait.warn(d.Log, "metrics were not taken", err)
		if !wait.wait(ctx) {
			return ctx.Err()
		}
	}
}

// sendLast tries each spooled batch once, within the time that a stopping agent has.
func (m *Metrics) sendLast() {
	ctx, cancel := context.WithTimeout(context.Background(), graceTime)
	defer cancel()
	for {
		e, raw, err := m.spool.oldest(ready, time.Now(), cloudwatch.MaxMetricAge)
		var b cloudwatch.MetricBatch
		if err == nil {
			b, err = decode(raw)
		}
		if err == nil {
			err = m.api.PutMetricData(ctx, b)
		}
		if err != nil {
			break
		}
		m.opened(e, b)
		n := int64(len(b.Data))
		m.ledger.note(func(c *MetricCounts) { c.Spooled -= n; c.Sent += n })
		m.done(e, b)
	}
}
