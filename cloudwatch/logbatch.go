package cloudwatch

import (
	"cmp"
	"iter"
	"slices"
	"time"
	"unicode/utf8"
)

// LogBatch is the content of one PutLogEvents request. It owns one byte arena and an index into it: adding an event copies
// its bytes once and allocates nothing once the arena has grown. The zero value is an empty batch.
type LogBatch struct {
	arena      []byte
	events     []event
	first, end int64 // oldest and newest time, in milliseconds
	unsorted   bool
	replaced   int
}

type event struct {
	millis   int64
	off, len int32
}

// Add copies an event into the batch. False: the batch has no room for it, it opens the next one. A message must not be
// longer than FirstPiece allows. Bytes that are not UTF-8 become U+FFFD.
func (b *LogBatch) Add(at time.Time, message []byte) bool {
	millis := at.UnixMilli()
	if len(b.events) > 0 {
		if len(b.events) == maxLogBatchEvents {
			return false
		}
		if max(b.end, millis)-min(b.first, millis) >= maxLogBatchSpan.Milliseconds() {
			return false
		}
	}
	start := len(b.arena)
	if room := maxLogBatchBytes - b.Bytes() - eventOverhead; len(message) > room {
		return false
	}
	if utf8.Valid(message) {
		b.arena = append(b.arena, message...)
	} else {
		b.arena = appendValid(b.arena, message)
		if b.Bytes()+eventOverhead > maxLogBatchBytes {
			b.arena = b.arena[:start]
			return false
		}
		b.replaced++
	}
	if len(b.events) == 0 {
		b.first, b.end = millis, millis
	}
	b.unsorted = b.unsorted || millis < b.end
	b.first, b.end = min(b.first, millis), max(b.end, millis)
	b.events = append(b.events, event{millis, int32(start), int32(len(b.arena) - start)})
	return true
}

// Bytes is the size of the batch as the service counts it: messages plus 26 bytes an event.
func (b *LogBatch) Bytes() int { return len(b.arena) + eventOverhead*len(b.events) }

// MessageBytes is the size of the messages alone.
func (b *LogBatch) MessageBytes() (n int) {
	for _, e := range b.events {
		n += int(e.len)
	}
	return n
}

// Len is the number of events.
func (b *LogBatch) Len() int { return len(b.events) }

// Replaced is the number of events in which bytes that are not UTF-8 were replaced.
func (b *LogBatch) Replaced() int { return b.replaced }

// Reset empties the batch and keeps its memory.
func (b *LogBatch) Reset() {
	*b = LogBatch{arena: b.arena[:0], events: b.events[:0]}
}

// Sort puts the events into the order of their times, as the service demands; events of one time keep their order.
func (b *LogBatch) Sort() {
	if b.unsorted {
		slices.SortStableFunc(b.events, func(x, y event) int { return cmp.Compare(x.millis, y.millis) })
		b.unsorted = false
	}
}

// Events yields time (milliseconds since the epoch) and message of each event. The message is only valid until Reset.
func (b *LogBatch) Events() iter.Seq2[int64, []byte] {
	return func(yield func(int64, []byte) bool) {
		for _, e := range b.events {
			if !yield(e.millis, b.arena[e.off:e.off+e.len]) {
				return
			}
		}
	}
}

// Part is a view of events i up to j (exclusive); it shares memory with b.
func (b *LogBatch) Part(i, j int) *LogBatch {
	return &LogBatch{arena: b.arena, events: b.events[i:j:j]}
}

// FirstPiece tells how many bytes of a message fit into one event: all of them, or as many as end on a rune boundary.
func FirstPiece(message []byte) int {
	const worst = 3 // bytes that one byte of garbage becomes (U+FFFD)
	if len(message) <= MaxMessageBytes/worst || len(message) <= MaxMessageBytes && utf8.Valid(message) {
		return len(message)
	}
	n := min(len(message), MaxMessageBytes)
	if cut := runeStart(message, n); utf8.Valid(message[:cut]) {
		return cut
	}
	return runeStart(message, min(len(message), MaxMessageBytes/worst))
}

// runeStart moves n back to where a rune begins, if one begins within the last three bytes.
func runeStart(message []byte, n int) int {
	for back := 0; back < utf8.UTFMax && n < len(message) && n-back > 0; back++ {
		if utf8.RuneStart(message[n-back]) {
			return n - back
		}
	}
	return n
}

func appendValid(dst, message []byte) []byte {
	for len(message) > 0 {
		r, size := utf8.DecodeRune(message)
		dst = utf8.AppendRune(dst, r)
		message = message[size:]
	}
	return dst
}
