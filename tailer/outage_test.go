package tailer

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nephoscope/nephoscope/cloudwatch"
)

// Random histories in which the service is down at times and the agent is killed at times, while files are renamed,
// deleted and truncated: whatever happens, every line is acknowledged at least once.
func TestRandomOutages(t *testing.T) {
	for seed := range uint64(60) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { outages(t, rand.New(rand.NewPCG(seed, 1))) })
		})
	}
}

func outages(t *testing.T, dice *rand.Rand) {
	a := newTail(t)
	begin := func() {
		a.start()
		a.source.remember(time.Now()) // as the first Fill does
	}
	lines, rotated, stamp := 0, 0, time.Now()
	write := func(n int) {
		for range n {
			a.write(fmt.Sprintf("%d %s\n", lines, strings.Repeat("x", dice.IntN(300))))
			lines++
		}
		stamp = stamp.Add(time.Second) // real clocks tick between rotations
		a.must(os.Chtimes(a.path(), time.Time{}, stamp))
	}
	write(1)
	begin()
	history := ""
	for range 50 {
		what := dice.IntN(10)
		history += fmt.Sprint(what)
		switch what {
		case 0, 1:
			write(1 + dice.IntN(10))
		case 2:
			a.deliver()
		case 3: // renamed, and a new one begun
			rotated++
			a.rename("access.log", fmt.Sprintf("access.log-%04d", rotated))
			write(1 + dice.IntN(3))
		case 4: // the same, and the old one is compressed once the agent has seen that
			a.entry.shipChanged()
			rotated++
			a.rename("access.log", fmt.Sprintf("access.log-%04d", rotated))
			write(1)
			a.entry.shipChanged()
			a.must(os.Remove(a.at(fmt.Sprintf("access.log-%04d", rotated))))
			a.deliver()
		case 5: // killed while a batch is under way
			for range dice.IntN(3) {
				var lost cloudwatch.LogBatch
				a.fill(&lost, time.Duration(dice.IntN(10))*time.Second)
			}
			a.stop()
			begin()
		case 6:
			a.deliver()
			write(1)
			rotated++
			name := fmt.Sprintf("access.log-%04d", rotated)
			a.copytruncate(name)
			stamp = stamp.Add(time.Second)
			a.must(os.Chtimes(a.at(name), time.Time{}, stamp))
			write(1)
		case 7: // one batch is acknowledged, the next is not
			var first, second cloudwatch.LogBatch
			mark := a.fill(&first, time.Minute)
			write(1)
			a.fill(&second, time.Second)
			a.take(&first, mark)
			a.stop()
			begin()
		case 8:
			a.entry.shipChanged()
		case 9: // a batch is not taken, or two, and they are read again
			for range dice.IntN(3) {
				var failed cloudwatch.LogBatch
				a.fill(&failed, time.Duration(dice.IntN(10))*time.Second)
			}
			if !a.source.Rewind(false) {
				t.Fatal("what was copied away cannot be read again")
			}
		}
	}
	a.deliver()
	arrived := map[int]bool{}
	for _, message := range a.got {
		var n int
		if _, err := fmt.Sscan(message, &n); err != nil {
			t.Fatalf("not a line: %q (history %s)", message, history)
		}
		arrived[n] = true
	}
	for n := range lines {
		if !arrived[n] {
			t.Errorf("line %d of %d did not arrive (history %s)", n, lines, history)
		}
	}
}
