package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"
)

// decode yields the messages of a PutLogEvents request, as the service would read them.
func decode(body []byte, gzipped bool, each func(message string)) error {
	in := io.Reader(bytes.NewReader(body))
	if gzipped {
		unzip, err := gzip.NewReader(in)
		if err != nil {
			return fmt.Errorf("read request: %w", err)
		}
		in = unzip
	}
	var request struct {
		LogEvents []struct {
			Timestamp int64  `json:"timestamp"`
			Message   string `json:"message"`
		} `json:"logEvents"`
	}
	if err := json.NewDecoder(in).Decode(&request); err != nil {
		return fmt.Errorf("read request: %w", err)
	}
	for _, e := range request.LogEvents {
		each(e.Message)
	}
	return nil
}

// ledger compares what arrives with what was written, line by line. Lines are known by their number, from 0.
type ledger struct {
	times      []uint8 // how often each line has arrived
	next       int     // the line that is due: one more than the furthest
	Arrived    int     // lines, each counted once
	Repeated   int
	OutOfOrder int // lines that came after a later one, the first time they came
	Unknown    int // what nobody wrote
}

func newLedger(lines int) *ledger { return &ledger{times: make([]uint8, lines)} }

func (l *ledger) arrive(line int) {
	if line < 0 || line >= len(l.times) {
		l.Unknown++
		return
	}
	if l.times[line] > 0 {
		l.Repeated++
		return
	}
	l.times[line] = 1
	l.Arrived++
	if line < l.next {
		l.OutOfOrder++
	}
	l.next = max(l.next, line+1)
}

// verdict of the lines that were written: an error if they are not what arrived.
func (l *ledger) verdict(written int) error {
	if lost := written - l.Arrived; lost != 0 || l.Repeated+l.OutOfOrder+l.Unknown > 0 {
		return &badLedger{fmt.Sprintf("%d lines written, %d lost, %d repeated, %d out of order, %d unknown", written, lost, l.Repeated, l.OutOfOrder, l.Unknown)}
	}
	return nil
}

// badLedger says that lines were lost, repeated, or arrived in another order: the one finding that fails a benchmark.
type badLedger struct{ what string }

func (b *badLedger) Error() string { return b.what }
