package agent

import (
	"testing"
	"time"
)

// A datum says when its value was read, also after the clock was set or the host slept.
func TestMomentThatATimerReaches(t *testing.T) {
	t.Parallel()
	s := &schedule{interval: time.Minute}
	noon := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	f := func(late, want time.Duration, due bool) {
		t.Helper()
		if moment, ok := s.reached(noon, noon.Add(late)); ok != due || ok && !moment.Equal(noon.Add(want)) {
			t.Errorf("%s late: %s, %t", late, moment.Format(time.TimeOnly), ok)
		}
	}
	f(0, 0, true)
	f(time.Millisecond, 0, true)
	f(59*time.Second, 0, true)
	f(time.Minute, time.Minute, true)
	f(4*time.Hour+17*time.Second, 4*time.Hour, true)
	f(-time.Millisecond, 0, false) // a collection now would be of the same moment as the next
	f(-time.Hour, 0, false)
}
