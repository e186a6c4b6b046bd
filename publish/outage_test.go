package publish

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nephoscope/nephoscope/cloudwatch"
)

// A host that asks a service more than this while it is down keeps it down: with waits of half a minute, less a half for
// jitter, it is four a minute.
const attemptsAnHour = 4 * 60

func TestOutageOfADayLeavesNoHoleInTheMetrics(t *testing.T) {
	f := func(name string, answer func() error) {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				api, dir := &metricService{}, t.TempDir()
				began := time.Now()
				attempts := make([]int, 25)
				down := func() bool {
					since := time.Since(began)
					return since > 10*time.Minute && since < 24*time.Hour+10*time.Minute
				}
				api.fail = func(cloudwatch.MetricBatch) error {
					if !down() {
						return nil
					}
					attempts[int(time.Since(began).Hours())]++
					return answer()
				}
				m := newMetrics(t, api, dir)
				want := run(t, m, 25*60)
				got := api.values()
				t.Logf("%d data, %d arrived; attempts by hour %v", len(want), len(got), attempts)
				if !slices.Equal(got, want) || m.Counts().Dropped != 0 {
					t.Errorf("%d of %d data arrived, %d batches were dropped", len(got), len(want), m.Counts().Dropped)
				}
				for i, d := range api.data {
					if at := began.Add(time.Duration(i) * time.Minute); !d.Time.Equal(at) {
						t.Fatalf("datum %d: time %v, want %v", i, d.Time, at)
					}
				}
				if most := slices.Max(attempts); most > attemptsAnHour || attempts[12] == 0 {
					t.Errorf("up to %d attempts an hour, and %d in the twelfth", most, attempts[12])
				}
			})
		})
	}
	f("unavailable", func() error { return fails(cloudwatch.Unavailable) })
	f("denied", func() error { return fails(cloudwatch.Denied) })
	f("throttled", func() error { return fails(cloudwatch.Throttled) })
	f("hangs", func() error { time.Sleep(attemptTime); return fails(cloudwatch.Unavailable) })
}

func TestRestartsDuringAnOutageOfADayLeaveNoHole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api, dir := &metricService{}, t.TempDir()
		api.fail = func(cloudwatch.MetricBatch) error { return fails(cloudwatch.Unavailable) }
		var times []time.Time
		for range 24 {
			began := time.Now()
			for i := range run(t, newMetrics(t, api, dir), 60) {
				times = append(times, began.Add(time.Duration(i)*time.Minute))
			}
		}
		api.fail = nil
		run(t, newMetrics(t, api, dir), 0)
		var got []time.Time
		for _, d := range api.data {
			got = append(got, d.Time)
		}
		if !slices.EqualFunc(got, times, time.Time.Equal) {
			t.Errorf("%d of %d data arrived, or not in order", len(got), len(times))
		}
	})
}
