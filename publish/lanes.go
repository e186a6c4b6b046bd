package publish

import (
	"container/heap"
	"context"
	"time"

	"github.com/nephoscope/nephoscope/cloudwatch"
)

// shipment is a source with something to ship, now or later.
type shipment struct {
	src EventSource
	ctx context.Context

	// Under the mutex of Logs.
	when    time.Time     // when it is to be asked, while it waits
	at      int           // where in the queue; -1: it does not wait
	ended   chan struct{} // closed when it has been shipped; nil: it is not on a lane
	again   bool          // woken meanwhile
	left    func()        // is called when it is dropped; its source is not asked again then. nil: a source is asked again and again
	trouble Trouble
	retry   time.Time // when what was not taken is to be tried again

	// Of its lane.
	wait     backoff // since something was taken
	invalid  int     // how often everything was called invalid, in a row
	refusals refusals
}

// queue is a heap of what waits, the soonest first.
type queue []*shipment

func (q queue) Len() int           { return len(q) }
func (q queue) Less(i, j int) bool { return q[i].when.Before(q[j].when) }
func (q queue) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].at, q[j].at = i, j
}
func (q *queue) Push(x any) {
	sh := x.(*shipment)
	sh.at = len(*q)
	*q = append(*q, sh)
}
func (q *queue) Pop() any {
	last := len(*q) - 1
	sh := (*q)[last]
	(*q)[last] = nil
	*q = (*q)[:last]
	sh.at = -1
	return sh
}

func (l *Logs) enqueue(sh *shipment, when time.Time) {
	sh.when = when
	if sh.at >= 0 {
		heap.Fix(&l.waiting, sh.at)
	} else {
		heap.Push(&l.waiting, sh)
	}
}

func (l *Logs) dequeue(sh *shipment) {
	if sh.at >= 0 {
		heap.Remove(&l.waiting, sh.at)
	}
}

// dispatch gives lanes to those whose time has come, and sets the alarm for the next one. Called with mu held.
func (l *Logs) dispatch() {
	for l.free > 0 {
		sh := l.pick()
		if sh == nil {
			return
		}
		l.work.Go(func() { l.drive(sh) })
	}
}

// pick gives a lane to the next whose time has come; nil: there is none, or no lane. Called with mu held.
func (l *Logs) pick() *shipment {
	now := time.Now()
	for l.free > 0 && len(l.waiting) > 0 {
		next := l.waiting[0].when
		if held := l.brake.until(now); next.Before(held) {
			next = held
		}
		if next.After(now) {
			l.ring(now, next)
			return nil
		}
		sh := heap.Remove(&l.waiting, l.best(now)).(*shipment)
		if sh.ctx.Err() != nil {
			l.drop(sh)
			continue
		}
		l.free--
		l.brake.probe()
		sh.ended, sh.again = make(chan struct{}), false
		return sh
	}
	return nil
}

// Overdue is how long the first in the queue has been due though there is a lane for it: nobody has looked. While the service
// takes nothing, those who wait for whoever tries are not due.
func (l *Logs) Overdue(now time.Time) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.free == 0 || len(l.waiting) == 0 {
		return 0
	}
	due := l.waiting[0].when
	if held := l.brake.until(now); due.Before(held) {
		due = held
	}
	return max(now.Sub(due), 0)
}

// best is who gets the next lane: the one that has waited longest or, if only one may try, one that has not failed itself.
func (l *Logs) best(now time.Time) (at int) {
	if l.brake.lifts.IsZero() {
		return 0
	}
	for i, sh := range l.waiting {
		if !sh.when.After(now) && sh.wait.failures < l.waiting[at].wait.failures {
			at = i
		}
	}
	return at
}

// crowd is how soon the alarm does not ring again. Of a thousand files one is due every millisecond, and to wake up for each
// costs more than to look at it: they are looked at together. A file alone is never late by that.
const crowd = 50 * time.Millisecond

// ring has dispatch called at a time, or when the last call is long enough ago.
func (l *Logs) ring(now, at time.Time) {
	if quiet := l.rang.Add(crowd); at.Before(quiet) {
		at = quiet
	}
	if l.alarm == nil {
		l.alarm = time.AfterFunc(at.Sub(now), func() {
			l.mu.Lock()
			defer l.mu.Unlock()
			l.rang = time.Now()
			l.dispatch()
		})
		return
	}
	l.alarm.Reset(at.Sub(now))
}

// drive ships a source on a lane and queues it for its next time, and goes on with others whose time has come: the stack that
// a request needs has grown.
func (l *Logs) drive(sh *shipment) {
	for sh != nil {
		next := l.ship(sh)
		sh = l.handOver(sh, next)
	}
}

// handOver queues a source that has been shipped, and gives its lane to another; nil: nobody wants it.
func (l *Logs) handOver(sh *shipment, next time.Time) *shipment {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.free++
	l.brake.end()
	close(sh.ended)
	sh.ended = nil
	switch {
	case sh.ctx.Err() != nil, sh.left != nil && (next.IsZero() || next.After(time.Now())):
		l.drop(sh)
	case sh.again && sh.wait.failures == 0:
		l.enqueue(sh, time.Now())
	case !next.IsZero():
		l.enqueue(sh, next)
	default:
		l.drop(sh)
	}
	other := l.pick()
	l.dispatch()
	return other
}

// drop forgets a shipment that is on no lane.
func (l *Logs) drop(sh *shipment) {
	l.dequeue(sh)
	if l.shipments[sh.src] == sh {
		delete(l.shipments, sh.src)
	}
	if sh.left != nil {
		sh.left()
		sh.left = nil
	}
}

// longBrake is how long nobody at all tries. It is short, for some streams may be taken though others are not.
const longBrake = 5 * time.Second

// brake holds all streams back while the service takes nothing from any: one tries, the others wait for what comes of it.
type brake struct {
	wait    backoff
	lifts   time.Time // zero: it is not on
	probing bool
}

// until is when the next may try; a moment ahead while somebody does.
func (k *brake) until(now time.Time) time.Time {
	if k.probing {
		return now.Add(longWait) // the end of the try comes first
	}
	return k.lifts
}

// probe says that a try begins.
func (k *brake) probe() { k.probing = !k.lifts.IsZero() }

// end says that a try has ended, whatever came of it.
func (k *brake) end() { k.probing = false }

// judge learns from what came of a request.
func (k *brake) judge(err error, now time.Time) {
	k.probing = false
	switch class := cloudwatch.ClassOf(err); {
	case err == nil || class != cloudwatch.Unavailable && class != cloudwatch.Throttled:
		*k = brake{} // it answers: what it says is about one stream
	case !now.Before(k.lifts):
		k.lifts = now.Add(min(k.wait.next(), longBrake))
	}
}
