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
	"go.uber.org/zap"
)

// endless is a source that always has a full batch, and knows how many of them are in memory.
type endless struct {
	stream  string
	inHand  *atomic.Int64
	most    *atomic.Int64
	mu      sync.Mutex
	filled  uint64
	pending int64
	taken   int
}

func (s *endless) Stream() cloudwatch.LogStream {
	return cloudwatch.LogStream{Group: "g", Name: s.stream, RetentionDays: -1}
}

func (s *endless) Fill(now time.Time, b *cloudwatch.LogBatch) (uint64, time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b.Add(now, []byte(s.stream))
	s.filled++
	s.pending++
	s.most.Store(max(s.most.Load(), s.inHand.Add(1)))
	return s.filled, now
}

func (s *endless) Commit(uint64, cloudwatch.Verdict) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.taken++
	s.pending--
	s.inHand.Add(-1)
	return nil
}

func (s *endless) Rewind(bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.inHand.Add(-s.pending)
	s.pending = 0
	return true
}

// gate is a service that decides by stream.
type gate struct {
	*service
	answer func(stream string) error
	puts   atomic.Int64
}

func (g *gate) PutLogEvents(_ context.Context, s cloudwatch.LogStream, _ *cloudwatch.LogBatch) (cloudwatch.Refused, error) {
	g.puts.Add(1)
	time.Sleep(10 * time.Millisecond)
	return cloudwatch.NothingRefused(), g.answer(s.Name)
}

func fleet(n int) (all []*endless, most *atomic.Int64) {
	most = new(atomic.Int64)
	inHand := new(atomic.Int64)
	for i := range n {
		all = append(all, &endless{stream: fmt.Sprint(i), inHand: inHand, most: most})
	}
	return all, most
}

func TestOutageHoldsNoBatchesAndAsksSeldom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 24*time.Hour)
		defer cancel()
		g := &gate{service: newService(), answer: func(string) error { return fails(cloudwatch.Unavailable) }}
		l := NewLogs(g, options())
		all, most := fleet(500)
		for _, s := range all {
			l.Wake(ctx, s)
		}
		time.Sleep(time.Hour)
		first := g.puts.Load()
		time.Sleep(22 * time.Hour)
		if asked := g.puts.Load() - first; asked > 22*60*24 { // one stream by itself asks three times a minute
			t.Errorf("500 streams asked %d times in 22 hours", asked)
		}
		if n := most.Load(); n > int64(2*options().Lanes) {
			t.Errorf("%d batches were in memory", n)
		}
		if tr, in := l.Trouble(all[0]); !in && tr.Failures == 0 {
			t.Error("no trouble is told of")
		}
		cancel()
		l.Wait()
	})
}

func TestStreamsThatAreRefusedHoldUpNoOther(t *testing.T) {
	f := func(class cloudwatch.Class) {
		t.Helper()
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
			defer cancel()
			g := &gate{service: newService(), answer: func(stream string) error {
				if stream == "49" {
					return nil
				}
				return fails(class)
			}}
			l := NewLogs(g, options())
			all, _ := fleet(50)
			for _, s := range all {
				l.Wake(ctx, s)
			}
			time.Sleep(10 * time.Minute)
			cancel()
			l.Wait()
			if n := all[49].taken; n < 10_000 {
				t.Errorf("%v: of the one stream that is taken, only %d batches in ten minutes", class, n)
			}
		})
	}
	f(cloudwatch.Denied)
	f(cloudwatch.Throttled)
	f(cloudwatch.Unavailable)
}

func TestStreamsWithoutEndTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		g := &gate{service: newService(), answer: func(string) error { return nil }}
		l := NewLogs(g, options())
		all, _ := fleet(40)
		for _, s := range all {
			l.Wake(ctx, s)
		}
		<-ctx.Done()
		l.Wait()
		var taken []int
		for _, s := range all {
			taken = append(taken, s.taken)
		}
		if least, most := slices.Min(taken), slices.Max(taken); least == 0 || most > 3*least {
			t.Errorf("batches of each stream: %v", taken)
		}
	})
}

// remembering is a source that remembers its batches.
type remembering struct {
	*lines
	sent  cloudwatch.Doubt
	doubt *cloudwatch.Doubt
}

func (s *remembering) Remember(_ uint64, tr cloudwatch.Trace, now time.Time) error {
	s.sent = cloudwatch.Doubt{Batch: tr, At: now}
	return nil
}

func (s *remembering) Doubt() (cloudwatch.Doubt, bool) {
	if s.doubt == nil {
		return cloudwatch.Doubt{}, false
	}
	return *s.doubt, true
}

func (s *remembering) Settle(landed bool) error {
	s.doubt = nil
	if landed {
		s.filled++
		s.committed = append(s.committed, s.filled)
	}
	return nil
}

