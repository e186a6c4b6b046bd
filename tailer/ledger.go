package tailer

import (
	"time"

	"github.com/nephoscope/nephoscope/cloudwatch"
)

// Ledger is what became of what a path led to, since the agent began to follow it. Everything that was read is accounted for:
//
//	Read = Sent + Filtered + Blank + Rejected + Lost + Pending
//
// in bytes and, but for what was lost, in events.
type Ledger struct {
	Read     cloudwatch.Amount  `json:"read"`  // what was there to be read and was, or was lost
	Lines    int64              `json:"lines"` // of Read; an event may have several
	Sent     cloudwatch.Amount  `json:"sent"`  // acknowledged
	Filtered cloudwatch.Amount  `json:"filtered"`
	Blank    cloudwatch.Amount  `json:"blank"` // blank lines, which the service does not take
	Rejected cloudwatch.Verdict `json:"rejected"`
	Lost     Loss               `json:"lost"`
	Pending  cloudwatch.Amount  `json:"pending"` // read and not acknowledged

	Pieces   int64 `json:"pieces"`   // cuts through messages too long for one event
	Replaced int64 `json:"not_utf8"` // events with bytes that are not UTF-8, which became U+FFFD

	LagBytes     int64     `json:"lag_bytes"`         // written and not acknowledged, read or not
	LagSince     time.Time `json:"lag_since"`         // when the oldest of it was found; zero: there is none
	Acknowledged time.Time `json:"last_acknowledged"` // zero: nothing yet
}

// Loss is bytes that will never be sent, by reason; at least as many as are known of.
type Loss struct {
	Truncated  int64 `json:"truncated"`  // away, before they were read, and no copy was found
	Unreadable int64 `json:"unreadable"` // a rotated file gave nothing but errors
	Evicted    int64 `json:"evicted"`    // deleted files held more disk than they were allowed to
	Files      int64 `json:"files_gone"` // files that were gone when an earlier run had not read them to their end, for all it knew
}

// Bytes is all of it that is known in bytes.
func (l Loss) Bytes() int64 { return l.Truncated + l.Unreadable + l.Evicted }

// Balanced tells whether everything that was read is accounted for.
func (l Ledger) Balanced() bool {
	rejected := l.Rejected.Sum()
	return l.Read.Bytes == l.Sent.Bytes+l.Filtered.Bytes+l.Blank.Bytes+rejected.Bytes+l.Lost.Bytes()+l.Pending.Bytes &&
		l.Read.Events == l.Sent.Events+l.Filtered.Events+l.Blank.Events+rejected.Events+l.Pending.Events
}
