package cloudwatch

import "time"

// Trace is what a batch leaves in its stream: by it a batch can be found there. The zero value is that of no events.
type Trace struct {
	First  int64  `json:"first"`  // oldest time, in milliseconds since the epoch
	Last   int64  `json:"last"`   // newest time
	Events int    `json:"events"` // how many
	Sum    uint64 `json:"sum"`    // a checksum of times and messages, whatever their order

	// Of the events that have the newest time: another batch may have more of that time.
	LastEvents int    `json:"last_events"`
	LastSum    uint64 `json:"last_sum"`
}

// Doubt is a batch of which nobody knows whether it has arrived: it was sent, and no answer came.
type Doubt struct {
	Batch  Trace     `json:"batch"`
	Before Trace     `json:"before"` // events that are there anyway, from its first time on
	Unsure bool      `json:"unsure"` // what else may be there is not known: looking would prove nothing
	At     time.Time `json:"at"`     // when it was sent
}

// Trace is the trace of a sorted batch.
func (b *LogBatch) Trace() (t Trace) {
	for at, message := range b.Events() {
		t.Note(at, message)
	}
	return t
}

// Note adds an event to the trace.
func (t *Trace) Note(millis int64, message []byte) {
	sum := eventSum(millis, message)
	if t.Events == 0 {
		t.First, t.Last = millis, millis
	}
	t.First = min(t.First, millis)
	if millis > t.Last {
		t.Last, t.LastEvents, t.LastSum = millis, 0, 0
	}
	if millis == t.Last {
		t.LastEvents, t.LastSum = t.LastEvents+1, t.LastSum+sum
	}
	t.Events, t.Sum = t.Events+1, t.Sum+sum
}

// Edge is the trace of the events that have the newest time.
func (t Trace) Edge() Trace {
	return Trace{t.Last, t.Last, t.LastEvents, t.LastSum, t.LastEvents, t.LastSum}
}

// Then is the edge of two traces, one after the other.
func (t Trace) Then(u Trace) Trace {
	switch {
	case u.Events == 0 || t.Events > 0 && t.Last > u.Last:
		return t.Edge()
	case t.Events == 0 || t.Last < u.Last:
		return u.Edge()
	}
	e := u.Edge()
	e.Events, e.Sum, e.LastEvents, e.LastSum = e.Events+t.LastEvents, e.Sum+t.LastSum, e.LastEvents+t.LastEvents, e.LastSum+t.LastSum
	return e
}

// eventSum is FNV-1a of a time and a message, mixed so that sums of it do not cancel out.
func eventSum(millis int64, message []byte) uint64 {
	const offset, prime = 14695981039346656037, 1099511628211
	h := uint64(offset)
	for range 8 {
		h = (h ^ uint64(millis&0xff)) * prime
		millis >>= 8
	}
	for _, c := range message {
		h = (h ^ uint64(c)) * prime
	}
	h ^= h >> 32
	h *= 0x9e3779b97f4a7c15
	return h ^ h>>29
}

// Landed tells from what was found in the stream whether the batch is there. known is false if it cannot be told: others
// write to the stream, or a part of the batch was refused.
func (d Doubt) Landed(found Trace) (landed, known bool) {
	switch {
	case d.Unsure:
		return false, false
	case found.Events == d.Batch.Events+d.Before.Events && found.Sum == d.Batch.Sum+d.Before.Sum:
		return true, true
	case found.Events == d.Before.Events && found.Sum == d.Before.Sum:
		return false, true
	}
	return false, false
}
