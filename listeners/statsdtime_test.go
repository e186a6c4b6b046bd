package listeners

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

func TestValuesWithATimeOfTheirOwn(t *testing.T) {
	t.Parallel()
	f := func(packet string, outdated int64, want ...string) {
		t.Helper()
		s := aStatsD(t, `"metrics_aggregation_interval": 60`)
		s.packet([]byte(packet))
		if got := collect(t, s, noon.Add(time.Minute)); !slices.Equal(got, want) {
			t.Errorf("%q\ngot  %q\nwant %q", packet, got, want)
		}
		if c := s.Counts(); c.Malformed > 0 || c.Dropped[WrongTime] != outdated {
			t.Errorf("%q: %d malformed, dropped %v", packet, c.Malformed, c.Dropped)
		}
	}
	line := func(at time.Time, format string) string { return fmt.Sprintf(format, at.Unix()) }
	const (
		now   = " None 1m0s @12:00:00 "
		early = " None 1m0s @11:40:00 "
	)
	before := noon.Add(-19*time.Minute - 30*time.Second)
	f(line(before, "a:3|c|T%d"), 0, "a{metric_type=counter}"+early+"3×1")
	f(line(before, "a:3|c|T%d|#k:v"), 0, "a{k=v metric_type=counter}"+early+"3×1")
	f(line(before, "a:3|c|#k:v|@0.5|T%d|c:x"), 0, "a{k=v metric_type=counter}"+early+"6×1")
	f(line(before, "a:7|g|T%d")+"\na:8|g\n"+line(before, "a:-2|g|T%d"), 0, "a{metric_type=gauge}"+early+"-2×1 7×1", "a{metric_type=gauge}"+now+"8×1")
	f(line(before, "a:1:2|c|T%d"), 0, "a{metric_type=counter}"+early+"1×1 2×1") // of all values of the type
	f(line(before, "t:1|ms|T%d"), 0, "t{metric_type=timing}"+now+"1×1")         // the protocol has it of counters and gauges
	f("a:1|c|T0\nb:1|c|T-5\nc:1|c|T1.5\nd:1|c|T", 0, "a{metric_type=counter}"+now+"1×1", "b{metric_type=counter}"+now+"1×1",
		"c{metric_type=counter}"+now+"1×1", "d{metric_type=counter}"+now+"1×1")
	f(line(noon.Add(-15*24*time.Hour), "a:1|c|T%d"), 1)
	f(line(noon.Add(3*time.Hour+2*time.Minute), "a:1|g|T%d"), 1)
	f("a:1|c|T999999999999999", 0, "a{metric_type=counter}"+now+"1×1")
}

// A time ahead waits for its window to be over; one whose window was sent already makes another datum of it.
func TestWindowsOfTimesOfTheirOwn(t *testing.T) {
	t.Parallel()
	s := aStatsD(t, `"metrics_aggregation_interval": 60`)
	s.packet(fmt.Appendf(nil, "a:1|c|T%d", noon.Add(90*time.Second).Unix()))
	if got := collect(t, s, noon.Add(time.Minute)); len(got) > 0 {
		t.Errorf("too early: %q", got)
	}
	for range 2 {
		if got := collect(t, s, noon.Add(2*time.Minute)); len(got) != 1 || got[0] != "a{metric_type=counter} None 1m0s @12:01:00 1×1" {
			t.Errorf("got %q", got)
		}
		s.packet(fmt.Appendf(nil, "a:1|c|T%d", noon.Add(90*time.Second).Unix()))
	}
}
