package local

import (
	"encoding/binary"
	"errors"

	"github.com/klauspost/compress/s2"
)

// A packedBatch is the accepted events of one request as they are stored: each is its time as a
// difference to the one before, its length, and its bytes; all of it is compressed.
type packedBatch struct {
	first, last int64 // milliseconds
	events      int
	bytes       int // of messages, and 26 each
	payload     []byte
}

func packBatch(events []inputLogEvent) packedBatch {
	b := packedBatch{first: *events[0].Timestamp, last: *events[len(events)-1].Timestamp, events: len(events)}
	for i := range events {
		b.bytes += len(*events[i].Message) + logEventOverheadBytes
	}
	plain := make([]byte, 0, b.bytes)
	at := b.first
	for i := range events {
		plain = binary.AppendUvarint(plain, uint64(*events[i].Timestamp-at))
		plain = binary.AppendUvarint(plain, uint64(len(*events[i].Message)))
		plain = append(plain, *events[i].Message...)
		at = *events[i].Timestamp
	}
	b.payload = s2.Encode(nil, plain)
	return b
}

// A packedEvent is one event of an unpacked batch; its message shares the batch's memory.
type packedEvent struct {
	at      int64
	message []byte
}

var errBrokenBatch = errors.New("unpack log batch: the stored bytes are not one")

func unpackBatch(first int64, payload []byte) ([]packedEvent, error) {
	if size, err := s2.DecodedLen(payload); err != nil || size > 4*maxLogBatchBytes {
		return nil, errBrokenBatch
	}
	plain, err := s2.Decode(nil, payload)
	if err != nil {
		return nil, errBrokenBatch
	}
	var events []packedEvent
	at := first
	for len(plain) > 0 {
		later, n := binary.Uvarint(plain)
		if n <= 0 {
			return nil, errBrokenBatch
		}
		size, m := binary.Uvarint(plain[n:])
		if m <= 0 || size > uint64(len(plain)-n-m) {
			return nil, errBrokenBatch
		}
		plain = plain[n+m:]
		at += int64(later)
		events = append(events, packedEvent{at, plain[:size:size]})
		plain = plain[size:]
	}
	return events, nil
}
