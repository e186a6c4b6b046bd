package tailer

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nephoscope/nephoscope/cloudwatch"
)

// Random histories in which each batch is remembered before it is sent, and may be taken, given back, or in doubt, with or
// without a restart, while files are renamed, copied and deleted: every line arrives exactly once.
func TestRandomDoubts(t *testing.T) {
	n := 150
	if s := os.Getenv("REVIEW_SEEDS"); s != "" {
		n, _ = strconv.Atoi(s)
	}
	for seed := range uint64(n) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { doubts(t, rand.New(rand.NewPCG(seed, 7))) })
		})
	}
}

func doubts(t *testing.T, dice *rand.Rand) {
	a := newTail(t)
	a.holding = NewHolding(dice.IntN(2)*100, 1<<30)
	ended := false // a deleted file cannot be read again after a restart
	begin := func() {
		a.start()
		a.source.remember(time.Now())
	}
	lines, rotated, stamp := 0, 0, time.Now()
	write := func(n int) {
		for range n {
			a.write(fmt.Sprintf("%d %s\n", lines, strings.Repeat("x", dice.IntN(300))))
			lines++
		}
		stamp = stamp.Add(time.Second)
		a.must(os.Chtimes(a.path(), time.Time{}, stamp))
	}
	history := ""
	files := func() {
		allowed := "012345"
		if o := os.Getenv("REVIEW_OPS"); o != "" {
			allowed = o
		}
		what := int(allowed[dice.IntN(len(allowed))] - '0')
		history += fmt.Sprint("f", what, " ")
		switch what {
		case 0, 1:
			write(1 + dice.IntN(8))
		case 2:
			rotated++
			a.rename("access.log", fmt.Sprintf("access.log-%04d", rotated))
			write(1 + dice.IntN(3))
		case 3:
			a.source.keepUp()
			rotated++
			name := fmt.Sprintf("access.log-%04d", rotated)
			a.copytruncate(name)
			stamp = stamp.Add(time.Second)
			a.must(os.Chtimes(a.at(name), time.Time{}, stamp))
			a.source.keepUp()
			write(1)
		case 4:
			a.source.keepUp()
			if len(a.source.files) > 0 { // else nobody has it open
				a.must(os.Remove(a.path()))
				a.source.keepUp()
				ended = true
				write(1 + dice.IntN(3))
			}
		case 5:
			time.Sleep(time.Duration(dice.IntN(60)) * time.Second)
		}
		if dice.IntN(2) == 0 {
			history += "k "
			a.source.keepUp()
		}
	}
	write(1)
	begin()
	steps := 40
	if o := os.Getenv("REVIEW_STEPS"); o != "" {
		steps, _ = strconv.Atoi(o)
	}
	for range steps {
		files()
		var b, second cloudwatch.LogBatch
		mark := a.fill(&b, time.Minute)
		if mark == 0 {
			continue
		}
		b.Sort()
		a.must(a.source.Remember(mark, b.Trace(), time.Now()))
		if dice.IntN(2) == 0 {
			a.source.Fill(time.Now(), &second)
		}
		if dice.IntN(2) == 0 {
			files()
		}
		choice := "01234"
		if o := os.Getenv("REVIEW_FATES"); o != "" {
			choice = o
		}
		what := int(choice[dice.IntN(len(choice))] - '0')
		history += fmt.Sprint("b", what, " ")
		if what > 0 && a.source.hasUnrepeatable() {
			what = 0
		}
		if what == 4 && ended {
			what = 1
		}
		switch what {
		case 0: // taken; the next is given back
			a.take(&b, mark)
			if !a.source.Rewind(false) {
				t.Fatalf("cannot be given back (%s)", history)
			}
		case 1:
			a.source.Rewind(false)
		case 2, 3: // in doubt
			a.source.Rewind(true)
			for range dice.IntN(3) {
				files()
			}
			if _, in := a.source.Doubt(); !in && b.Len() > 0 {
				t.Fatalf("no doubt (%s)", history)
			}
			if what == 2 {
				a.arrived(&b)
			}
			a.must(a.source.Settle(what == 2))
		case 4: // killed
			landed := dice.IntN(2) == 0
			a.stop()
			begin()
			if landed {
				a.arrived(&b)
			}
			a.must(a.source.Settle(landed))
		}
		if l := a.source.Ledger(); !l.Balanced() {
			t.Fatalf("the ledger does not add up: %+v (%s)", l, history)
		}
		if what != 4 && dice.IntN(3) == 0 {
			a.source.Rewind(false)
			a.deliver()
			a.source.keepUp()
			ended = false
		}
	}
	a.deliver()
	a.source.keepUp()
	a.deliver()
	arrived := map[int]int{}
	for _, message := range a.got {
		var n int
		if _, err := fmt.Sscan(message, &n); err != nil {
			t.Fatalf("not a line: %q (history %s)", message, history)
		}
		arrived[n]++
	}
	for n := range lines {
		if arrived[n] != 1 {
			t.Fatalf("line %d of %d arrived %d times (history %s)", n, lines, arrived[n], history)
		}
	}
	if l := a.source.Ledger(); l.Lost != (Loss{}) {
		t.Errorf("lost %+v (%s)", l.Lost, history)
	}
}

func (s *Source) hasUnrepeatable() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range s.files {
		if f.gone && f.offset > f.committed {
			return true
		}
	}
	return false
}
