package local

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
)

// putBatch stores the accepted events of one request.
func (s *store) putBatch(ctx context.Context, stream logStream, b packedBatch, now int64) error {
	err := s.change(ctx, func(ctx context.Context, tx *sql.Tx) error {
		result, err := tx.ExecContext(ctx, `
			UPDATE log_stream SET first_at = min(coalesce(first_at, ?1), ?1), last_at = max(coalesce(last_at, ?2), ?2), ingested = ?3
			WHERE id = ?4`, b.first, b.last, now, stream.id)
		if err != nil {
			return fmt.Errorf("update log stream: %w", err)
		}
		if n, err := result.RowsAffected(); err != nil || n == 0 {
			return errors.Join(err, noSuchStream()) // it was deleted meanwhile
		}
		_, err = tx.ExecContext(ctx, `
			INSERT INTO log_batch (log_group, log_stream, first_at, last_at, ingested, events, bytes, payload)
			VALUES (?,?,?,?,?,?,?,?)`, stream.group, stream.id, b.first, b.last, now, b.events, b.bytes, b.payload)
		if err != nil {
			return fmt.Errorf("store log batch: %w", err)
		}
		return nil
	})
	if err == nil {
		s.news.announce()
	}
	return err
}

// A position is a place between two events: before the event of that time, batch and index. Events
// are ordered by time, then by when they were ingested, as FilterLogEvents documents.
type position struct {
	at    int64
	batch int64
	index int
}

func (p position) before(q position) bool {
	if p.at != q.at {
		return p.at < q.at
	}
	if p.batch != q.batch {
		return p.batch < q.batch
	}
	return p.index < q.index
}

// A storedEvent is an event where it is stored. Its message must not be changed or kept.
type storedEvent struct {
	position
	stream   int64
	ingested int64
	message  []byte
}

// An eventQuery selects events of a log group.
type eventQuery struct {
	group    int64
	streams  []int64 // nil: all of the group's
	from, to int64   // milliseconds; from is included, to is not
	backward bool    // newest first
	start    *position
}

// A batchRow is a stored batch without its payload.
type batchRow struct {
	id, stream  int64
	first, last int64
	ingested    int64
}

// batchPage is how many batches are looked up at a time.
const batchPage = 128

// batches lists the next page of batches that may hold events of a query: in the order of their
// first event, or backward of their last. No batch spans more than 24 hours, so that an index over
// one end bounds the other.
func (s *store) batches(ctx context.Context, q *eventQuery, after *batchRow) ([]batchRow, error) {
	bound, order, beyond := "first_at >= ? AND first_at < ? AND last_at >= ?", "first_at, id", "(first_at, id) > (?, ?)"
	reach := maxLogBatchSpan.Milliseconds()
	args := []any{q.from - reach, q.to, q.from}
	if q.backward {
		bound, order, beyond = "last_at < ? AND last_at >= ? AND first_at < ?", "last_at DESC, id DESC", "(last_at, id) < (?, ?)"
		args = []any{q.to + reach, q.from, q.to}
	}
	where := []string{bound, "log_group = ?"}
	args = append(args, q.group)
	if len(q.streams) == 1 {
		where[1] = "log_stream = ?"
		args[len(args)-1] = q.streams[0]
	}
	if after != nil {
		end := after.first
		args[0] = max(q.from-reach, end) // where the index is entered
		if q.backward {
			end = after.last
			args[0] = min(q.to+reach, end+1)
		}
		where = append(where, beyond)
		args = append(args, end, after.id)
	}
	rows, err := s.read.QueryContext(ctx, "SELECT id, log_stream, first_at, last_at, ingested FROM log_batch WHERE "+
		strings.Join(where, " AND ")+" ORDER BY "+order+" LIMIT "+itoa(batchPage), args...)
	if err != nil {
		return nil, fmt.Errorf("list log batches: %w", err)
	}
	return readBatchRows(rows)
}

// batchesSince lists batches of a group, or of one of its streams when that is not 0, that were
// stored after another.
func (s *store) batchesSince(ctx context.Context, group, stream, after int64) ([]batchRow, error) {
	rows, err := s.read.QueryContext(ctx, `
		SELECT id, log_stream, first_at, last_at, ingested FROM log_batch
		WHERE id > ? AND log_group = ? AND (? = 0 OR log_stream = ?) ORDER BY id LIMIT ?`,
		after, group, stream, stream, batchPage)
	if err != nil {
		return nil, fmt.Errorf("follow log batches: %w", err)
	}
	return readBatchRows(rows)
}

func readBatchRows(rows *sql.Rows) ([]batchRow, error) {
	defer rows.Close()
	var found []batchRow
	for rows.Next() {
		var b batchRow
		if err := rows.Scan(&b.id, &b.stream, &b.first, &b.last, &b.ingested); err != nil {
			return nil, fmt.Errorf("read log batch: %w", err)
		}
		found = append(found, b)
	}
	return found, rows.Err()
}

// lastBatch is the newest batch's id, 0 for none.
func (s *store) lastBatch(ctx context.Context) (id int64, err error) {
	err = s.read.QueryRowContext(ctx, "SELECT coalesce(max(id), 0) FROM log_batch").Scan(&id)
	return id, err
}

// batchEvents unpacks a batch; none when it has been deleted meanwhile.
func (s *store) batchEvents(ctx context.Context, b batchRow) ([]packedEvent, error) {
	var payload []byte
	err := s.read.QueryRowContext(ctx, "SELECT payload FROM log_batch WHERE id=?", b.id).Scan(&payload)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read log batch: %w", err)
	}
	return unpackBatch(b.first, payload)
}
