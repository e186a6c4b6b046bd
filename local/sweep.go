package local

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// sweepForever applies retention every minute until ctx is done.
func (s *Server) sweepForever(ctx context.Context) {
	defer close(s.swept)
	ticker := time.NewTicker(time.Minute)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			if err := s.Sweep(ctx); err != nil && ctx.Err() == nil {
				s.logError("%v", err)
			}
		}
	}
}

// Sweep deletes what has outlived its retention: data after 15 days, events after their log group's
// days, and the oldest events beyond the store's bound (16 GiB on disk, 1 GiB in memory). It runs by
// itself every minute; tests call it to wait for it.
func (s *Server) Sweep(ctx context.Context) error {
	if err := s.Open(); err != nil {
		return err
	}
	if err := s.store.sweepData(ctx, s.now().Add(-datumRetention).Unix()); err != nil {
		return fmt.Errorf("sweep metrics: %w", err)
	}
	if err := s.store.sweepLogs(ctx, s.now()); err != nil {
		return fmt.Errorf("sweep logs: %w", err)
	}
	return nil
}

// sweepPart is how many rows one transaction deletes, so that writers wait for milliseconds only.
const sweepPart = 2000

// sweepData deletes data older than a second, and metrics that are left without any.
func (s *store) sweepData(ctx context.Context, before int64) error {
	metrics, err := s.metricsOlderThan(ctx, before)
	if err != nil {
		return err
	}
	for _, metric := range metrics {
		err := s.deleteInParts(ctx, `DELETE FROM datum WHERE metric = ?1 AND (at, seq) IN
			(SELECT at, seq FROM datum WHERE metric = ?1 AND at < ?2 LIMIT ?3)`, metric, before, sweepPart)
		if err != nil {
			return err
		}
	}
	if len(metrics) == 0 {
		return nil
	}
	return s.change(ctx, func(ctx context.Context, tx *sql.Tx) error {
		clear(s.metricIDs) // some are about to go; the rest is looked up again
		_, err := tx.ExecContext(ctx, "DELETE FROM metric WHERE NOT EXISTS (SELECT 1 FROM datum WHERE metric = metric.id)")
		return err
	})
}

func (s *store) metricsOlderThan(ctx context.Context, before int64) ([]int64, error) {
	rows, err := s.read.QueryContext(ctx, "SELECT id FROM metric m WHERE (SELECT min(at) FROM datum WHERE metric = m.id) < ?", before)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var ids []int64
	for rows.Next() {
		var id int64
		if err := rows.Scan(&id); err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	return ids, rows.Err()
}

// sweepLogs deletes batches whose every event has expired; reading hides single events before that.
func (s *store) sweepLogs(ctx context.Context, now time.Time) error {
	for _, days := range retentionDays() {
		expiry := now.AddDate(0, 0, -days).UnixMilli()
		err := s.deleteInParts(ctx, `DELETE FROM log_batch WHERE id IN (SELECT b.id FROM log_group g
			JOIN log_batch b ON b.log_group = g.id AND b.last_at < ? WHERE g.retention = ? LIMIT ?)`, expiry, days, sweepPart)
		if err != nil {
			return err
		}
	}
	return s.sweepBeyond(ctx, s.maxLogs)
}

// sweepBeyond deletes the oldest batches until the rest is within a size.
func (s *store) sweepBeyond(ctx context.Context, most int64) error {
	for {
		var size int64
		if err := s.read.QueryRowContext(ctx, "SELECT coalesce(sum(bytes), 0) FROM log_group").Scan(&size); err != nil {
			return err
		}
		if size <= most {
			return nil
		}
		made, err := s.affects(ctx, `DELETE FROM log_batch WHERE id <= (
			SELECT id FROM (SELECT id, sum(bytes) OVER (ORDER BY id) AS upto FROM log_batch ORDER BY id LIMIT ?2)
			WHERE upto >= ?1 OR id = (SELECT max(id) FROM (SELECT id FROM log_batch ORDER BY id LIMIT ?2)) LIMIT 1)`, size-most, sweepPart)
		if err != nil || !made {
			return err
		}
	}
}

func (s *store) deleteInParts(ctx context.Context, query string, args ...any) error {
	for {
		made, err := s.affects(ctx, query, args...)
		if err != nil || !made {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
}
