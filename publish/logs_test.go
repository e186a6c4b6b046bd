package publish

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nephoscope/nephoscope/cloudwatch"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"
)

// service is CloudWatch Logs as far as a publisher sees it; fail decides about each request.
type service struct {
	mu      sync.Mutex
	fail    func(messages []string) error
	refuse  cloudwatch.Refused
	events  []string
	times   []int64
	unread  error // what reading answers
	calls   []string
	missing bool // group and stream
}

func fails(class cloudwatch.Class) error {
	return &cloudwatch.Failure{Class: class, Err: errors.New("as the test wants")}
}

func (s *service) PutLogEvents(_ context.Context, _ cloudwatch.LogStream, b *cloudwatch.LogBatch) (cloudwatch.Refused, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = append(s.calls, "put")
	if s.missing {
		return cloudwatch.NothingRefused(), fails(cloudwatch.NotFound)
	}
	var messages []string
	var times []int64
	for at, m := range b.Events() {
		messages, times = append(messages, string(m)), append(times, at)
	}
	if s.fail != nil {
		if err := s.fail(messages); err != nil {
			return cloudwatch.NothingRefused(), err
		}
	}
	s.events, s.times = append(s.events, messages...), append(s.times, times...)
	return s.refuse, nil
}

func (s *service) call(name string, err error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = append(s.calls, name)
	return err
}

func (s *service) CreateLogGroup(context.Context, cloudwatch.LogStream) error {
	return s.call("group", nil)
}

func (s *service) CreateLogStream(context.Context, cloudwatch.LogStream) error {
	if s.missing && !slices.Contains(s.calls, "group") {
		return s.call("stream", fails(cloudwatch.NotFound))
	}
	s.missing = false
	return s.call("stream", nil)
}

func (s *service) PutRetention(context.Context, cloudwatch.LogStream) error {
	return s.call("retention", nil)
}

func (s *service) FindEvents(_ context.Context, _ cloudwatch.LogStream, between cloudwatch.Trace, _ int) (t cloudwatch.Trace, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = append(s.calls, "find")
	if s.unread != nil {
		return t, s.unread
	}
	for i, m := range s.events {
		if at := s.times[i]; between.First <= at && at <= between.Last {
			t.Note(at, []byte(m))
		}
	}
	return t, nil
}

// lines is a source of batches that are there already.
type lines struct {
	mu        sync.Mutex
	batches   [][]string
	filled    uint64
	committed []uint64
	verdict   cloudwatch.Verdict
	retention int
}

func (s *lines) Stream() cloudwatch.LogStream {
	return cloudwatch.LogStream{Group: "g", Name: "s", RetentionDays: s.retention}
}

func (s *lines) Fill(now time.Time, b *cloudwatch.LogBatch) (uint64, time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if int(s.filled) == len(s.batches) {
		return 0, time.Time{}
	}
	for _, l := range s.batches[s.filled] {
		b.Add(time.Unix(int64(s.filled), 0), []byte(l))
	}
	s.filled++
	return s.filled, now
}

func (s *lines) Commit(mark uint64, verdict cloudwatch.Verdict) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.committed = append(s.committed, mark)
	s.verdict.Add(verdict)
	return nil
}

func (s *lines) Rewind(bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.filled = uint64(len(s.committed))
	return true
}

func newService() *service { return &service{refuse: cloudwatch.NothingRefused()} }

func options() LogsOptions { return LogsOptions{Lanes: 8, Log: zap.NewNop()} }

// ship lets a publisher ship a source until it is idle or the time is up.
func ship(t *testing.T, api LogsAPI, src EventSource, atMost time.Duration) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), atMost)
	defer cancel()
	l := NewLogs(api, options())
	l.Wake(ctx, src)
	l.rest(ctx)
	sleep(ctx, 2*retentionSpread)
	cancel()
	l.Wait()
}

// rest returns when nothing is shipped or waits, or ctx is done.
func (l *Logs) rest(ctx context.Context) {
	for ctx.Err() == nil {
		l.mu.Lock()
		busy := len(l.shipments) > 0
		l.mu.Unlock()
		if !busy {
			return
		}
		sleep(ctx, time.Second)
	}
}

