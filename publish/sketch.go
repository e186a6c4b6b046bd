package publish

import (
	"math"
	"math/bits"
)

// sketch estimates how many different things were seen, in memory that does not grow with them: linear counting (Whang,
// Vander-Zanden, Taylor 1990). Each thing sets one bit; how many are still clear tells how many things there were, to a few
// percent, up to some ten times the bits. For a handful it is exact but for chance.
type sketch []uint64

func newSketch(bits int) sketch { return make(sketch, bits/64) }

func (s sketch) add(hash uint64) {
	at := hash % uint64(len(s)*64)
	s[at/64] |= 1 << (at % 64)
}

func (s sketch) count() int {
	set := 0
	for _, word := range s {
		set += bits.OnesCount64(word)
	}
	all := float64(len(s) * 64)
	return int(math.Round(-all * math.Log(max(all-float64(set), 1)/all)))
}
