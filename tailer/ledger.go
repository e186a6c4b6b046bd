package tailer

import (
	"fmt"
	"strings"
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
	Replaced int64 `json:"not_utf8"` // events with bytes that are no text in the file's encoding, which became U+FFFD

	LagBytes     int64     `json:"lag_bytes"`                  // written and not acknowledged, read or not
	LagSince     time.Time `json:"lag_since,omitzero"`         // when the oldest of it was found; zero: there is none
	Acknowledged time.Time `json:"last_acknowledged,omitzero"` // zero: nothing yet
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

func (l *Loss) add(m Loss) {
	l.Truncated += m.Truncated
	l.Unreadable += m.Unreadable
	l.Evicted += m.Evicted
	l.Files += m.Files
}

// Add adds another ledger: the oldest lag and the latest acknowledgement stay.
func (l *Ledger) Add(m Ledger) {
	l.Read.Add(m.Read)
	l.Lines += m.Lines
	l.Sent.Add(m.Sent)
	l.Filtered.Add(m.Filtered)
	l.Blank.Add(m.Blank)
	l.Rejected.Add(m.Rejected)
	l.Lost.add(m.Lost)
	l.Pending.Add(m.Pending)
	l.Pieces += m.Pieces
	l.Replaced += m.Replaced
	l.LagBytes += m.LagBytes
	l.LagSince = sooner(l.LagSince, m.LagSince)
	l.Acknowledged = later(l.Acknowledged, m.Acknowledged)
}

func (l *Loss) sub(m Loss) {
	l.Truncated -= m.Truncated
	l.Unreadable -= m.Unreadable
	l.Evicted -= m.Evicted
	l.Files -= m.Files
}

// Balanced tells whether everything that was read is accounted for.
func (l Ledger) Balanced() bool {
	rejected := l.Rejected.Sum()
	return l.Read.Bytes == l.Sent.Bytes+l.Filtered.Bytes+l.Blank.Bytes+rejected.Bytes+l.Lost.Bytes()+l.Pending.Bytes &&
		l.Read.Events == l.Sent.Events+l.Filtered.Events+l.Blank.Events+rejected.Events+l.Pending.Events
}

// take books what has been acknowledged.
func (l *Ledger) take(t taken) {
	l.Read.Add(t.read)
	l.Filtered.Add(t.filtered)
	l.Blank.Add(t.blank)
	l.Sent.Add(t.sent())
	l.Lines += t.lines
	l.Pieces += t.pieces
	l.Replaced += t.replaced
}

// sent is what of it went into a batch.
func (t taken) sent() cloudwatch.Amount {
	a := t.read
	a.Sub(t.filtered)
	a.Sub(t.blank)
	return a
}

// reject books what the service took a batch without.
func (l *Ledger) reject(v cloudwatch.Verdict) {
	l.Rejected.Add(v)
	l.Sent.Sub(v.Sum())
}

// lose books bytes that will never be sent, and has the stream told; not of a file of which nobody knows whether it held more.
func (s *Source) lose(what Loss) {
	s.ledger.Lost.add(what)
	s.ledger.Read.Bytes += what.Bytes()
	what.Files = 0
	s.owed.add(what)
}

// String says it to the readers of a log stream.
func (l Loss) String() string {
	var all []string
	say := func(n int64, format string) {
		if n > 0 {
			all = append(all, fmt.Sprintf(format, n))
		}
	}
	say(l.Truncated, "%d bytes were truncated away before they were read")
	say(l.Unreadable, "%d bytes of a rotated file could not be read")
	say(l.Evicted, "%d bytes of deleted files were given up to free the disk")
	return strings.Join(all, ", ")
}

// Ledger is the ledger of the source as it stands.
func (s *Source) Ledger() Ledger {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.ledger
	open := s.filling
	for _, m := range s.marks {
		open.add(m.taken)
	}
	l.take(open)
	l.Sent.Sub(open.sent())
	l.Pending = open.sent()
	for _, f := range s.files {
		lag := f.offset - f.committed
		if !f.ended && !f.packed && !f.gone { // a line without an end is not late
			lag = max(f.size, f.seen) - f.committed
		}
		if lag > 0 && l.LagSince.IsZero() {
			l.LagSince = f.tides.when(f.committed, f.opened)
		}
		l.LagBytes += lag
	}
	return l
}

func (t *taken) add(u taken) {
	t.read.Add(u.read)
	t.filtered.Add(u.filtered)
	t.blank.Add(u.blank)
	t.lines += u.lines
	t.pieces += u.pieces
	t.replaced += u.replaced
}
