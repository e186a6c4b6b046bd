package main

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

// A ledger compares what arrived with what was written.
type ledger struct {
	written, arrived             int
	lost, repeated, outOfOrder   int
	firstLost, firstRep, firstUn string
}

// settleUp makes a ledger of lines that all differ. Order counts among first arrivals.
func settleUp(written, arrived []string) (l ledger) {
	place := make(map[string]int, len(written))
	for i, line := range written {
		place[line] = i
	}
	l.written, l.arrived = len(written), len(arrived)
	seen, last := make([]bool, len(written)), -1
	for _, line := range arrived {
		i, known := place[line]
		switch {
		case !known:
			l.firstUn = cmp.Or(l.firstUn, line)
		case seen[i]:
			l.repeated++
			l.firstRep = cmp.Or(l.firstRep, line)
		default:
			if seen[i] = true; i < last {
				l.outOfOrder++
			}
			last = max(last, i)
		}
	}
	for i, was := range seen {
		if !was {
			l.lost++
			l.firstLost = cmp.Or(l.firstLost, written[i])
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
	if l.lost > 0 || l.outOfOrder > 0 || l.repeated > 0 && !mayRepeat || l.firstUn != "" {
		t.Errorf("%v; the first that was lost %q, repeated %q, never written %q", l, l.firstLost, l.firstRep, l.firstUn)
	}
}

func TestLedgerSeesWhatIsWrong(t *testing.T) {
	got := settleUp([]string{"a", "b", "c", "d"}, []string{"a", "c", "b", "c", "x"})
	want := ledger{written: 4, arrived: 5, lost: 1, repeated: 1, outOfOrder: 1, firstLost: "d", firstRep: "c", firstUn: "x"}
	if got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// account waits until nothing is missing of what should arrive, given what has; then it stops the agent, and settles up. It
// looks only after a request: a stream of a hundred thousand events is not read for nothing. What is still missing after a
// minute is lost.
func (b *bed) account(group, stream string, due func(arrived []string) []string) ledger {
	b.Helper()
	settle := func() ledger {
		got := b.events(group, stream)
		return settleUp(due(got), got)
	}
	deadline, look := time.After(time.Minute), time.NewTicker(50*time.Millisecond)
	defer look.Stop()
	for looked := int64(-1); ; {
		select {
		case <-deadline:
			return settle()
		case err := <-b.ended:
			b.ended <- err
			b.Fatalf("the agent ended with %v", err)
		case <-look.C:
		}
		n := b.service.Requests()["PutLogEvents"]
		if n == looked {
			continue
		}
		looked = n
		if settle().lost == 0 {
			b.stop()
			return settle()
		}
	}
}

// caughtUp waits until a line that has just been written has arrived.
func (b *bed) caughtUp(group, stream, line string) {
	b.Helper()
	looked := int64(-1)
	b.until(line, func() bool {
		n := b.service.Requests()["PutLogEvents"]
		if n == looked {
			return false
		}
		looked = n
		return slices.Contains(b.events(group, stream), line)
	})
}

// linesOf reads files, the compressed ones too.
func (b *bed) linesOf(paths ...string) (lines []string) {
	b.Helper()
	for _, path := range paths {
		raw, err := os.ReadFile(path)
		b.must(err)
		if strings.HasSuffix(path, ".gz") {
			unzip, err := gzip.NewReader(bytes.NewReader(raw))
			b.must(err)
			raw, err = io.ReadAll(unzip)
			b.must(err)
		}
		lines = append(lines, strings.Split(strings.TrimSuffix(string(raw), "\n"), "\n")...)
	}
	return slices.DeleteFunc(lines, func(l string) bool { return l == "" })
}
