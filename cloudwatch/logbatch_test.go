package cloudwatch

import (
	"bytes"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

var noon = time.UnixMilli(1_790_000_000_000)

func messages(b *LogBatch) (all []string) {
	for _, m := range b.Events() {
		all = append(all, string(m))
	}
	return all
}

func TestLogBatchHoldsTenThousandEventsAndNoMore(t *testing.T) {
	var b LogBatch
	for i := range 10_000 {
		if !b.Add(noon, []byte("x")) {
			t.Fatalf("event %d refused", i)
		}
	}
	if b.Add(noon, []byte("x")) {
		t.Error("event 10,001 accepted")
	}
}

func TestLogBatchCounts26BytesPerEvent(t *testing.T) {
	var b LogBatch
	half := bytes.Repeat([]byte("x"), 524_288-26)
	for range 2 {
		if !b.Add(noon, half) {
			t.Fatal("two halves of 1,048,576 bytes do not fit")
		}
	}
	if b.Bytes() != 1_048_576 {
		t.Errorf("got %d bytes, want 1,048,576", b.Bytes())
	}
	if b.Add(noon, nil) {
		t.Error("a full batch took one more")
	}
}

func TestLogBatchSpansLessThan24Hours(t *testing.T) {
	var b LogBatch
	b.Add(noon, []byte("x"))
	if !b.Add(noon.Add(-24*time.Hour+time.Millisecond), []byte("y")) {
		t.Error("23:59:59.999 refused")
	}
	if b.Add(noon.Add(2*time.Millisecond), []byte("z")) {
		t.Error("a span of more than 24 hours accepted")
	}
}

func TestLogBatchSortKeepsOrderWithinOneTime(t *testing.T) {
	var b LogBatch
	for _, e := range []struct {
		after int
		text  string
	}{{2, "c"}, {1, "a"}, {2, "d"}, {1, "b"}} {
		b.Add(noon.Add(time.Duration(e.after)*time.Second), []byte(e.text))
	}
	b.Sort()
	if got := strings.Join(messages(&b), ""); got != "abcd" {
		t.Errorf("got %s, want abcd", got)
	}
}

func TestLogBatchReplacesWhatIsNotUTF8(t *testing.T) {
	var b LogBatch
	b.Add(noon, []byte("a\xff\xc3\x28\x00z"))
	got := messages(&b)[0]
	if got != "a\ufffd\ufffd(\x00z" || b.Replaced() != 1 {
		t.Errorf("got %q, %d replaced", got, b.Replaced())
	}
}

func FuzzFirstPiece(f *testing.F) {
	f.Add([]byte("short"), 0)
	f.Add([]byte("ä€😀"), 400_000)
	f.Add([]byte{0xff, 0xfe, 0x80}, 500_000)
	f.Fuzz(func(t *testing.T, unit []byte, times int) {
		message := bytes.Repeat(unit, min(max(times, 0), 3<<20/max(len(unit), 1)))
		valid := utf8.Valid(message)
		for rest := message; len(rest) > 0; {
			n := FirstPiece(rest)
			var b LogBatch
			if n == 0 || n > len(rest) || !b.Add(noon, rest[:n]) {
				t.Fatalf("piece of %d of %d bytes does not fit an empty batch", n, len(rest))
			}
			if valid && !utf8.Valid(rest[:n]) {
				t.Fatal("a rune was cut in two")
			}
			rest = rest[n:]
		}
	})
}

func TestRefusedEventsAreNeverMoreThanThereWere(t *testing.T) {
	for tooNew := -1; tooNew < 5; tooNew++ {
		for tooOld := -1; tooOld < 5; tooOld++ {
			for expired := -1; expired < 5; expired++ {
				n, o, x := Refused{tooNew, tooOld, expired}.Count(3)
				if n < 0 || o < 0 || x < 0 || n+o+x > 3 {
					t.Errorf("%d %d %d: got %d too new, %d too old, %d expired of 3", tooNew, tooOld, expired, n, o, x)
				}
			}
		}
	}
}
