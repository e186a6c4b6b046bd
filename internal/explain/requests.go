package explain

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/nephoscope/nephoscope/agent"
	"github.com/nephoscope/nephoscope/cloudwatch"
	"github.com/nephoscope/nephoscope/config"
)

// month is the service's: 30 days.
const month = 30 * 24 * time.Hour

// longestInterval is the longest that a configuration can ask for, of collections and of flushes.
const longestInterval = 48 * time.Hour

// collection is a plugin as the flushes see it: so many data at each multiple of an interval.
type collection struct {
	interval time.Duration
	data     int
}

// requestsOf is how many requests of PutMetricData a month takes: one for each flush that has anything, more for one that has
// more than a request holds. Collections and flushes follow the clock, so they repeat after their least common multiple.
func requestsOf(all []collection, flush time.Duration, perRequest int) float64 {
	if flush <= 0 || perRequest <= 0 {
		return 0
	}
	window := flush
	for _, c := range all {
		window = min(lcm(window, c.interval), longestInterval)
	}
	flushes := int(window / flush)
	data := make([]int, max(flushes, 1))
	for _, c := range all {
		for at := time.Duration(0); at < window; at += c.interval {
			data[int((at+flush-1)/flush)%len(data)] += c.data // what is collected at the moment of a flush goes with it
		}
	}
	n := 0
	for _, d := range data {
		n += (d + perRequest - 1) / perRequest
	}
	return float64(n) * float64(month) / float64(window)
}

func lcm(a, b time.Duration) time.Duration {
	x, y := a, b
	for y != 0 {
		x, y = y, x%y
	}
	if a/x > math.MaxInt64/b {
		return longestInterval
	}
	return a / x * b
}

// requestsFor is how many requests of PutMetricData plugins take in a month, if none collects more often than atMost: each of
// one namespace.
func requestsFor(m *config.Metrics, plugins []agent.PlannedPlugin, atMost, flush time.Duration) (sum float64) {
	apart := map[string][]agent.PlannedPlugin{}
	for _, p := range plugins {
		namespace := cmp.Or(p.Plugin.Namespace, m.Namespace)
		apart[namespace] = append(apart[namespace], p)
	}
	for _, namespace := range slices.Sorted(maps.Keys(apart)) {
		own := apart[namespace]
		all := collections(own)
		for i := range all {
			all[i].interval = max(all[i].interval, atMost)
		}
		sum += requestsOf(all, flush, perRequest(namespace, own))
	}
	return sum
}

// collections are the plugins of a plan.
func collections(plugins []agent.PlannedPlugin) (all []collection) {
	for _, p := range plugins {
		if len(p.Data) > 0 {
			all = append(all, collection{p.Plugin.Interval, len(p.Data)})
		}
	}
	return all
}

// perRequest is how many of these data one request holds, found out by packing more than it can.
func perRequest(namespace string, plugins []agent.PlannedPlugin) int {
	var once []cloudwatch.Datum
	for _, p := range plugins {
		once = append(once, p.Data...)
	}
	if len(once) == 0 {
		return 0
	}
	var many []cloudwatch.Datum
	for at := time.Unix(0, 0); ; at = at.Add(time.Minute) {
		for _, d := range once {
			d.Time = at
			many = append(many, d)
		}
		if batches, _ := cloudwatch.PackMetrics(namespace, many); len(batches) > 1 {
			return len(batches[0].Data)
		}
	}
}
