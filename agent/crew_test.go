package agent

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nephoscope/nephoscope/cloudwatch"
	"go.uber.org/zap"
)

// punctual is a collector that notes how late it was asked.
type punctual struct {
	ticker
	latest time.Duration
}

func (p *punctual) Collect(ctx context.Context, now time.Time) ([]cloudwatch.Datum, error) {
	p.latest = max(p.latest, time.Since(now))
	return p.ticker.Collect(ctx, now)
}

// together runs a schedule for each of the collectors in one crew.
func together(t *testing.T, interval, atMost time.Duration, all ...*punctual) {
	ctx, cancel := context.WithTimeout(t.Context(), atMost)
	defer cancel()
	var c crew
	var work sync.WaitGroup
	for _, one := range all {
		s := schedule{name: "c", interval: interval, collector: one, add: func([]cloudwatch.Datum) {}, crew: &c, log: zap.NewNop()}
		work.Go(func() { s.run(ctx) })
	}
	work.Wait()
	synctest.Wait()
	if c.working || len(c.members) > 0 {
		t.Errorf("the crew of nobody works: %v, %d members", c.working, len(c.members))
	}
}

func TestSlowCollectorDelaysNobodyOfItsCrew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow, hung := &punctual{ticker: ticker{takes: 25 * time.Second}}, &punctual{ticker: ticker{takes: 90 * time.Second}}
		quick, more := &punctual{}, &punctual{ticker: ticker{takes: brisk / 4}}
		together(t, 10*time.Second, 2*time.Minute+time.Second, slow, hung, quick, more)
		for _, c := range []*punctual{quick, more} {
			if len(c.at) != 13 {
				t.Errorf("collected %d times, at %v", len(c.at), c.at)
			}
			for _, at := range c.at[1:] {
				if !at.Equal(at.Truncate(10 * time.Second)) {
					t.Errorf("collected for %v", at)
				}
			}
			if c.latest > 3*brisk {
				t.Errorf("collected %v late", c.latest)
			}
		}
		if len(slow.at) != 5 || len(hung.at) != 2 {
			t.Errorf("the slow one %d times, the hung one %d times", len(slow.at), len(hung.at))
		}
	})
}

func TestCrewGoesOnWhenOneLeavesAndAnotherComes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c crew
		start := func(of *ticker, atMost time.Duration) func() {
			ctx, cancel := context.WithTimeout(t.Context(), atMost)
			ended := make(chan struct{})
			s := schedule{name: "c", interval: time.Second, collector: of, add: func([]cloudwatch.Datum) {}, crew: &c, log: zap.NewNop()}
			go func() { defer close(ended); s.run(ctx) }()
			return func() { <-ended; cancel() }
		}
		first, second, third := &ticker{}, &ticker{}, &ticker{}
		endFirst, endSecond := start(first, 3500*time.Millisecond), start(second, 5500*time.Millisecond)
		endFirst()
		endSecond()
		time.Sleep(time.Minute)
		start(third, 2*time.Second)() // nobody was left
		if len(first.at) != 4 || len(second.at) != 6 || len(third.at) != 3 {
			t.Errorf("collected %d, %d and %d times", len(first.at), len(second.at), len(third.at))
		}
	})
}
