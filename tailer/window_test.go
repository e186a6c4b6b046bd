package tailer

import (
	"bytes"
	"io"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"

	"github.com/nephoscope/nephoscope/cloudwatch"
)

// growing is a file of which only the first so many bytes have been written yet.
type growing struct {
	data    []byte
	written int
}

func (g *growing) ReadAt(p []byte, at int64) (int, error) {
	return bytes.NewReader(g.data[:g.written]).ReadAt(p, at)
}

// cutAll cuts a file that grows by the given steps into events. offset is how many bytes they stand for.
func cutAll(t *testing.T, data []byte, start startRule, grow func() int) (events []string, offset int) {
	t.Helper()
	f, v := &growing{data: data}, takeWindow()
	defer v.giveBack()
	lines := 0
	emit := func(found piece) {
		if found.size <= 0 || len(found.message) > cloudwatch.MaxMessageBytes+len("\r\n") {
			t.Fatalf("an event of %d bytes for %d of the file", len(found.message), found.size)
		}
		events, offset, lines = append(events, string(found.message)), offset+found.size, lines+found.lines
		v.take(found.size)
	}
	for {
		for {
			found, ok := v.next(start)
			if !ok {
				break
			}
			emit(found)
		}
		if _, err := v.read(f, int64(offset+v.w-v.r)); err == io.EOF {
			if f.written == len(data) {
				break
			}
			f.written = min(f.written+grow(), len(data))
		}
	}
	for found := v.last(start); found.size > 0; found = v.last(start) {
		emit(found)
	}
	if want := bytes.Count(data, []byte{'\n'}); lines < want || lines > want+1 {
		t.Fatalf("%d lines counted of %d", lines, want)
	}
	return events, offset
}

func FuzzWindowCutsTheSameEventsHoweverTheFileGrows(f *testing.F) {
	f.Add([]byte("a\r\n b\n\nc\n1 d"), uint16(1), uint64(1), false)
	f.Add([]byte("x"), uint16(20_000), uint64(2), true)
	f.Add([]byte("1\n\xff \xe2\x82\xac\r\n"), uint16(60_000), uint64(3), true)
	f.Add([]byte(" \r"), uint16(60_000), uint64(4), false)
	f.Add(bytes.Repeat([]byte("ä"), 100), uint16(6_000), uint64(5), false)
	f.Fuzz(func(t *testing.T, pattern []byte, times uint16, seed uint64, digits bool) {
		data := bytes.Repeat(pattern, min(int(times), 3<<20/max(len(pattern), 1)))
		start := startRule{}
		if digits {
			start.pattern = regexp.MustCompile(`^\d`)
		}
		dice := rand.New(rand.NewPCG(seed, 0))
		whole, all := cutAll(t, data, start, func() int { return len(data) })
		grown, offset := cutAll(t, data, start, func() int { return 1 + dice.IntN(1+len(data)/4) })
		if all != len(data) || offset != len(data) {
			t.Fatalf("events stand for %d and %d of %d bytes", all, offset, len(data))
		}
		if len(whole) != len(grown) {
			t.Fatalf("%d events of the whole file, %d of the one that grew", len(whole), len(grown))
		}
		for i := range whole {
			if whole[i] != grown[i] {
				t.Fatalf("event %d: %.100q of the whole file, %.100q of the one that grew", i, whole[i], grown[i])
			}
		}
		bare := strings.NewReplacer("\r", "", "\n", "").Replace
		if bare(strings.Join(whole, "")) != bare(string(data)) {
			t.Fatal("the events do not hold the text of the file")
		}
	})
}
