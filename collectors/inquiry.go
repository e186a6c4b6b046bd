package collectors

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// maxPatience is how long a file system may take to tell its size before it counts as hung.
const maxPatience = 5 * time.Second

// maxAsked bounds how many are asked at the same time: each occupies a thread while it hangs, and a Go program with ten
// thousand threads is killed. Beyond it the others wait for their turn, and are late with it.
const maxAsked = 256

// inquiry puts one question to many, any of which may never answer: statfs on a dead NFS server does not return, and cannot
// be interrupted. Each is asked in a goroutine of its own. One that is late is not asked again until its answer is in, so
// there is at most one waiting goroutine each, and a server that comes back is asked afresh.
type inquiry[V any] struct {
	question func(of string) (V, error)
	patience time.Duration
	slots    chan struct{} // one taken per question being asked

	mu    sync.Mutex
	stuck map[string]*call[V]
}

// call is one question on its way.
type call[V any] struct {
	since time.Time
	done  chan answer[V] // holds the one answer, so that nobody has to wait for it
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

// ask puts the question to all at once and returns every answer; lateness is one.
func (q *inquiry[V]) ask(ctx context.Context, all []string) map[string]answer[V] {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.forgetReturned()
	answers := make(map[string]answer[V], len(all))
	calls := make(map[string]*call[V], len(all))
	for _, of := range all {
		if late := q.stuck[of]; late != nil {
			answers[of] = late.lateness()
		} else if calls[of] == nil {
			calls[of] = q.start(of)
		}
	}
	ctx, cancel := context.WithTimeout(ctx, q.patience)
	defer cancel()
	for of, c := range calls {
		select {
		case answers[of] = <-c.done:
		case <-ctx.Done():
			q.stuck[of] = c
			answers[of] = c.lateness()
		}
	}
	q.forgiveJustInTime(calls, answers)
	return answers
}

func (q *inquiry[V]) start(of string) *call[V] {
	c := &call[V]{time.Now(), make(chan answer[V], 1)}
	go func() {
		q.slots <- struct{}{}
		value, err := q.question(of)
		<-q.slots
		c.done <- answer[V]{value, err}
	}()
	return c
}

// forgetReturned lets those be asked again that have answered at last. What they said is too old to tell.
func (q *inquiry[V]) forgetReturned() {
	for of, c := range q.stuck {
		if len(c.done) > 0 {
			delete(q.stuck, of)
		}
	}
}

// forgiveJustInTime takes the answers that were in when patience ran out: select does not prefer them.
func (q *inquiry[V]) forgiveJustInTime(calls map[string]*call[V], answers map[string]answer[V]) {
	for of, c := range calls {
		select {
		case answers[of] = <-c.done:
			delete(q.stuck, of)
		default:
		}
	}
}

func (c *call[V]) lateness() answer[V] {
	return answer[V]{err: fmt.Errorf("no answer since %s", c.since.Format(time.RFC3339))}
}
