package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

func TestEventIsReadBackAsItWas(t *testing.T) {
	var all strings.Builder
	for c := range 128 { // every byte that may need an escape, at every place within eight bytes
		fmt.Fprintf(&all, "%cx%c%cé\"\\%c", c, c, c, c)
	}
	for shift := range 8 {
		want := strings.Repeat("-", shift) + all.String()
		event := appendEvent(nil, eventPrefix(nil, 1763635633123), []byte(want))
		var got struct {
			Timestamp int64
			Message   string
		}
		if err := json.Unmarshal(event[:len(event)-1], &got); err != nil {
			t.Fatalf("shifted by %d: %v", shift, err)
		}
		if got.Message != want || got.Timestamp != 1763635633123 {
			t.Errorf("shifted by %d: got %d %q, want %q", shift, got.Timestamp, got.Message, want)
		}
	}
}

func TestLedgerTellsLostRepeatedAndOutOfOrder(t *testing.T) {
	f := func(want string, lines ...int) {
		t.Helper()
		l, got := newLedger(4), ""
		for _, n := range lines {
			l.arrive(n)
		}
		if err := l.verdict(4); err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%v: got %q, want %q", lines, got, want)
		}
	}
	f("", 0, 1, 2, 3)
	f("4 lines written, 1 lost, 0 repeated, 0 out of order, 0 unknown", 0, 1, 3)
	f("4 lines written, 0 lost, 2 repeated, 0 out of order, 0 unknown", 0, 1, 0, 1, 2, 3)
	f("4 lines written, 0 lost, 0 repeated, 1 out of order, 0 unknown", 0, 2, 1, 3)
	f("4 lines written, 0 lost, 0 repeated, 0 out of order, 1 unknown", 0, 1, 2, 3, -1)
}
