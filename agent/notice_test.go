package agent

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/nephoscope/nephoscope/cloudwatch"
	"github.com/nephoscope/nephoscope/collectors"
)

// complaining is a collector that has but this to say.
type complaining struct {
	err  error
	data []cloudwatch.Datum
}

func (c complaining) Collect(context.Context, time.Time) ([]cloudwatch.Datum, error) {
	return c.data, c.err
}

// changing is one that never says the same.
type changing struct{ n int }

func (c *changing) Collect(context.Context, time.Time) ([]cloudwatch.Datum, error) {
	if c.n++; c.n%4 == 0 {
		return nil, nil
	}
	return nil, fmt.Errorf("broken for the %d. time", c.n)
}

func TestErrorsThatDifferEachTimeDoNotFillTheLog(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		core, seen := observer.New(zap.DebugLevel)
		s := schedule{name: "c", collector: &changing{}, add: func([]cloudwatch.Datum) {}, log: zap.New(core)}
		for range 180 { // three minutes
			s.collect(t.Context(), time.Now())
			time.Sleep(time.Second)
		}
		if n := seen.FilterMessage("collector failed").Len(); n < 2 || n > 3 || seen.Len() > 2*n {
			t.Errorf("logged %d times, and %d failures", seen.Len(), n)
		}
	})
}

func TestNoticeIsLoggedOnceAndIsNoFailure(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		err    error
		data   []cloudwatch.Datum
		errors int64
		says   string
	}{
		{collectors.Notice{Text: "nothing there"}, nil, 0, "collector does not find what it looks for"},
		{errors.New("broken"), nil, 3, "collector failed"},
		{errors.New("broken"), []cloudwatch.Datum{{Name: "m"}}, 3, "collector failed in part; what it could read is sent"},
	} {
		core, seen := observer.New(zap.DebugLevel)
		shown := &watchedCollector{Collector: complaining{c.err, c.data}, name: "c"}
		s := schedule{name: "c", collector: shown, add: func([]cloudwatch.Datum) {}, log: zap.New(core)}
		for range 3 {
			s.collect(t.Context(), time.Now())
		}
		if n := seen.FilterMessage(c.says).Len(); n != 1 || seen.Len() != 1 {
			t.Errorf("%v: logged %v", c.err, seen.All())
		}
		if l := shown.tell(); l.Errors != c.errors || shown.failing.IsZero() != (c.errors == 0) {
			t.Errorf("%v: %+v", c.err, l)
		}
	}
}
