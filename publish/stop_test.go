package publish

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nephoscope/nephoscope/cloudwatch"
)

func TestBatchThatTheServiceRefusesWhileTheAgentStopsIsNotCommittedWithTheNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api, src := newService(), &lines{batches: [][]string{{"a"}, {"b"}, {"c"}, {"d"}}}
		ctx, stop := context.WithCancel(t.Context())
		refused := false
		api.fail = func(messages []string) error {
			if messages[0] != "b" || refused {
				return nil
			}
			refused = true
			stop() // the agent is told to stop while the request is on the wire
			return fails(cloudwatch.Throttled)
		}
		l := NewLogs(api, options())
		l.Wake(ctx, src)
		<-ctx.Done()
		l.Rest(src)
		last, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		l.Finish(last, []EventSource{src})
		for _, mark := range src.committed { // a mark speaks for all before it
			for _, batch := range src.batches[:mark] {
				if !slices.Contains(api.events, batch[0]) {
					t.Errorf("mark %d is committed, %q was not taken: %q", mark, batch[0], api.events)
				}
			}
		}
	})
}

func TestStopHoldsNoMoreBatchesThanThereAreLanes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &gate{service: newService(), answer: func(string) error { return nil }}
		l := NewLogs(g, options())
		all, most := fleet(200)
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		var stops sync.WaitGroup
		for _, s := range all { // each is the only file of its entry
			stops.Go(func() { l.Finish(ctx, []EventSource{s}) })
		}
		stops.Wait()
		if n := most.Load(); n > int64(2*options().Lanes) {
			t.Errorf("%d batches were in memory", n)
		}
	})
}

func TestDoubtOfAClockThatWasAheadIsSettledSoon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := newService()
		src := &remembering{lines: &lines{batches: [][]string{{"a"}}}}
		src.doubt = &cloudwatch.Doubt{Batch: cloudwatch.Trace{First: 1, Last: 1, Events: 1, Sum: 1}, At: time.Now().Add(365 * 24 * time.Hour)}
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		o := options()
		o.ReadBack = true
		l := NewLogs(api, o)
		l.Wake(ctx, src)
		l.rest(ctx)
		if !slices.Equal(api.events, []string{"a"}) {
			t.Errorf("in an hour: %q, and the stream was read %d times", api.events, len(api.calls))
		}
		cancel()
		l.Wait()
	})
}

// stubborn is a source whose file is gone: it takes back its first batches, and no later one.
type stubborn struct {
	*endless
	rewinds atomic.Int64
}

func (s *stubborn) Rewind(unsure bool) bool {
	return s.rewinds.Add(1) == 1 && s.endless.Rewind(unsure)
}

func TestStreamWhoseBatchCannotBeGivenBackHoldsUpNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Hour)
		defer cancel()
		g := &gate{service: newService(), answer: func(stream string) error {
			if stream == "0" {
				return fails(cloudwatch.Unavailable) // a proxy that finds this batch too large, say
			}
			return nil
		}}
		l := NewLogs(g, options())
		all, _ := fleet(2)
		l.Wake(ctx, &stubborn{endless: all[0]})
		time.Sleep(time.Minute) // the second try of it is the one that the others wait for
		l.Wake(ctx, all[1])
		time.Sleep(time.Hour)
		all[1].mu.Lock()
		n := all[1].taken
		all[1].mu.Unlock()
		if n == 0 {
			t.Error("nothing of the other stream was taken in an hour")
		}
		cancel()
		l.Wait()
	})
}

// busy is a source that is written to, and woken, while it is being asked.
type busy struct {
	*remembering
	wake  func()
	asked int
}

func (s *busy) Fill(now time.Time, b *cloudwatch.LogBatch) (uint64, time.Time) {
	mark, next := s.remembering.Fill(now, b)
	if s.asked++; mark == 0 && s.asked == 3 {
		s.lines.mu.Lock()
		s.lines.batches = append(s.lines.batches, []string{"late"})
		s.lines.mu.Unlock()
		s.wake()
	}
	return mark, next
}

func TestWakeIsNotLostAfterADoubtThatWasSettled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := newService()
		src := &busy{remembering: &remembering{lines: &lines{batches: [][]string{{"a"}}}}}
		api.fail = func(messages []string) error {
			if messages[0] == "a" { // it lands, and the answer is lost
				api.events, api.times = append(api.events, "a"), append(api.times, 0)
				return fails(cloudwatch.Unavailable)
			}
			return nil
		}
		o := options()
		o.ReadBack = true
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		l := NewLogs(api, o)
		src.wake = func() { l.Wake(ctx, src) }
		l.Wake(ctx, src)
		l.rest(ctx)
		if !slices.Equal(api.events, []string{"a", "late"}) {
			t.Errorf("got %q", fmt.Sprint(api.events))
		}
	})
}

// kept is a source that remembers its batches and cannot fill them again.
type kept struct{ *remembering }

func (kept) Rewind(bool) bool { return false }

func TestBatchThatCannotBeFilledAgainIsLookedUpBeforeItIsSentAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := newService()
		failed := false
		api.fail = func(messages []string) error {
			if failed {
				return nil
			}
			failed = true // it lands, and the answer is lost
			api.events, api.times = append(api.events, "a"), append(api.times, 0)
			return fails(cloudwatch.Unavailable)
		}
		o := options()
		o.ReadBack = true
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		l := NewLogs(api, o)
		l.Wake(ctx, kept{&remembering{lines: &lines{batches: [][]string{{"a"}}}}})
		l.rest(ctx)
		if !slices.Equal(api.events, []string{"a"}) {
			t.Errorf("got %q", api.events)
		}
	})
}
