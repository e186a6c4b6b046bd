package tailer

import "github.com/nephoscope/nephoscope/cloudwatch"

// STAND-IN: to be replaced by the real one, which the source keeps itself.

// Ledger is what became of what the path led to. This one knows only whether all of it has been committed.
func (s *Source) Ledger() Ledger {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.counts
	l := Ledger{
		Read:     cloudwatch.Amount{Events: n.Events + n.Filtered + n.Blank, Bytes: n.Bytes + n.LostBytes},
		Lines:    n.Events + n.Filtered + n.Blank,
		Filtered: cloudwatch.Amount{Events: n.Filtered}, Blank: cloudwatch.Amount{Events: n.Blank},
		Lost:   Loss{Truncated: n.LostBytes, Files: n.Gone},
		Pieces: n.Pieces, Replaced: n.Replaced,
	}
	rest := cloudwatch.Amount{Events: n.Events, Bytes: n.Bytes}
	if len(s.marks) > 0 || s.unmarked > 0 {
		l.Pending, l.LagSince = rest, s.since
		l.LagBytes = n.Bytes
	} else {
		l.Sent, l.Acknowledged = rest, s.flushed
	}
	return l
}
