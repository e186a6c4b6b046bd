package agent

import (
	"context"
	"errors"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/nephoscope/nephoscope/cloudwatch"
	"github.com/nephoscope/nephoscope/collectors"
)

// complaining is a collector that has but this to say.
type complaining struct{ err error }

func (c complaining) Collect(context.Context, time.Time) ([]cloudwatch.Datum, error) {
	return nil, c.err
}

func TestNoticeIsLoggedOnceAndIsNoFailure(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		err    error
		errors int64
	}{{collectors.Notice{Text: "nothing there"}, 0}, {errors.New("broken"), 3}} {
		core, seen := observer.New(zap.DebugLevel)
		shown := &watchedCollector{Collector: complaining{c.err}, name: "c"}
		s := schedule{name: "c", collector: shown, add: func([]cloudwatch.Datum) {}, log: zap.New(core)}
		for range 3 {
			s.collect(t.Context(), time.Now())
		}
		if n := seen.Len(); n != 1 {
			t.Errorf("%v: logged %d times", c.err, n)
		}
		if l := shown.tell(); l.Errors != c.errors || shown.failing.IsZero() != (c.errors == 0) {
			t.Errorf("%v: %+v", c.err, l)
		}
	}
}
