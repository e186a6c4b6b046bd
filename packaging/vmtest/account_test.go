//go:build vm

package vmtest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nephoscope/nephoscope/local"
)

// An account compares a log file, as it lies on its disk, with its stream. All lines differ.
type account struct {
	stream           string
	written, arrived int
	lost             []string
	ghosts           int // lines that arrived, and that the file has lost with the power
	outOfOrder       int // among first arrivals
	repeats          []repeat
}

// A repeat is a line that came once more.
type repeat struct {
	line  string
	first time.Time // when it had come before
}

// settleUp takes events in the order of their arrival.
func settleUp(stream string, file []string, events []local.Event) account {
	a := account{stream: stream, written: len(file), arrived: len(events)}
	place := make(map[string]int, len(file))
	for i, line := range file {
		place[line] = i
	}
	first, last := make(map[string]time.Time, len(events)), -1
	for _, e := range events {
		if at, again := first[e.Message]; again {
			a.repeats = append(a.repeats, repeat{e.Message, at})
			continue
		}
		first[e.Message] = e.Ingested
		i, there := place[e.Message]
		switch {
		case !there:
			a.ghosts++
		case i < last:
			a.outOfOrder++
		default:
			last = i
		}
	}
	for _, line := range file {
		if _, came := first[line]; !came {
			a.lost = append(a.lost, line)
		}
	}
	return a
}

func (a account) String() string {
	return fmt.Sprintf("%s: %d lines in the file, %d events arrived: lost %d, repeated %d, out of order %d, arrived and no longer in the file %d",
		a.stream, a.written, a.arrived, len(a.lost), len(a.repeats), a.outOfOrder, a.ghosts)
}

// whole fails the test unless every line that is in the file has arrived.
func (a account) whole(t *testing.T) {
	t.Helper()
	t.Log(a)
	if len(a.lost) > 0 {
		t.Errorf("%s: %d lines are lost, from %q to %q", a.stream, len(a.lost), a.lost[0], a.lost[len(a.lost)-1])
	}
	if a.outOfOrder > 0 {
		t.Errorf("%s: %d lines are out of order", a.stream, a.outOfOrder)
	}
}

// exact is whole, and nothing came twice.
func (a account) exact(t *testing.T) {
	t.Helper()
	a.whole(t)
	if len(a.repeats) > 0 {
		t.Errorf("%s: %d lines came again, the first of them %q", a.stream, len(a.repeats), a.repeats[0].line)
	}
}

// repeatsOnlyTheLastBatchBefore fails the test if a line came again that was not in the last batch before one of these moments.
func (a account) repeatsOnlyTheLastBatchBefore(t *testing.T, moments []time.Time, events []local.Event) {
	t.Helper()
	inFlight := map[time.Time]bool{}
	for _, m := range moments {
		var last time.Time
		for _, e := range events {
			if e.Ingested.Before(m) && e.Ingested.After(last) {
				last = e.Ingested
			}
		}
		inFlight[last] = true
	}
	for _, r := range a.repeats {
		if !inFlight[r.first] {
			t.Errorf("%s: %q came again, which had arrived at %v, in a batch that was not the last before the power went", a.stream, r.line, r.first)
			return
		}
	}
}

func TestAccountSeesWhatIsWrong(t *testing.T) {
	at := func(s int, line string) local.Event {
		return local.Event{Ingested: time.Unix(int64(s), 0), Message: line}
	}
	a := settleUp("s", []string{"a", "b", "c", "d"}, []local.Event{at(1, "a"), at(2, "c"), at(3, "b"), at(4, "c"), at(5, "x")})
	if got, want := a.String(), "s: 4 lines in the file, 5 events arrived: lost 1, repeated 1, out of order 1, arrived and no longer in the file 1"; got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
	if len(a.repeats) != 1 || !a.repeats[0].first.Equal(time.Unix(2, 0)) || strings.Join(a.lost, "") != "d" {
		t.Errorf("got %+v", a)
	}
}
