package agent

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"
)

// running is a task at work.
type running struct {
	Task
	cancel context.CancelFunc
	ended  chan struct{}
	up     chan struct{} // closed when it is up
	isUp   func()        // closes up
	left   atomic.Bool   // nobody waits for its end any more
}

// Changes is what became of tasks when a configuration was applied.
type Changes struct{ Started, Stopped, Undisturbed int }

// switchTo makes tasks what runs, and returns those that were started. To be called with mu held.
func (a *Agent) switchTo(tasks []Task) (changes Changes, fresh []*running) {
	wanted := map[string]bool{}
	for _, t := range tasks {
		wanted[t.Key] = true
	}
	var stay, leave []*running
	kept := map[string]bool{}
	for _, r := range a.running {
		if wanted[r.Key] {
			stay, kept[r.Key] = append(stay, r), true
		} else {
			leave = append(leave, r)
		}
	}
	a.halt(leave)
	for _, t := range tasks {
		if !kept[t.Key] && t.prepare != nil {
			t.prepare()
		}
	}
	a.sockets.Sweep()
	changes = Changes{Stopped: len(leave), Undisturbed: len(stay)}
	for _, t := range tasks {
		if !kept[t.Key] {
			fresh, kept[t.Key] = append(fresh, a.start(t)), true
		}
	}
	changes.Started = len(fresh)
	a.running = append(stay, fresh...)
	a.env.Log.Info("configuration applied", zap.Int("started", changes.Started), zap.Int("stopped", changes.Stopped), zap.Int("undisturbed", changes.Undisturbed))
	return changes, fresh
}

// leave is how long a task may take to end before it is left behind: what is on the wire has two seconds, and a disk that
// hangs has any time it likes.
const leave = 10 * time.Second

// halt stops tasks: first those that bring something, all at once, then those that take it away. One that hangs is left
// behind, and whatever must not run beside it waits for it.
func (a *Agent) halt(tasks []*running) {
	for _, serves := range []bool{false, true} {
		over, cancel := context.WithTimeout(context.Background(), leave)
		for _, r := range tasks {
			if r.Serves == serves {
				r.cancel()
			}
		}
		for _, r := range tasks {
			if r.Serves == serves && !happens(over, r.ended) {
				r.left.Store(true)
				a.stragglers = append(a.stragglers, r)
				a.env.Log.Warn("a task does not end when it is told to, and is left behind: does a disk or a network mount hang?", zap.String("task", r.Name))
			}
		}
		cancel()
	}
}

// happens waits for a channel to be closed; false: ctx was done before.
func happens(ctx context.Context, event <-chan struct{}) bool {
	select {
	case <-event:
		return true
	case <-ctx.Done():
	}
	select {
	case <-event:
		return true
	default:
		return false
	}
}

// start starts a task, after those that have been left behind and must not run beside it.
func (a *Agent) start(t Task) *running {
	ctx, cancel := context.WithCancel(a.ctx)
	r := &running{Task: t, cancel: cancel, ended: make(chan struct{}), up: make(chan struct{})}
	r.isUp = sync.OnceFunc(func() { close(r.up) })
	var before, hang []*running
	for _, s := range a.stragglers {
		select {
		case <-s.ended:
			continue
		default:
		}
		hang = append(hang, s)
		if t.Turn != "" && t.Turn == s.Turn {
			before = append(before, s)
		}
	}
	a.stragglers = hang
	go func() {
		defer close(r.ended)
		defer cancel()
		if t.release != nil {
			defer t.release()
		}
		for _, s := range before {
			if !happens(ctx, s.ended) {
				return
			}
		}
		t.run(ctx, r)
	}()
	return r
}