func TestBatchesAreCommittedInOrderAfterTheAcknowledgement(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api, src := newService(), &lines{batches: [][]string{{"a", "b"}, {"c"}, {}, {"d"}}}
		api.fail = func([]string) error {
			src.mu.Lock()
			defer src.mu.Unlock()
			if len(src.committed) > int(src.filled) {
				t.Error("committed before it was acknowledged")
			}
			return nil
		}
		ship(t, api, src, time.Hour)
		if !slices.Equal(api.events, []string{"a", "b", "c", "d"}) || !slices.Equal(src.committed, []uint64{1, 2, 3, 4}) {
			t.Errorf("got %v, committed %v", api.events, src.committed)
		}
	})
}

func TestOutageLosesAndRepeatsNothing(t *testing.T) {
	f := func(class cloudwatch.Class) {
		t.Helper()
		synctest.Test(t, func(t *testing.T) {
			api, src := newService(), &lines{batches: [][]string{{"a"}, {"b"}, {"c"}}}
			up := time.Now().Add(24 * time.Hour)
			api.fail = func([]string) error {
				if time.Now().Before(up) {
					return fails(class)
				}
				return nil
			}
			ship(t, api, src, 48*time.Hour)
			if !slices.Equal(api.events, []string{"a", "b", "c"}) {
				t.Errorf("%v: got %v", class, api.events)
			}
			if n := len(api.calls); n > 6000 {
				t.Errorf("%v: %d requests in a day", class, n)
			}
		})
	}
	f(cloudwatch.Unavailable)
	f(cloudwatch.Throttled)
	f(cloudwatch.Denied)
}

func TestStopDuringAnOutageCommitsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api, src := newService(), &lines{batches: [][]string{{"a"}, {"b"}}}
		api.fail = func([]string) error { return fails(cloudwatch.Unavailable) }
		before := time.Now()
		ship(t, api, src, time.Minute)
		if len(src.committed) != 0 {
			t.Errorf("committed %v", src.committed)
		}
		if took := time.Since(before); took > time.Minute+graceTime {
			t.Errorf("took %v to stop", took)
		}
	})
}

func TestBatchBehindOneThatWasNotTakenIsNotSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api, src := newService(), &lines{batches: [][]string{{"a"}, {"b"}}}
		api.fail = func(messages []string) error {
			if slices.Contains(messages, "a") {
				return fails(cloudwatch.Unavailable)
			}
			return nil
		}
		ship(t, api, src, time.Minute) // a commit of b would speak for a as well
		if len(src.committed) != 0 || len(api.events) != 0 {
			t.Errorf("committed %v, sent %v", src.committed, api.events)
		}
	})
}

func TestMissingGroupAndStreamAreCreated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api, src := newService(), &lines{batches: [][]string{{"a"}, {"b"}}, retention: 7}
		api.missing = true
		ship(t, api, src, time.Hour)
		if got := strings.Join(api.calls, " "); got != "put stream group retention stream put put" {
			t.Errorf("got %s", got)
		}
		if !slices.Equal(api.events, []string{"a", "b"}) {
			t.Errorf("got %v", api.events)
		}
	})
}

func TestRetentionOfAnExistingGroupIsSetOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api, src := newService(), &lines{batches: [][]string{{"a"}, {"b"}, {"c"}}, retention: 7}
		ship(t, api, src, time.Hour)
		n := 0
		for _, c := range api.calls {
			if c == "retention" {
				n++
			}
		}
		if n != 1 {
			t.Errorf("got %v", api.calls)
		}
	})
}

