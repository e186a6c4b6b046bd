package collectors

import "math"

// since finds what counters grew by between two readings. They start anew together, when a driver is loaded or a volume attached, so
// one that went backwards discredits all: then, ok is false.
func since(now, last, grown []uint64) (ok bool) {
	ok = true
	for i := range now {
		ok = ok && now[i] >= last[i]
		grown[i] = now[i] - last[i]
	}
	return ok
}

// difference is a row's value of a counter; NaN where there is no telling.
func difference(known bool, grown uint64) float64 {
	if !known {
		return math.NaN()
	}
	return float64(grown)
}
