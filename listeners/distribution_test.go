package listeners

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// Of a hundred thousand different values sum, count, least and greatest are exact, and percentiles to one percent.
func TestPercentilesOfManyValues(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	var d distribution
	var all []float64
	sum := 0.0
	for range 100_000 {
		v := random.ExpFloat64() * 40
		if len(all)%7 == 0 {
			v = -v
		}
		all = append(all, v)
		sum += v
		d.add(v, 1)
	}
	slices.Sort(all)
	values, counts := d.values()
	if len(values) > 2*mostExact {
		t.Errorf("got %d different values", len(values))
	}
	if values[0] != all[0] || values[len(values)-1] != all[len(all)-1] {
		t.Errorf("got %v to %v, want %v to %v", values[0], values[len(values)-1], all[0], all[len(all)-1])
	}
	n, total := 0.0, 0.0
	for i, v := range values {
		if i > 0 && v <= values[i-1] {
			t.Fatalf("%v comes behind %v", v, values[i-1])
		}
		n, total = n+counts[i], total+v*counts[i]
	}
	if math.Abs(n-100_000) > 1e-6 || math.Abs(total-sum) > 1e-6*math.Abs(sum) {
		t.Errorf("got %v values with the sum %v, want 100000 and %v", n, total, sum)
	}
	for _, p := range []float64{0.01, 0.25, 0.5, 0.9, 0.99, 0.999} {
		want, at, i := all[int(p*100_000)], 0.0, 0
		for i = range values {
			if at += counts[i]; at > p*100_000 {
				break
			}
		}
		if math.Abs(values[i]-want) > 0.011*math.Abs(want) {
			t.Errorf("p%v: got %v, want %v", 100*p, values[i], want)
		}
	}
}

func TestValuesAreKeptAsTheyAre(t *testing.T) {
	t.Parallel()
	var d distribution
	for i := range 3 * mostExact {
		d.add(float64(i%mostExact), 0.5)
	}
	values, counts := d.values()
	if len(values) != mostExact || values[7] != 7 || counts[7] != 1.5 || d.size() != mostExact {
		t.Errorf("got %d values, %v×%v", len(values), values[7], counts[7])
	}
}