func TestOneBadEventInTenThousandIsDroppedAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var all []string
		for i := range 10_000 {
			all = append(all, fmt.Sprint("event ", i))
		}
		all[6789] = "bad"
		api, src := newService(), &lines{batches: [][]string{all}}
		api.fail = func(messages []string) error {
			if slices.Contains(messages, "bad") {
				return fails(cloudwatch.Invalid)
			}
			return nil
		}
		ship(t, api, src, time.Hour)
		want := slices.Concat(all[:6789], all[6790:])
		if !slices.Equal(api.events, want) || src.verdict.Invalid.Events != 1 || len(src.committed) != 1 {
			t.Errorf("%d events arrived, %d invalid, committed %v", len(api.events), src.verdict.Invalid.Events, src.committed)
		}
		if n := len(api.calls); n > 40 {
			t.Errorf("%d requests", n)
		}
	})
}

func TestServiceThatCallsEverythingInvalidCostsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var all []string
		for i := range 1000 {
			all = append(all, fmt.Sprint(i))
		}
		api, src := newService(), &lines{batches: [][]string{all}}
		up := time.Now().Add(time.Hour)
		api.fail = func([]string) error {
			if time.Now().Before(up) {
				return fails(cloudwatch.Invalid)
			}
			return nil
		}
		ship(t, api, src, 2*time.Hour)
		if !slices.Equal(api.events, all) || src.verdict.Invalid.Events != 0 {
			t.Errorf("%d events arrived, %d were dropped", len(api.events), src.verdict.Invalid.Events)
		}
	})
}

func TestServiceThatComesToCallEverythingInvalidCostsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var all []string
		for i := range 1000 {
			all = append(all, fmt.Sprint(i))
		}
		api, src := newService(), &lines{batches: [][]string{{"first"}, all}}
		up := time.Now().Add(time.Hour)
		api.fail = func(messages []string) error {
			if messages[0] != "first" && time.Now().Before(up) {
				return fails(cloudwatch.Invalid)
			}
			return nil
		}
		ship(t, api, src, 2*time.Hour)
		if len(api.events) != 1001 || src.verdict.Invalid.Events != 0 {
			t.Errorf("%d events arrived, %d were dropped", len(api.events), src.verdict.Invalid.Events)
		}
	})
}

func TestBadEventThatComesAloneIsDroppedInTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api, src := newService(), &lines{batches: [][]string{{"a"}, {"bad"}, {"b"}}}
		api.fail = func(messages []string) error {
			if messages[0] == "bad" {
				return fails(cloudwatch.Invalid)
			}
			return nil
		}
		ship(t, api, src, time.Hour)
		if !slices.Equal(api.events, []string{"a", "b"}) || src.verdict.Invalid.Events != 1 {
			t.Errorf("got %v, %d dropped", api.events, src.verdict.Invalid.Events)
		}
	})
}

func TestRefusedEventsAreCountedByReason(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api, src := newService(), &lines{batches: [][]string{{"old", "older", "expired", "fine", "new"}}}
		api.refuse = cloudwatch.Refused{TooNewStart: 4, TooOldEnd: 2, ExpiredEnd: 3}
		ship(t, api, src, time.Hour)
		want := cloudwatch.Verdict{TooOld: cloudwatch.Amount{Events: 2, Bytes: 8}, Expired: cloudwatch.Amount{Events: 1, Bytes: 7}, TooNew: cloudwatch.Amount{Events: 1, Bytes: 3}}
		if src.verdict != want {
			t.Errorf("got %+v", src.verdict)
		}
	})
}

func TestSourceWokenWhileItShipsIsAskedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api, src := newService(), &lines{batches: [][]string{{"a"}}}
		l := NewLogs(api, options())
		api.fail = func([]string) error {
			src.mu.Lock()
			defer src.mu.Unlock()
			if len(src.batches) == 1 {
				src.batches = append(src.batches, []string{"b"})
				l.Wake(t.Context(), src)
			}
			return nil
		}
		l.Wake(t.Context(), src)
		l.rest(t.Context())
		if !slices.Equal(api.events, []string{"a", "b"}) {
			t.Errorf("got %v", api.events)
		}
	})
}

// slow is a service that takes half a second for each request, and calls events invalid.
type slow struct{ *service }

