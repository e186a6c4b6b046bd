package publish

import "sync"

// MetricCounts is what became of data since the publisher began. What came in is somewhere, at every moment:
//
//	Collected + Inherited + Added = Merged + Originals + OverBudget + Empty + Sent + Invalid + GivenUp + Lost + Gathered + Spooled
type MetricCounts struct {
	Collected int64 // by collectors and listeners
	Inherited int64 // found in the spool: an earlier publisher's
	Added     int64 // by roll-ups, and by dividing what has more values than a datum may

	Merged     int64 // put into another datum of the same series and moment
	Originals  int64 // wanted for their roll-ups alone (drop_original_metrics)
	OverBudget int64 // of series that are too many
	Empty      int64 // nothing was left of them without the values that are Refused
	Sent       int64 // acknowledged
	Invalid    int64 // the service called them invalid
	GivenUp    int64 // with batches that are Dropped
	Lost       int64 // nobody took them for long: a publisher was replaced, or the disk hung
	Gathered   int64 // wait for the next flush
	Spooled    int64 // wait to be sent

	Refused int64 // values that no request may hold: not a number, infinite, beyond 2^360
	Dropped int64 // batches that the spool gave up
}

// Balanced tells whether nothing is missing.
func (c MetricCounts) Balanced() bool {
	return c.Collected+c.Inherited+c.Added ==
		c.Merged+c.Originals+c.OverBudget+c.Empty+c.Sent+c.Invalid+c.GivenUp+c.Lost+c.Gathered+c.Spooled
}

func (c *MetricCounts) add(n MetricCounts) {
	c.Collected, c.Inherited, c.Added = c.Collected+n.Collected, c.Inherited+n.Inherited, c.Added+n.Added
	c.Merged, c.Originals, c.OverBudget, c.Empty = c.Merged+n.Merged, c.Originals+n.Originals, c.OverBudget+n.OverBudget, c.Empty+n.Empty
	c.Sent, c.Invalid, c.GivenUp, c.Lost = c.Sent+n.Sent, c.Invalid+n.Invalid, c.GivenUp+n.GivenUp, c.Lost+n.Lost
	c.Gathered, c.Spooled = c.Gathered+n.Gathered, c.Spooled+n.Spooled
	c.Refused, c.Dropped = c.Refused+n.Refused, c.Dropped+n.Dropped
}

// metricLedger keeps the counts: whatever moves data from one to another does so at once.
type metricLedger struct {
	mu     sync.Mutex
	counts MetricCounts
}

func (l *metricLedger) note(change func(*MetricCounts)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	change(&l.counts)
}

func (l *metricLedger) now() MetricCounts {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.counts
}
