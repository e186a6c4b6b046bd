package local

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
)

// putData stores data of one namespace in one transaction.
func (s *store) putData(ctx context.Context, namespace string, rows []datumRow) error {
	added := make(map[string]int64) // identities that exist only once the transaction has
	err := s.change(ctx, func(ctx context.Context, tx *sql.Tx) error {
		put := tx.StmtContext(ctx, s.putDatum)
		for i := range rows {
			r := &rows[i]
			id, err := s.metricID(ctx, tx, namespace, &r.metric, added)
			if err != nil {
				return err
			}
			_, err = put.ExecContext(ctx, id, r.stored(), s.nextDatum, r.unit, r.resolution,
				r.count, r.sum, r.min, r.max, packDistribution(r.values, r.counts))
			if err != nil {
				return fmt.Errorf("store datum: %w", err)
			}
			s.nextDatum++
		}
		return nil
	})
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for key, id := range added {
		s.metricIDs[key] = id
	}
	return nil
}

// metricID finds or makes the identity of a metric. The store's lock is held.
func (s *store) metricID(ctx context.Context, tx *sql.Tx, namespace string, m *metricKey, added map[string]int64) (int64, error) {
	dimensions := packDimensions(m.Dimensions)
	key := namespace + "\x00" + m.MetricName + "\x00" + dimensions
	if id, known := s.metricIDs[key]; known {
		return id, nil
	}
	if id, known := added[key]; known {
		return id, nil
	}
	id, err := findMetric(ctx, tx, namespace, m.MetricName, dimensions)
	if errors.Is(err, sql.ErrNoRows) {
		var result sql.Result
		result, err = tx.ExecContext(ctx, "INSERT INTO metric (namespace, name, dimensions) VALUES (?,?,?)",
			namespace, m.MetricName, dimensions)
		if err == nil {
			id, err = result.LastInsertId()
		}
	}
	if err != nil {
		return 0, fmt.Errorf("identify metric: %w", err)
	}
	added[key] = id
	return id, nil
}

// querier is what reads: a database or a transaction.
type querier interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

func findMetric(ctx context.Context, q querier, namespace, name, dimensions string) (id int64, err error) {
	err = q.QueryRowContext(ctx, "SELECT id FROM metric WHERE namespace=? AND name=? AND dimensions=?",
		namespace, name, dimensions).Scan(&id)
	return id, err
}

// metricIdentity is the row of a metric, sql.ErrNoRows when it is not known.
func (s *store) metricIdentity(ctx context.Context, namespace string, m metricKey) (int64, error) {
	return findMetric(ctx, s.read, namespace, m.MetricName, packDimensions(m.Dimensions))
}

func packDimensions(dimensions []Dimension) string {
	packed, err := json.Marshal(append([]Dimension{}, dimensions...))
	if err != nil {
		return "[]" // strings always marshal
	}
	return string(packed)
}

// A metricRow is a known metric.
type metricRow struct {
	id        int64
	namespace string
	metricKey
	first      int64 // second of its oldest datum
	last       int64 // second of its newest datum
	unit       string
	resolution int // seconds
}

// metrics lists up to limit metrics in the order of their appearance, after a row, that have a datum at
// or after a second. Empty namespace or name: any.
func (s *store) metrics(ctx context.Context, namespace, name string, after, since int64, limit int) ([]metricRow, error) {
	rows, err := s.read.QueryContext(ctx, `
		SELECT m.id, m.namespace, m.name, m.dimensions, d.at, d.unit, d.resolution,
			(SELECT min(at) FROM datum WHERE metric = m.id)
		FROM metric m JOIN datum d ON d.metric = m.id
			AND (d.at, d.seq) = (SELECT at, seq FROM datum WHERE metric = m.id ORDER BY at DESC, seq DESC LIMIT 1)
		WHERE m.id > ? AND (? = '' OR m.namespace = ?) AND (? = '' OR m.name = ?) AND d.at >= ?
		ORDER BY m.id LIMIT ?`, after, namespace, namespace, name, name, since, limit)
	if err != nil {
		return nil, fmt.Errorf("list metrics: %w", err)
	}
	defer rows.Close()
	var found []metricRow
	for rows.Next() {
		var m metricRow
		var dimensions string
		if err := rows.Scan(&m.id, &m.namespace, &m.MetricName, &dimensions, &m.last, &m.unit, &m.resolution, &m.first); err != nil {
			return nil, fmt.Errorf("list metrics: %w", err)
		}
		if err := json.Unmarshal([]byte(dimensions), &m.Dimensions); err != nil {
			return nil, fmt.Errorf("list metrics: read dimensions: %w", err)
		}
		found = append(found, m)
	}
	return found, rows.Err()
}

// data calls each for a metric's data with from ≤ time < to, oldest first. Empty unit: any.
func (s *store) data(ctx context.Context, metric, from, to int64, unit string, each func(*datumRow)) error {
	rows, err := s.read.QueryContext(ctx, `
		SELECT at, unit, resolution, count, sum, min, max, spread FROM datum
		WHERE metric = ? AND at >= ? AND at < ? AND (? = '' OR unit = ?) ORDER BY at, seq`,
		metric, from, to, unit, unit)
	if err != nil {
		return fmt.Errorf("read data: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var r datumRow
		var spread []byte
		if err := rows.Scan(&r.at, &r.unit, &r.resolution, &r.count, &r.sum, &r.min, &r.max, &spread); err != nil {
			return fmt.Errorf("read data: %w", err)
		}
		r.values, r.counts = unpackDistribution(spread)
		each(&r)
	}
	return rows.Err()
}
