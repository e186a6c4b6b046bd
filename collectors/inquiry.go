package collectors

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// maxPatience is how long a file system may take to tell its size before it counts as hung.
const maxPatience = 5 * time.Second

// maxAsked bounds how many are asked at the same time: each occupies a thread while it hangs, and a Go program with ten
// thousand threads is killed. Beyond it the others wait for their turn, and are late with it.
const maxAsked = 256

// brisk is how long all together may take that are asked one after the other, as a rule a fraction of a millisecond.
const brisk = 5 * time.Millisecond

// inquiry puts one question to many, any of which may never answer: statfs on a dead NFS server does not return, and cannot
// be interrupted. One goroutine asks them one after the other; when that is not done at once, each of the others gets a
// goroutine of its own. One that is late is not asked again until its answer is in, so there is at most one waiting
// goroutine each, and a server that comes back is asked afresh.
type inquiry[V any] struct {
	question func(of string) (V, error)
	patience time.Duration
	slots    chan struct{} // one taken per question being asked

	mu    sync.Mutex
	stuck map[string]*call[V]
}

// call is one question on its way.
type call[V any] struct {
	of     string
	since  time.Time
	answer answer[V] // once it is done
	done   atomic.Bool
}

type answer[V any] struct {
	value V
	err   error
}

// newInquiry is patient for half an interval at most: a hung mount must not cost the next collection.
func newInquiry[V any](interval time.Duration, question func(string) (V, error)) *inquiry[V] {
	patience := maxPatience
	if interval > 0 {
		patience = min(patience, interval/2)
	}
	return &inquiry[V]{question: question, patience: patience, slots: make(chan struct{}, maxAsked), stuck: map[string]*call[V]{}}
}

// ask puts the question to all, who are distinct, and returns the answer of each; lateness is one.
func (q *inquiry[V]) ask(ctx context.Context, all []string) []answer[V] {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.forgetReturned()
	calls := make([]*call[V], len(all))
	asked := make([]call[V], 0, len(all)) // one allocation for all
	for i, of := range all {
		if calls[i] = q.stuck[of]; calls[i] == nil {
			asked = append(asked, call[V]{of: of, since: time.Now()})
			calls[i] = &asked[len(asked)-1]
		}
	}
	q.put(ctx, asked)
	answers := make([]answer[V], len(all))
	for i, c := range calls {
		if c.done.Load() {
			answers[i] = c.answer
			continue
		}
		q.stuck[c.of] = c
		answers[i].err = fmt.Errorf("no answer since %s", c.since.Format(time.RFC3339))
	}
	return answers
}

// put asks until all have answered, patience runs out, or ctx is done.
func (q *inquiry[V]) put(ctx context.Context, calls []call[V]) {
	if len(calls) == 0 {
		return
	}
	r := &round[V]{calls: calls, finished: make(chan struct{})}
	r.missing.Store(int64(len(calls)))
	go r.run(q)
	wait := time.NewTimer(min(brisk, q.patience))
	defer wait.Stop()
	select {
	case <-r.finished:
		return
	case <-ctx.Done():
		return
	case <-wait.C:
	}
	for range int64(len(calls)) - r.begun.Load() {
		go r.run(q)
	}
	wait.Reset(max(0, q.patience-brisk))
	select {
	case <-r.finished:
	case <-ctx.Done():
	case <-wait.C:
	}
}

// round is questions that are asked together.
type round[V any] struct {
	calls          []call[V]
	begun, missing atomic.Int64
	finished       chan struct{} // closed once all have answered
}

// run asks those that nobody has begun to ask.
func (r *round[V]) run(q *inquiry[V]) {
	for i := r.begun.Add(1); i <= int64(len(r.calls)); i = r.begun.Add(1) {
		c := &r.calls[i-1]
		q.slots <- struct{}{}
		c.answer.value, c.answer.err = q.question(c.of)
		<-q.slots
		c.done.Store(true)
		if r.missing.Add(-1) == 0 {
			close(r.finished)
		}
	}
}

// forgetReturned lets those be asked again that have answered at last. What they said is too old to tell.
func (q *inquiry[V]) forgetReturned() {
	for of, c := range q.stuck {
		if c.done.Load() {
			delete(q.stuck, of)
		}
	}
}
