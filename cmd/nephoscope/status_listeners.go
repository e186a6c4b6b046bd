package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// emf is what became of documents in the embedded metric format.
func (t *statusTable) emf() {
	if l := t.s.EMF; l != nil {
		t.line("")
		for _, s := range l.Sockets {
			if s.Error == "" {
				t.line("EMF ← %s", s.Address)
			} else {
				t.wrapped("", fmt.Sprintf("EMF ← %s: nobody can be heard there for %s: %s", s.Address, t.ago(s.Since), s.Error))
			}
		}
		var refused int64
		var why []string
		for _, reason := range slices.Sorted(maps.Keys(l.Refused)) {
			refused += l.Refused[reason]
			why = append(why, fmt.Sprintf("%d %s", l.Refused[reason], reason))
		}
		said := fmt.Sprintf("%d documents received = %d accepted + %d refused", l.Received, l.Accepted, refused)
		if refused > 0 {
			said += " (" + strings.Join(why, ", ") + ")"
		}
		t.wrapped("", said)
		if l.Dropped > 0 {
			t.wrapped("", fmt.Sprintf("%d datagrams more were dropped by the kernel: receive buffer full", l.Dropped))
		}
		if l.Stale > 0 {
			t.wrapped("", fmt.Sprintf("%d accepted of a time that CloudWatch makes no metrics of", l.Stale))
		}
		t.wrapped("", fmt.Sprintf("%d connections, %d turned down, %d too slow", l.Senders, l.Turned, l.Slow))
	}
	if e := t.s.Events; e != nil {
		t.wrapped("", fmt.Sprintf("events on disk: %s of %s, for %d log streams", size(e.DiskBytes), size(e.DiskMost), e.Streams))
	}
}