func (s slow) PutLogEvents(ctx context.Context, stream cloudwatch.LogStream, b *cloudwatch.LogBatch) (cloudwatch.Refused, error) {
	select {
	case <-ctx.Done():
		return cloudwatch.NothingRefused(), fails(cloudwatch.Unavailable)
	case <-time.After(time.Second / 2):
		return s.service.PutLogEvents(ctx, stream, b)
	}
}

func TestStopWhileBadEventsAreSoughtTakesNoLongerThanTheGrace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api, src := newService(), &lines{batches: [][]string{{"good"}, make([]string, 1000)}}
		for i := range src.batches[1] {
			src.batches[1][i] = "bad"
		}
		api.fail = func(messages []string) error {
			if slices.Contains(messages, "bad") {
				return fails(cloudwatch.Invalid)
			}
			return nil
		}
		before := time.Now()
		ship(t, slow{api}, src, 5*time.Second)
		if took := time.Since(before); took > 5*time.Second+graceTime {
			t.Errorf("took %v to stop", took)
		}
		if !slices.Equal(src.committed, []uint64{1}) {
			t.Errorf("committed %v", src.committed)
		}
	})
}

func TestEventsAreCountedOnceThoughABatchIsHalved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api, src := newService(), &lines{batches: [][]string{{"1", "bad", "22", "333"}}}
		api.fail = func(messages []string) error {
			if slices.Contains(messages, "bad") {
				return fails(cloudwatch.Invalid)
			}
			return nil
		}
		ship(t, api, src, time.Hour)
		if want := (cloudwatch.Verdict{Invalid: cloudwatch.Amount{Events: 1, Bytes: 3}}); src.verdict != want {
			t.Errorf("got %+v", src.verdict)
		}
	})
}

func TestRetentionIsSetAfterAReload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := newService()
		l := NewLogs(api, options())
		for i, run := range []struct {
			days int
			time time.Duration
		}{{7, time.Millisecond}, {7, time.Hour}, {30, time.Hour}, {30, time.Hour}} {
			ctx, cancel := context.WithTimeout(t.Context(), run.time)
			l.Wake(ctx, &lines{batches: [][]string{{"a"}}, retention: run.days})
			<-ctx.Done()
			cancel()
			l.Wait()
			n := 0
			for _, c := range api.calls {
				if c == "retention" {
					n++
				}
			}
			if want := []int{0, 1, 2, 2}[i]; n != want {
				t.Errorf("after run %d: set %d times, want %d", i, n, want)
			}
		}
	})
}

func TestRequestsUnderWayAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := newService()
		var now, most atomic.Int64
		slow := slowService{api, func() {
			most.Store(max(most.Load(), now.Add(1)))
			time.Sleep(time.Second)
			now.Add(-1)
		}}
		l := NewLogs(slow, options())
		for range 100 {
			l.Wake(t.Context(), &lines{batches: [][]string{{"a"}}})
		}
		l.rest(t.Context())
		if int(most.Load()) != options().Lanes || len(api.events) != 100 {
			t.Errorf("%d at once, %d events", most.Load(), len(api.events))
		}
	})
}

// slowService does something first.
type slowService struct {
	*service
	first func()
}

func (s slowService) PutLogEvents(ctx context.Context, to cloudwatch.LogStream, b *cloudwatch.LogBatch) (cloudwatch.Refused, error) {
	s.first()
	return s.service.PutLogEvents(ctx, to, b)
}

func TestLastingTroubleIsSaidOnceAnHourAndWhenItIsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		core, logs := observer.New(zapcore.InfoLevel)
		var disk trouble
		for range 90 {
			disk.note(zap.New(core), errors.New("no space left on device"), "bad", "good")
			time.Sleep(time.Minute)
		}
		disk.note(zap.New(core), nil, "bad", "good")
		disk.note(zap.New(core), nil, "bad", "good")
		if n, over := logs.FilterMessage("bad").Len(), logs.FilterMessage("good").Len(); n != 2 || over != 1 {
			t.Errorf("said %d times, over %d times", n, over)
		}
	})
}
