package publish

import (
	"context"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nephoscope/nephoscope/cloudwatch"
	"go.uber.org/zap"
)

// EventSource is asked for events, and told when they have been acknowledged.
type EventSource interface {
	// Stream is where the events go.
	Stream() cloudwatch.LogStream
	// Fill puts events into b until it is full, the flush interval has passed, or ctx is done. Mark 0: there is nothing to do
	// until the source is woken again.
	Fill(ctx context.Context, b *cloudwatch.LogBatch) (mark uint64, err error)
	// Commit makes it durable that everything up to mark is delivered. Marks are committed in order.
	Commit(mark uint64) error
}

// LogsAPI is CloudWatch Logs. Errors have a cloudwatch.Class.
type LogsAPI interface {
	PutLogEvents(ctx context.Context, s cloudwatch.LogStream, b *cloudwatch.LogBatch) (cloudwatch.Refused, error)
	CreateLogGroup(ctx context.Context, s cloudwatch.LogStream) error
	CreateLogStream(ctx context.Context, s cloudwatch.LogStream) error
	PutRetention(ctx context.Context, s cloudwatch.LogStream) error
}

// retentionSpread is the time over which the hosts of a fleet spread the look at their groups' retention after a start.
const retentionSpread = 30 * time.Second

// onTheWire is how many requests with events may be under way at once. Each holds a compressor of some hundred kilobytes; a
// thousand files that flush at the same moment take their turns within milliseconds.
const onTheWire = 8

// Logs ships the events of sources. A source has a goroutine only while it has something to ship.
type Logs struct {
	api     LogsAPI
	log     *zap.Logger
	batches sync.Pool
	slots   chan struct{} // as many as requests may be under way
	disk    trouble

	mu       sync.Mutex
	shipping map[EventSource]*shipment
	tallies  map[cloudwatch.LogStream]*Tally
	retained map[string]int // by group: the days that it keeps, or is being made to keep
	work     sync.WaitGroup
}

// shipment is the goroutine of a source.
type shipment struct {
	again bool          // woken meanwhile
	ended chan struct{} // closed when it has ended
}

// Tally is what became of a stream's events.
type Tally struct {
	Events, Bytes atomic.Int64 // acknowledged
	TooNew        atomic.Int64 // refused by the service, by reason
	TooOld        atomic.Int64
	Expired       atomic.Int64
	Invalid       atomic.Int64
	accepted      atomic.Bool // the service has taken something of this stream
}

// NewLogs makes a publisher that has nothing to do yet.
func NewLogs(api LogsAPI, log *zap.Logger) *Logs {
	return &Logs{
		api: api, log: log, shipping: map[EventSource]*shipment{}, tallies: map[cloudwatch.LogStream]*Tally{}, retained: map[string]int{},
		slots:   make(chan struct{}, onTheWire),
		batches: sync.Pool{New: func() any { return new(cloudwatch.LogBatch) }},
	}
}

// Wake says that a source may have something to ship. It does not block. Shipping ends when ctx is done.
func (l *Logs) Wake(ctx context.Context, src EventSource) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if ctx.Err() != nil {
		return
	}
	if now := l.shipping[src]; now != nil {
		now.again = true
		return
	}
	now := &shipment{ended: make(chan struct{})}
	l.shipping[src] = now
	l.work.Go(func() {
		defer close(now.ended)
		for {
			l.ship(ctx, src)
			l.mu.Lock()
			if !now.again || ctx.Err() != nil {
				delete(l.shipping, src)
				l.mu.Unlock()
				return
			}
			now.again = false
			l.mu.Unlock()
		}
	})
}

// Rest returns when a source is not being shipped; to be called after the context of its Wake is done.
func (l *Logs) Rest(src EventSource) {
	l.mu.Lock()
	now := l.shipping[src]
	l.mu.Unlock()
	if now != nil {
		<-now.ended
	}
}

// Wait returns when nothing is being shipped any more; to be called after the contexts of all sources are done.
func (l *Logs) Wait() { l.work.Wait() }

// Tallies tells what became of the events of each stream so far.
func (l *Logs) Tallies() map[cloudwatch.LogStream]*Tally {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := make(map[cloudwatch.LogStream]*Tally, len(l.tallies))
	for s, t := range l.tallies {
		all[s] = t
	}
	return all
}

func (l *Logs) tally(s cloudwatch.LogStream) *Tally {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.tallies[s] == nil {
		l.tallies[s] = new(Tally)
	}
	return l.tallies[s]
}

// ship delivers what a source has until it has no more. The next batch is filled while the last one is on the wire, and
// sent when that one has been acknowledged and committed: a commit speaks for everything before it.
func (l *Logs) ship(ctx context.Context, src EventSource) {
	delivered := make(chan bool, 1)
	delivered <- true
	for {
		b := l.batches.Get().(*cloudwatch.LogBatch)
		mark, err := src.Fill(ctx, b)
		if err != nil {
			l.log.Error("fill batch", zap.Error(err))
		}
		if !<-delivered || mark == 0 {
			l.recycle(b)
			return
		}
		go func() {
			ok := l.deliver(ctx, src, b)
			if ok {
				l.disk.note(l.log, src.Commit(mark), "checkpoints cannot be written; what was acknowledged since would be sent again after a crash", "checkpoints are written again")
			}
			l.recycle(b)
			delivered <- ok
		}()
		if ctx.Err() != nil {
			<-delivered
			return
		}
	}
}

func (l *Logs) recycle(b *cloudwatch.LogBatch) {
	b.Reset()
	l.batches.Put(b)
}

// deliver sends a batch until the service has taken it. False: ctx was done first, and nothing may be committed.
func (l *Logs) deliver(ctx context.Context, src EventSource, b *cloudwatch.LogBatch) bool {
	if b.Len() == 0 {
		return true // nothing but what the filters left out
	}
	b.Sort()
	stream := src.Stream()
	wire, cancel := outlive(ctx)
	defer cancel()
	d := delivery{Logs: l, wire: wire, stream: stream, tally: l.tally(stream), log: l.log.With(zap.String("log_group", stream.Group), zap.String("log_stream", stream.Name))}
	return d.send(ctx, b)
}

// retain has a group's retention looked at, once for each group and each retention that is asked for.
func (l *Logs) retain(ctx context.Context, s cloudwatch.LogStream) {
	if s.RetentionDays <= 0 {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.retained[s.Group] == s.RetentionDays {
		return
	}
	l.retained[s.Group] = s.RetentionDays
	l.work.Go(func() {
		if !l.untilRetained(ctx, s) { // whoever comes after this source begins again
			l.mu.Lock()
			delete(l.retained, s.Group)
			l.mu.Unlock()
		}
	})
}

// untilRetained repeats a request until the group's retention is set; false: ctx was done first.
func (l *Logs) untilRetained(ctx context.Context, s cloudwatch.LogStream) bool {
	wire, cancel := outlive(ctx)
	defer cancel()
	var wait backoff
	for first := true; ; first = false {
		pause := time.NewTimer(rand.N(retentionSpread))
		select {
		case <-ctx.Done():
			pause.Stop()
			return false
		case <-pause.C:
		}
		own, cancel := attempt(wire)
		err := l.api.PutRetention(own, s)
		cancel()
		if err == nil {
			return true
		}
		if first {
			l.log.Warn("set retention of log group; trying again, events are shipped meanwhile", zap.String("log_group", s.Group), zap.Error(err))
		}
		wait.wait(ctx)
	}
}