func (s *remembering) Rewind(unsure bool) bool {
	if unsure {
		sent := s.sent
		s.doubt = &sent
	}
	return s.lines.Rewind(unsure)
}

func TestBatchWithoutAnAnswerIsLookedUpBeforeItIsSentAgain(t *testing.T) {
	f := func(name string, lands bool, change func(*service, *LogsOptions), want ...string) {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				api := newService()
				src := &remembering{lines: &lines{batches: [][]string{{"a"}, {"b", "c"}, {"d"}}}}
				failed := false
				api.fail = func(messages []string) error {
					if messages[0] != "b" || failed {
						return nil
					}
					failed = true
					if lands { // and the answer is lost
						api.events, api.times = append(api.events, "b", "c"), append(api.times, 1000, 1000)
					}
					return fails(cloudwatch.Unavailable)
				}
				o := options()
				o.ReadBack = true
				change(api, &o)
				ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
				defer cancel()
				l := NewLogs(api, o)
				l.Wake(ctx, src)
				l.rest(ctx)
				if !slices.Equal(api.events, want) {
					t.Errorf("got %q", api.events)
				}
			})
		})
	}
	as := func(*service, *LogsOptions) {}
	f("it had arrived", true, as, "a", "b", "c", "d")
	f("it had not", false, as, "a", "b", "c", "d")
	f("reading is denied", true, func(s *service, _ *LogsOptions) { s.unread = fails(cloudwatch.Denied) }, "a", "b", "c", "b", "c", "d")
	f("reading back is off", true, func(_ *service, o *LogsOptions) { o.ReadBack = false }, "a", "b", "c", "b", "c", "d")
}

func TestBatchThatAStopCutOffIsNotCommittedWithTheLastOnes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api, src := newService(), &lines{batches: [][]string{{"a"}, {"b"}, {"c"}}}
		down := true
		api.fail = func([]string) error {
			if down {
				return fails(cloudwatch.Denied)
			}
			return nil
		}
		l := NewLogs(api, options())
		ctx, cancel := context.WithCancel(t.Context())
		l.Wake(ctx, src)
		time.Sleep(100 * time.Millisecond)
		cancel()
		l.Rest(src)
		down = false
		l.Finish(t.Context(), []EventSource{src})
		if !slices.Equal(api.events, []string{"a", "b", "c"}) || len(src.committed) != 3 {
			t.Errorf("sent %q, committed %v", api.events, src.committed)
		}
	})
}

// quietSource has nothing to ship, and looks every second whether it has.
type quietSource struct {
	mu    sync.Mutex
	asked []time.Time
	next  time.Time
	late  time.Duration // at most
}

func (*quietSource) Stream() cloudwatch.LogStream            { return cloudwatch.LogStream{Group: "g"} }
func (*quietSource) Commit(uint64, cloudwatch.Verdict) error { return nil }
func (*quietSource) Rewind(bool) bool                        { return true }

func (s *quietSource) Fill(now time.Time, _ *cloudwatch.LogBatch) (uint64, time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.next.IsZero() {
		s.late = max(s.late, now.Sub(s.next))
	}
	s.asked, s.next = append(s.asked, now), now.Add(time.Second)
	return 0, s.next
}

// lookFor lets sources look for some seconds, each woken a millisecond after the one before, and tells when they did.
func lookFor(t *testing.T, seconds int, sources []*quietSource) (moments map[time.Time]int) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	logs := NewLogs(nil, LogsOptions{Lanes: 4, Log: zap.NewNop()})
	for _, s := range sources {
		logs.Wake(ctx, s)
		time.Sleep(time.Millisecond)
	}
	time.Sleep(time.Duration(seconds)*time.Second - 500*time.Millisecond)
	stop()
	logs.Wait()
	moments = map[time.Time]int{}
	for _, s := range sources {
		if len(s.asked) < seconds {
			t.Errorf("a source looked %d times in %d seconds", len(s.asked), seconds)
		}
		for _, at := range s.asked[1:] { // the first was when it was woken
			moments[at]++
		}
	}
	return moments
}

func TestSourcesThatAreDueShortlyAfterEachOtherAreAskedTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sources := make([]*quietSource, 200)
		for i := range sources {
			sources[i] = new(quietSource)
		}
		const seconds = 5
		if n, most := len(lookFor(t, seconds, sources)), seconds*int(time.Second/crowd); n > most {
			t.Errorf("200 sources were asked at %d moments in %d seconds, want at most %d", n, seconds, most)
		}
		for _, s := range sources {
			if s.late > crowd {
				t.Fatalf("a source was asked %v late", s.late)
			}
		}
	})
}

func TestSourceAloneIsAskedInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := new(quietSource)
		if lookFor(t, 5, []*quietSource{s}); s.late > 0 {
			t.Errorf("it was asked %v late", s.late)
		}
	})
}
