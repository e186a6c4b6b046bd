package publish

import (
	"context"
	"sync"
	"time"

	"github.com/nephoscope/nephoscope/cloudwatch"
	"go.uber.org/zap"
)

// EventSource is asked for events, and told when they have been acknowledged.
type EventSource interface {
	// Stream is where the events go.
	Stream() cloudwatch.LogStream
	// Fill puts events into b if that is due. It does not wait. Mark 0: there is nothing to send or to commit. next is when to
	// ask again though nobody wakes the source; zero: never.
	Fill(now time.Time, b *cloudwatch.LogBatch) (mark uint64, next time.Time)
	// Commit makes it durable that everything up to mark is delivered, but for what verdict says. Marks are committed in order.
	Commit(mark uint64, verdict cloudwatch.Verdict) error
	// Rewind takes back what was filled and not committed: it will be filled again. unsure: the batch that was remembered
	// may have arrived. False: it cannot be filled again; whoever has the batch had better keep it.
	Rewind(unsure bool) bool
}

// LogsAPI is CloudWatch Logs. Errors have a cloudwatch.Class.
type LogsAPI interface {
	PutLogEvents(ctx context.Context, s cloudwatch.LogStream, b *cloudwatch.LogBatch) (cloudwatch.Refused, error)
	CreateLogGroup(ctx context.Context, s cloudwatch.LogStream) error
	CreateLogStream(ctx context.Context, s cloudwatch.LogStream) error
	PutRetention(ctx context.Context, s cloudwatch.LogStream) error
	// FindEvents is the trace of the stream's events from the first time of a trace to its last, both included. It reads no
	// further when it has found more than most.
	FindEvents(ctx context.Context, s cloudwatch.LogStream, between cloudwatch.Trace, most int) (cloudwatch.Trace, error)
}

// LogsOptions bound what shipping may use.
type LogsOptions struct {
	Lanes    int  // how many streams are sent at once, each with one batch on the wire and the next being filled
	ReadBack bool // look a batch up in its stream before it is sent again
	Log      *zap.Logger
}

// Logs ships the events of sources. A source that has nothing to ship now has no goroutine and no batch: it waits in a queue
// for its time, if it has one.
type Logs struct {
	LogsOptions
	api     LogsAPI
	batches sync.Pool
	disk    trouble // of checkpoints
	reading trouble // of reading back
	work    sync.WaitGroup

	mu        sync.Mutex
	shipments map[EventSource]*shipment
	waiting   queue
	free      int // lanes
	alarm     *time.Timer
	rang      time.Time // when it rang last
	brake     brake
	accepted  map[string]bool // by group: the service has taken something
	retained  map[string]int  // by group: the days that it keeps, or is being made to keep
}

// NewLogs makes a publisher that has nothing to do yet.
func NewLogs(api LogsAPI, o LogsOptions) *Logs {
	l := &Logs{
		LogsOptions: o, api: api, shipments: map[EventSource]*shipment{}, accepted: map[string]bool{}, retained: map[string]int{},
		free: max(o.Lanes, 1), batches: sync.Pool{New: func() any { return new(cloudwatch.LogBatch) }},
	}
	return l
}

// Wake says that a source may have something to ship. It does not block. Shipping ends when ctx is done.
func (l *Logs) Wake(ctx context.Context, src EventSource) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if ctx.Err() != nil {
		return
	}
	sh := l.shipments[src]
	if sh == nil {
		sh = &shipment{src: src, ctx: ctx, at: -1}
		l.shipments[src] = sh
	}
	switch {
	case sh.ended != nil:
		sh.again = true
	case sh.wait.failures > 0 && sh.at >= 0: // its time will come
	default:
		l.enqueue(sh, time.Now())
	}
	l.dispatch()
}

// Rest returns when a source is not being shipped; to be called after the context of its Wake is done.
func (l *Logs) Rest(src EventSource) {
	l.mu.Lock()
	sh := l.shipments[src]
	if sh == nil {
		l.mu.Unlock()
		return
	}
	ended := sh.ended
	if ended == nil {
		l.drop(sh)
	}
	l.mu.Unlock()
	if ended != nil {
		<-ended
	}
}

// Finish ships what sources that rest still have, until ctx is done. While the service takes nothing it does not try.
func (l *Logs) Finish(ctx context.Context, sources []EventSource) {
	l.mu.Lock()
	down := !l.brake.lifts.IsZero()
	l.mu.Unlock()
	if down {
		return
	}
	var left sync.WaitGroup
	l.mu.Lock()
	for _, src := range sources {
		left.Add(1)
		sh := &shipment{src: src, ctx: ctx, at: -1, left: left.Done}
		l.shipments[src] = sh
		l.enqueue(sh, time.Now())
	}
	l.dispatch()
	l.mu.Unlock()
	defer context.AfterFunc(ctx, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		for _, src := range sources {
			if sh := l.shipments[src]; sh != nil && sh.ended == nil {
				l.drop(sh)
			}
		}
	})()
	left.Wait()
}

// Wait returns when nothing is being shipped any more; to be called after the contexts of all sources are done.
func (l *Logs) Wait() { l.work.Wait() }

// Trouble is why the events of a source are not taken at the moment.
type Trouble struct {
	Since    time.Time
	Failures int
	Err      error
}

// Trouble tells what a source is in; false: none.
func (l *Logs) Trouble(src EventSource) (Trouble, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	sh := l.shipments[src]
	if sh == nil || sh.trouble.Err == nil {
		return Trouble{}, false
	}
	return sh.trouble, true
}
