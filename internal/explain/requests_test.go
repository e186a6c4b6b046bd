package explain

import (
	"testing"
	"time"
)

func TestRequestsOfAMonth(t *testing.T) {
	t.Parallel()
	f := func(name string, flush time.Duration, want float64, all ...collection) {
		t.Helper()
		if got := requestsOf(all, flush, 1000); !about(got, want) {
			t.Errorf("%s: got %v, want %v", name, got, want)
		}
	}
	minutes := 30.0 * 24 * 60
	f("nothing", time.Minute, 0)
	f("once a minute", time.Minute, minutes, collection{time.Minute, 17})
	f("two plugins go together", time.Minute, minutes, collection{time.Minute, 17}, collection{time.Minute, 900})
	f("more than a request holds", time.Minute, 2*minutes, collection{time.Minute, 17}, collection{time.Minute, 990})
	f("one minute of seconds", time.Minute, 2*minutes, collection{time.Second, 17})
	f("a flush each second", time.Second, 60*minutes, collection{time.Second, 17})
	f("a flush without data is no request", time.Second, minutes, collection{time.Minute, 17})
	f("five minutes in one", 5*time.Minute, minutes/5, collection{time.Minute, 17})
	f("five minutes in two", 5*time.Minute, 2*minutes/5, collection{time.Minute, 300})
	f("every other flush has more", time.Minute, 1.5*minutes, collection{2 * time.Minute, 600}, collection{time.Minute, 600})
	f("the longest interval", time.Minute, 15, collection{48 * time.Hour, 5})
	f("intervals that never meet", time.Second, 30*24*3600, collection{time.Second, 1}, collection{172_799 * time.Second, 1})
}
