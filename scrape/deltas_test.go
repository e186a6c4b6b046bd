package scrape

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/nephoscope/nephoscope/config"
)

// The host's clock may be set back: what counters without times of their own grow by is sent all the same.
func TestDifferencesDoNotHangOnTheHostsClock(t *testing.T) {
	t.Parallel()
	value := 0
	address := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		value += 10
		fmt.Fprintf(w, "# TYPE c counter\nc %d\n", value)
	})
	s, out, said := aScraper(t, config.Prometheus{ConfigPath: oneJob(t, "", address), LogGroup: "g", Namespace: "n", MaxSeries: 10})
	s.running = func() time.Duration { return time.Duration(value) * time.Second }
	for _, hours := range []time.Duration{0, -5, 20, -1} {
		s.now = func() time.Time { return noon.Add(hours * time.Hour) }
		everyTarget(t, s)
	}
	if c := s.Counts(); strings.Count(out.String(), `"c":10}`) != 3 || c.Dropped[droppedFirst] != 1 || len(c.Dropped) != 1 {
		t.Errorf("%s %v %s", out, c.Dropped, said)
	}
}

// What has grown while a target was down for long is no difference to the scrape before.
func TestCountersOfATargetThatWasDownForLong(t *testing.T) {
	t.Parallel()
	address := serve(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "# TYPE c counter\nc 7\n") })
	s, out, said := aScraper(t, config.Prometheus{ConfigPath: oneJob(t, "", address), LogGroup: "g", Namespace: "n", MaxSeries: 10})
	for _, minutes := range []time.Duration{0, 2, 30, 31} {
		s.now = func() time.Time { return noon.Add(minutes * time.Minute) }
		everyTarget(t, s)
	}
	if c := s.Counts(); strings.Count(out.String(), `"c":0}`) != 2 || c.Dropped[droppedFirst] != 2 || c.Series != 1 {
		t.Errorf("%s %v %s", out, c, said)
	}
}

// One whose own time is set back is known again from there on.
func TestCounterWhoseOwnTimeIsSetBack(t *testing.T) {
	t.Parallel()
	d := newDeltas(&bound{most: 1})
	for i, c := range []struct {
		value float64
		at    int64
		delta float64
		why   string
	}{{10, 1 << 60, 0, droppedFirst}, {11, 1 << 60, 0, droppedTime}, {12, 1000, 0, droppedTime}, {15, 2000, 3, ""}, {16, 0, 1, ""}, {18, 3000, 2, ""}} {
		if delta, why := d.step(1, c.value, c.at, int64(i)); delta != c.delta || why != c.why {
			t.Errorf("%d: %v %q", i, delta, why)
		}
	}
}
