//go:build packages

package packagetest

import (
	"cmp"
	"fmt"
	"testing"
)

// A ledger compares what arrived with what was written.
type ledger struct {
	written, arrived                  int
	lost, repeated, outOfOrder, alien int
	firstLost, firstRepeated          string
	firstOutOfOrder, firstAlien       string
}

// settle makes a ledger. Equal lines count one by one.
func settle(written, arrived []string) (l ledger) {
	l.written, l.arrived = len(written), len(arrived)
	places := make(map[string][]int, len(written)) // that have not been seen yet
	known := make(map[string]bool, len(written))
	for i, line := range written {
		places[line] = append(places[line], i)
		known[line] = true
	}
	last := -1
	for _, line := range arrived {
		left := places[line]
		switch {
		case !known[line]:
			l.alien++
			l.firstAlien = cmp.Or(l.firstAlien, line)
		case len(left) == 0:
			l.repeated++
			l.firstRepeated = cmp.Or(l.firstRepeated, line)
		default:
			if left[0] < last {
				l.outOfOrder++
				l.firstOutOfOrder = cmp.Or(l.firstOutOfOrder, line)
			}
			last = max(last, left[0])
			places[line] = left[1:]
		}
	}
	for _, line := range written {
		if left := places[line]; len(left) > 0 {
			l.lost++
			l.firstLost = cmp.Or(l.firstLost, line)
			places[line] = left[1:]
		}
	}
	return l
}

func (l ledger) String() string {
	return fmt.Sprintf("%d lines written, %d arrived: lost %d, repeated %d, out of order %d", l.written, l.arrived, l.lost, l.repeated, l.outOfOrder)
}

// clean fails the test unless every line arrived once and in order; mayRepeat: a kill -9 was among what happened.
func (l ledger) clean(t *testing.T, mayRepeat bool) {
	t.Helper()
	t.Log(l)
	if l.written == 0 || l.lost > 0 || l.outOfOrder > 0 || l.alien > 0 || l.repeated > 0 && !mayRepeat {
		t.Errorf("%v; the first that was lost %q, repeated %q, out of order %q, never written %q", l, l.firstLost, l.firstRepeated, l.firstOutOfOrder, l.firstAlien)
	}
}

func TestLedgerSeesWhatIsWrong(t *testing.T) {
	t.Parallel()
	got := settle([]string{"a", "b", "c", "c", "d", "e", "e"}, []string{"a", "c", "c", "b", "c", "x", "e"})
	want := ledger{written: 7, arrived: 7, lost: 2, repeated: 1, outOfOrder: 1, alien: 1, firstLost: "d", firstRepeated: "c", firstOutOfOrder: "b", firstAlien: "x"}
	if got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}
