package publish

import (
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nephoscope/nephoscope/cloudwatch"
)

// The paths on which the original agent loses lines and data, each with a number; the others stand in the files of the same name
// in tailer and cmd/nephoscope.

// It drops a batch, and says that it has arrived, when it is stopped while it tries again.
func TestL01BatchThatIsTriedAgainIsNotCommittedByAStop(t *testing.T) {
	for _, class := range []cloudwatch.Class{cloudwatch.Throttled, cloudwatch.Unavailable, cloudwatch.Denied} {
		synctest.Test(t, func(t *testing.T) {
			api := newService()
			all := [][]string{{"a", "b"}, {"c"}}
			api.fail = func([]string) error { return fails(class) }
			stopped := &lines{batches: all}
			ship(t, api, stopped, 10*time.Minute)
			api.fail = nil
			next := &lines{batches: all[len(stopped.committed):]} // what the next run finds uncommitted
			ship(t, api, next, time.Hour)
			if want := []string{"a", "b", "c"}; !slices.Equal(api.events, want) || len(stopped.committed) > 0 {
				t.Errorf("%v: got %v, want %v; committed before: %v", class, api.events, want, stopped.committed)
			}
		})
	}
}

// It does not try again what it does not know, and says that it has arrived.
func TestL02ErrorThatNobodyKnowsAdvancesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api, src := newService(), &lines{batches: [][]string{{"a"}, {"b"}}}
		up := time.Now().Add(6 * time.Hour)
		api.fail = func([]string) error {
			if time.Now().Before(up) {
				if len(src.committed) > 0 {
					t.Error("committed")
				}
				return errors.New("tls: a word that no agent has heard before")
			}
			return nil
		}
		ship(t, api, src, 12*time.Hour)
		if !slices.Equal(api.events, []string{"a", "b"}) || src.verdict != (cloudwatch.Verdict{}) {
			t.Errorf("got %v, %d dropped", api.events, src.verdict.Invalid.Events)
		}
	})
}

// It drops a batch of metrics after three quick attempts, and whatever was in its queues when it ends.
func TestL07NetworkThatFailsAtAlmostEveryFlushLeavesNoHole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir, api := t.TempDir(), &metricService{}
		requests := 0
		classes := []cloudwatch.Class{cloudwatch.Unavailable, cloudwatch.Throttled, cloudwatch.Denied}
		api.fail = func(cloudwatch.MetricBatch) error {
			if requests++; requests%10 != 0 {
				return fails(classes[requests%len(classes)])
			}
			return nil
		}
		began := time.Now()
		run(t, newMetrics(t, api, dir), 90)
		run(t, newMetrics(t, api, dir), 90) // another run, in the middle of it
		api.fail = nil
		run(t, newMetrics(t, api, dir), 10)
		if len(api.data) != 190 {
			t.Errorf("%d data of 190 minutes arrived", len(api.data))
		}
		seen := map[time.Time]bool{}
		for _, d := range api.data {
			seen[d.Time.UTC()] = true
		}
		for minute := range 190 {
			if at := began.Add(time.Duration(minute) * time.Minute); !seen[at.UTC()] {
				t.Errorf("there is a hole at minute %d", minute)
			}
		}
	})
}
