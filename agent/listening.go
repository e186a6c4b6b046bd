package agent

import (
	"context"
	"sync"
	"time"

	"github.com/nephoscope/nephoscope/config"
	"github.com/nephoscope/nephoscope/listeners"
	"github.com/nephoscope/nephoscope/tailer"
	"go.uber.org/zap"
)

// listenerTask listens, and collects what came as from any collector. An address that is taken concerns nobody else.
func listenerTask(p config.Plugin, l listeners.Listener, a *Agent) Task {
	return Task{
		Name: "listener " + p.Called(), Key: key("listener", p.Key()),
		prepare: func() { l.Open() }, // takes over what a listener of this address has left; Listen tells of an error
		run: func(ctx context.Context, r *running) {
			ear := &watchedListener{Listener: l, name: p.Called(), address: p.Address, log: a.env.Log}
			shown := &watchedCollector{Collector: l, name: p.Called(), interval: p.Interval}
			a.tasks.begin(ear)
			defer a.tasks.end(ear)
			a.tasks.begin(shown)
			defer a.tasks.end(shown)
			add := a.taking(p, r)
			var work sync.WaitGroup
			work.Go(func() { ear.listen(ctx) })
			s := schedule{name: p.Called(), interval: p.Interval, collector: shown, add: add, log: a.env.Log}
			s.run(ctx)
			work.Wait()
			rest, _ := l.Collect(ctx, time.Now()) // what the last window has
			add(rest)
			n := l.Counts()
			a.env.Log.Info("listener stopped", zap.String("listener", p.Called()), zap.Int64("received", n.Received), zap.Int64("values", n.Parsed),
				zap.Int64("malformed", n.Malformed), zap.Any("dropped", n.Dropped))
		},
	}
}

// watchedListener listens, and remembers whether it can.
type watchedListener struct {
	listeners.Listener
	watch
	name, address string
	log           *zap.Logger
}

const (
	// soonest and latest are how long it waits before it tries again to listen.
	soonest = time.Second
	latest  = 30 * time.Second
)

// listen listens until ctx is done. What keeps it from that is said once.
func (w *watchedListener) listen(ctx context.Context) {
	for wait := soonest; ; wait = min(2*wait, latest) {
		err := w.Open()
		if err == nil {
			if w.trouble().Failures > 0 {
				w.log.Info("listens now", zap.String("listener", w.name), zap.String("address", w.address))
				wait = soonest
			}
			w.note(nil)
			err = w.Listen(ctx)
		}
		if ctx.Err() != nil {
			return
		}
		if w.note(err); w.trouble().Failures == 1 {
			w.log.Error("nothing is received until it can listen, which it goes on trying", zap.String("listener", w.name), zap.Error(err))
		}
		again := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			again.Stop()
			return
		case <-again.C:
		}
	}
}

// ListenerLedger is what became of what others sent.
type ListenerLedger struct {
	Name      string           `json:"name"`
	Address   string           `json:"address"`
	Received  int64            `json:"datagrams_received"`
	Parsed    int64            `json:"values"`
	Malformed int64            `json:"malformed"`
	Dropped   map[string]int64 `json:"dropped"` // by reason; docs/status.md lists them
	Series    int              `json:"series"`
	Trouble   *Trouble         `json:"trouble"` // why it does not listen; nil: it does
}

// Lost is all that was dropped, for whatever reason.
func (l *ListenerLedger) Lost() (n int64) {
	for _, dropped := range l.Dropped {
		n += dropped
	}
	return n
}

func (w *watchedListener) ledger() tailer.Ledger { return tailer.Ledger{} }

func (w *watchedListener) show(s *Status) {
	n, t := w.Counts(), w.trouble()
	l := ListenerLedger{
		Name: w.name, Address: w.address, Received: n.Received, Parsed: n.Parsed, Malformed: n.Malformed, Dropped: n.Dropped, Series: n.Series,
		Trouble: troubleOf(t, t.Failures > 0),
	}
	if l.Dropped == nil {
		l.Dropped = map[string]int64{}
	}
	m := s.metrics()
	m.Listeners = append(m.Listeners, l)
}
