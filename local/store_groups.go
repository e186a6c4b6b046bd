package local

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

type logGroup struct {
	id        int64
	name      string
	class     string
	retention int // days, 0 for ever
	protected bool
	created   int64
	bytes     int64 // stored; only where groups lists them
}

type logStream struct {
	id       int64
	group    int64
	name     string
	created  int64
	first    *int64
	last     *int64
	ingested *int64
}

// affects runs one statement and tells if it changed anything.
func (s *store) affects(ctx context.Context, query string, args ...any) (bool, error) {
	made := false
	err := s.change(ctx, func(ctx context.Context, tx *sql.Tx) error {
		result, err := tx.ExecContext(ctx, query, args...)
		if err != nil {
			return err
		}
		n, err := result.RowsAffected()
		made = n > 0
		return err
	})
	return made, err
}

func (s *store) createGroup(ctx context.Context, name, class string, protected bool, now int64) (bool, error) {
	return s.affects(ctx, "INSERT OR IGNORE INTO log_group (name, class, retention, protected, created) VALUES (?,?,0,?,?)",
		name, class, protected, now)
}

func (s *store) createStream(ctx context.Context, group int64, name string, now int64) (bool, error) {
	return s.affects(ctx, "INSERT OR IGNORE INTO log_stream (log_group, name, created) VALUES (?,?,?)", group, name, now)
}

func (s *store) setRetention(ctx context.Context, group int64, days int) error {
	_, err := s.affects(ctx, "UPDATE log_group SET retention=? WHERE id=?", days, group)
	return err
}

func (s *store) deleteGroup(ctx context.Context, id int64) error {
	return s.deleteAll(ctx, id, "DELETE FROM log_batch WHERE log_group=?",
		"DELETE FROM log_stream WHERE log_group=?", "DELETE FROM log_group WHERE id=?")
}

func (s *store) deleteStream(ctx context.Context, id int64) error {
	return s.deleteAll(ctx, id, "DELETE FROM log_batch WHERE log_stream=?", "DELETE FROM log_stream WHERE id=?")
}

func (s *store) deleteAll(ctx context.Context, id int64, statements ...string) error {
	return s.change(ctx, func(ctx context.Context, tx *sql.Tx) error {
		for _, statement := range statements {
			if _, err := tx.ExecContext(ctx, statement, id); err != nil {
				return fmt.Errorf("delete: %w", err)
			}
		}
		return nil
	})
}

func (s *store) group(ctx context.Context, name string) (g logGroup, found bool, err error) {
	err = s.read.QueryRowContext(ctx, "SELECT id, name, class, retention, protected, created FROM log_group WHERE name=?", name).
		Scan(&g.id, &g.name, &g.class, &g.retention, &g.protected, &g.created)
	if errors.Is(err, sql.ErrNoRows) {
		return g, false, nil
	}
	return g, err == nil, err
}

func (s *store) stream(ctx context.Context, group int64, name string) (f logStream, found bool, err error) {
	err = s.read.QueryRowContext(ctx, "SELECT id, log_group, name, created, first_at, last_at, ingested FROM log_stream WHERE log_group=? AND name=?",
		group, name).Scan(&f.id, &f.group, &f.name, &f.created, &f.first, &f.last, &f.ingested)
	if errors.Is(err, sql.ErrNoRows) {
		return f, false, nil
	}
	return f, err == nil, err
}

// A groupFilter selects log groups; empty fields select all.
type groupFilter struct {
	prefix, part, class string
	after               string // name of the last one seen
	limit               int
}

// groups lists log groups by name, with what they store.
func (s *store) groups(ctx context.Context, f groupFilter) ([]logGroup, error) {
	rows, err := s.read.QueryContext(ctx, `
		SELECT id, name, class, retention, protected, created, bytes FROM log_group
		WHERE name > ? AND substr(name, 1, length(?)) = ? AND (? = '' OR instr(name, ?) > 0) AND (? = '' OR class = ?)
		ORDER BY name LIMIT ?`, f.after, f.prefix, f.prefix, f.part, f.part, f.class, f.class, f.limit)
	if err != nil {
		return nil, fmt.Errorf("list log groups: %w", err)
	}
	defer rows.Close()
	var groups []logGroup
	for rows.Next() {
		var g logGroup
		if err := rows.Scan(&g.id, &g.name, &g.class, &g.retention, &g.protected, &g.created, &g.bytes); err != nil {
			return nil, fmt.Errorf("list log groups: %w", err)
		}
		groups = append(groups, g)
	}
	return groups, rows.Err()
}

// A streamFilter selects and orders log streams of one group.
type streamFilter struct {
	group      int64
	prefix     string
	byTime     bool // by last event instead of by name
	descending bool
	skip       int
	limit      int // 0: all
}

func (s *store) streams(ctx context.Context, f streamFilter) ([]logStream, error) {
	order, direction, limit := "name", "", -1
	if f.byTime {
		order = "coalesce(last_at, 0)"
	}
	if f.descending {
		direction = " DESC"
	}
	if f.limit > 0 {
		limit = f.limit
	}
	rows, err := s.read.QueryContext(ctx, `
		SELECT id, log_group, name, created, first_at, last_at, ingested FROM log_stream
		WHERE log_group = ? AND substr(name, 1, length(?)) = ?
		ORDER BY `+order+direction+", name"+direction+" LIMIT ? OFFSET ?", f.group, f.prefix, f.prefix, limit, f.skip)
	if err != nil {
		return nil, fmt.Errorf("list log streams: %w", err)
	}
	defer rows.Close()
	var streams []logStream
	for rows.Next() {
		var f logStream
		if err := rows.Scan(&f.id, &f.group, &f.name, &f.created, &f.first, &f.last, &f.ingested); err != nil {
			return nil, fmt.Errorf("list log streams: %w", err)
		}
		streams = append(streams, f)
	}
	return streams, rows.Err()
}
