package collectors

import (
	"math"

	"github.com/nephoscope/nephoscope/cloudwatch"
)

// ethtoolTable is what is known beforehand of a network interface. All else is what its driver counts, under the driver's names.
var ethtoolTable = []row[nicReading]{
	{"interface_up", cloudwatch.None, func(r *nicReading) float64 { return r.up }},
}

// nicReading is a network interface now: whether it is up (1, 0), and what its driver counts, since it was loaded.
type nicReading struct {
	up       float64
	counters []uint64
}

// counter is the value of a row that is one of the driver's.
func (r *nicReading) counter(i int) float64 {
	if i >= len(r.counters) {
		return math.NaN()
	}
	return float64(r.counters[i])
}
