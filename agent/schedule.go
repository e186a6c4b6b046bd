package agent

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/nephoscope/nephoscope/cloudwatch"
	"github.com/nephoscope/nephoscope/collectors"
	"go.uber.org/zap"
)

// schedule collects at start and then at every multiple of the interval on the clock: all hosts of a fleet at the same
// moments. A collector that takes longer than its interval misses the moments that passed meanwhile, and delays nobody else.
type schedule struct {
	name      string
	interval  time.Duration
	collector collectors.Collector
	add       func([]cloudwatch.Datum)
	log       *zap.Logger
	complaint string
	since     time.Time
}

func (s *schedule) run(ctx context.Context) {
	if adviser, ok := s.collector.(collectors.Adviser); ok {
		go func() { // it may look at a mount that hangs
			for _, p := range adviser.Advise(ctx) {
				s.log.Warn(p.Error())
			}
		}()
	}
	s.collect(ctx, time.Now())
	for {
		moment := time.Now().Truncate(s.interval).Add(s.interval)
		wait := time.NewTimer(time.Until(moment))
		select {
		case <-ctx.Done():
			wait.Stop()
			return
		case <-wait.C:
			if moment, due := s.reached(moment, time.Now()); due {
				s.collect(ctx, moment)
			}
		}
	}
}

// reached is the moment that a collection is of for which a timer went off: timers run by the time that passes while the host is
// awake. Of a clock that was set back the moment is yet to come; one that was set ahead, or a host that slept, has passed others by.
func (s *schedule) reached(moment, now time.Time) (time.Time, bool) {
	if now.Sub(moment) >= s.interval {
		moment = now.Truncate(s.interval)
	}
	return moment, !now.Before(moment)
}

// collect takes what the collector has, also when it reports an error with it. The log has an error once an hour, and no more than
// one a minute of a collector that says something else each time, or fails and works in turn.
func (s *schedule) collect(ctx context.Context, moment time.Time) {
	data, err := s.collector.Collect(ctx, moment)
	s.add(data)
	switch {
	case err == nil && s.complaint != "":
		s.log.Info("collector works again", zap.String("collector", s.name))
		s.complaint = ""
	case err != nil && ctx.Err() == nil && (err.Error() != s.complaint && time.Since(s.since) >= time.Minute || time.Since(s.since) > time.Hour):
		s.complaint, s.since = err.Error(), time.Now()
		what := "collector failed in part; what it could read is sent"
		if _, notice := errors.AsType[collectors.Notice](err); notice {
			what = "collector does not find what it looks for"
		} else if len(data) == 0 {
			what = "collector failed"
		}
		s.log.Warn(what, zap.String("collector", s.name), zap.Error(err))
	}
}

// sink is where collectors put data: the publisher of the moment. While a reload replaces it, data are held.
type sink struct {
	mu   sync.Mutex
	to   func([]cloudwatch.Datum)
	held []cloudwatch.Datum
	lost int // given up because nobody took them for long
}

// maxHeld bounds the data that are held.
const maxHeld = 100_000

func (s *sink) add(data []cloudwatch.Datum) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.to == nil {
		s.held = append(s.held, data...)
		if over := len(s.held) - maxHeld; over > 0 {
			s.lost += over
			s.held = s.held[over:]
		}
		return
	}
	s.to(data)
}

// connect returns how many data were lost because there was nobody to take them.
func (s *sink) connect(to func([]cloudwatch.Datum)) (lost int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.to = to
	lost, s.lost = s.lost, 0
	if to != nil && len(s.held) > 0 {
		to(s.held)
		s.held = nil
	}
	return lost
}
