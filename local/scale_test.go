package local

import (
	"context"
	"database/sql"
	"fmt"
	"net/http/httptest"
	"testing"
	"time"
)

// BenchmarkALongLog reads a stream of 300,000 small batches, as an agent leaves after weeks, from
// disk: what the console asks for first, one page of the service's API, and all of it.
func BenchmarkALongLog(b *testing.B) {
	s := &Server{Dir: b.TempDir()}
	defer s.Close()
	must(b, s, "CreateLogGroup", `{"logGroupName":"g"}`)
	must(b, s, "CreateLogStream", `{"logGroupName":"g","logStreamName":"s"}`)
	const batches = 300_000
	start := time.Now().UnixMilli() - batches*5000
	err := s.store.change(b.Context(), func(ctx context.Context, tx *sql.Tx) error {
		for i := range int64(batches) {
			at, message := start+i*5000, fmt.Sprint("line ", i)
			p := packBatch([]inputLogEvent{{&at, &message}})
			_, err := tx.ExecContext(ctx, `INSERT INTO log_batch (log_group, log_stream, first_at, last_at, ingested, events, bytes, payload)
				VALUES (1,1,?,?,?,1,?,?)`, p.first, p.last, p.last, p.bytes, p.payload)
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
	b.Run("console", func(b *testing.B) {
		for b.Loop() {
			page, err := s.consoleEvents(httptest.NewRequest("GET", "/api/events?group=g", nil))
			if err != nil || len(page.Events) != consolePageEvents {
				b.Fatal(err)
			}
		}
	})
	b.Run("page", func(b *testing.B) {
		for b.Loop() {
			must(b, s, "GetLogEvents", fmt.Sprintf(`{"logGroupName":"g","logStreamName":"s","startFromHead":true,"limit":1000,"startTime":%d}`, start+batches*2500))
		}
	})
	b.Run("all", func(b *testing.B) {
		for b.Loop() {
			n := 0
			err := s.store.scan(b.Context(), eventQuery{group: 1, to: 1 << 60}, func(storedEvent) bool { n++; return true })
			if err != nil || n != batches {
				b.Fatal(n, err)
			}
		}
	})
}
