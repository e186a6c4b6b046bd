package publish

import "time"

// STAND-IN: to be replaced by the real one.

// Trouble is why something is not taken at the moment.
type Trouble struct {
	Since    time.Time
	Failures int
	Err      error
}

// Trouble tells why a source's events are not taken at the moment; false: they are, or there are none.
func (l *Logs) Trouble(EventSource) (Trouble, bool) { return Trouble{}, false }
