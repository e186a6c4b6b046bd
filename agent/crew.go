package agent

import (
	"context"
	"slices"
	"sync"
	"time"
)

// crew collects for many schedules at one wake-up: what is due at the same moment is collected by one goroutine, one after
// the other. Five timers, five goroutines and the threads they wake cost more than a collection does. Who is held up by a
// slow collector loses the job: another goroutine takes over, and the slow one delays nobody but itself. The zero value is
// ready; it holds a goroutine while it has members.
type crew struct {
	mu      sync.Mutex
	members []*member
	working bool
	turn    int           // of the goroutine at work, or the last that was
	changed chan struct{} // tells it that there are other members
}

// member is a schedule in its crew.
type member struct {
	*schedule
	ctx    context.Context
	moment time.Time     // on the clock, for which to collect next
	due    time.Time     // when that is, also if the clock is set meanwhile
	idle   chan struct{} // holds one while nobody collects for it
}

// brisk is how long a collector may hold up others. It takes a fraction of a millisecond, as a rule.
const brisk = 20 * time.Millisecond

// early is how much too early is early enough: timers of one moment differ by less.
const early = time.Millisecond

// serve collects for a schedule until ctx is done.
func (c *crew) serve(ctx context.Context, s *schedule) {
	m := &member{schedule: s, ctx: ctx, idle: make(chan struct{}, 1)}
	m.idle <- struct{}{}
	m.aim(time.Now())
	c.mu.Lock()
	c.members = append(c.members, m)
	if c.changed == nil {
		c.changed = make(chan struct{}, 1)
	}
	if !c.working {
		c.next()
	}
	c.tell()
	c.mu.Unlock()
	<-ctx.Done()
	<-m.idle // what has begun is finished, and nothing begins any more
	c.mu.Lock()
	defer c.mu.Unlock()
	c.members = slices.DeleteFunc(c.members, func(x *member) bool { return x == m })
	c.tell()
}

// aim sets the next moment: a multiple of the interval on the clock.
func (m *member) aim(now time.Time) {
	m.moment = now.Truncate(m.interval).Add(m.interval)
	m.due = now.Add(m.moment.Sub(now))
}

// next lets a new goroutine work in the place of the one that does.
func (c *crew) next() {
	c.working = true
	c.turn++
	turn := c.turn
	go c.work(turn)
}

func (c *crew) tell() {
	select {
	case c.changed <- struct{}{}:
	default:
	}
}

// work collects what is due until nobody is left to collect for, or it was replaced.
func (c *crew) work(turn int) {
	alarm := time.NewTimer(time.Hour)
	defer alarm.Stop()
	heldUp := time.AfterFunc(time.Hour, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.turn == turn {
			c.next()
		}
	})
	defer heldUp.Stop()
	for {
		m, wait, replaced := c.choose(turn)
		if replaced {
			return
		}
		if m == nil { // nobody is due
			alarm.Reset(wait)
			select {
			case <-alarm.C:
			case <-c.changed:
			}
			continue
		}
		heldUp.Reset(brisk)
		m.collect(m.ctx, m.moment)
		heldUp.Stop()
		c.mu.Lock()
		m.aim(time.Now())
		m.idle <- struct{}{}
		if c.turn != turn {
			c.tell() // the one who took over: there is one more to wait for
		}
		c.mu.Unlock()
	}
}

// choose takes the member that is due, or tells how long nobody is.
func (c *crew) choose(turn int) (m *member, wait time.Duration, replaced bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.turn != turn {
		return nil, 0, true
	}
	if len(c.members) == 0 {
		c.working = false
		return nil, 0, true
	}
	now := time.Now()
	wait = time.Hour
	for _, x := range c.members {
		if in := x.due.Sub(now); in > early {
			wait = min(wait, in)
			continue
		}
		select {
		case <-x.idle:
			return x, 0, false
		default: // somebody is at it, or it is leaving
		}
	}
	return nil, wait, false
}
