package local

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// A parameter is one version of a parameter.
type parameter struct {
	name        string
	version     int64
	kind        string // String, StringList or SecureString
	value       string // as it was given, also of a SecureString
	description string
	tier        string
	dataType    string
	pattern     string
	keyID       string
	modified    int64 // milliseconds since 1970
}

const parameterColumns = "name, version, kind, value, description, tier, data_type, pattern, key_id, modified"

// newestParameters selects each parameter as it is now.
const newestParameters = "SELECT " + parameterColumns + " FROM parameter p WHERE version = (SELECT max(version) FROM parameter WHERE name = p.name)"

func (p *parameter) scan(from interface{ Scan(...any) error }) error {
	return from.Scan(&p.name, &p.version, &p.kind, &p.value, &p.description, &p.tier, &p.dataType, &p.pattern, &p.keyID, &p.modified)
}

// putParameter makes a new version. merge is called with the newest one, if there is one, and with how many standard
// parameters there are; what it leaves in p is stored.
func (s *store) putParameter(ctx context.Context, p *parameter, merge func(p *parameter, before *parameter, standard int) error) error {
	return s.change(ctx, func(ctx context.Context, tx *sql.Tx) error {
		before := new(parameter)
		err := before.scan(tx.QueryRowContext(ctx, newestParameters+" AND name = ?", p.name))
		if errors.Is(err, sql.ErrNoRows) {
			before, err = nil, nil
		}
		if err != nil {
			return fmt.Errorf("put parameter: %w", err)
		}
		standard := 0
		if before == nil {
			if err := tx.QueryRowContext(ctx, "SELECT count(DISTINCT name) FROM parameter WHERE tier = ?", tierStandard).Scan(&standard); err != nil {
				return fmt.Errorf("put parameter: %w", err)
			}
		}
		if err := merge(p, before, standard); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, "INSERT INTO parameter ("+parameterColumns+") VALUES (?,?,?,?,?,?,?,?,?,?)",
			p.name, p.version, p.kind, p.value, p.description, p.tier, p.dataType, p.pattern, p.keyID, p.modified)
		if err == nil {
			_, err = tx.ExecContext(ctx, "DELETE FROM parameter WHERE name = ? AND version <= ?", p.name, p.version-maxParameterVersions)
		}
		return err
	})
}

// parameter finds a version of a parameter, the newest for 0; known tells if there is any.
func (s *store) parameter(ctx context.Context, name string, version int64) (p parameter, found, known bool, err error) {
	query, args := newestParameters+" AND name = ?", []any{name}
	if version != 0 {
		query, args = "SELECT "+parameterColumns+" FROM parameter WHERE name = ? AND version = ?", []any{name, version}
	}
	err = p.scan(s.read.QueryRowContext(ctx, query, args...))
	if err == nil {
		return p, true, true, nil
	}
	if !errors.Is(err, sql.ErrNoRows) {
		return p, false, false, fmt.Errorf("read parameter: %w", err)
	}
	err = s.read.QueryRowContext(ctx, "SELECT count(*) > 0 FROM parameter WHERE name = ?", name).Scan(&known)
	return p, false, known, err
}

// A parameterFilter selects parameters; empty fields select all.
type parameterFilter struct {
	under    string // a path that ends in "/"
	oneLevel bool   // below it
	keep     func(parameter) bool
	after    string // name of the last one seen
	limit    int
}

// parameters lists the newest versions by name.
func (s *store) parameters(ctx context.Context, f parameterFilter) ([]parameter, error) {
	rows, err := s.read.QueryContext(ctx, newestParameters+` AND name > ? AND substr(name, 1, length(?)) = ?
		AND (NOT ? OR instr(substr(name, length(?) + 1), '/') = 0) ORDER BY name`, f.after, f.under, f.under, f.oneLevel, f.under)
	if err != nil {
		return nil, fmt.Errorf("list parameters: %w", err)
	}
	defer rows.Close()
	var list []parameter
	for rows.Next() && len(list) < f.limit {
		var p parameter
		if err := p.scan(rows); err != nil {
			return nil, fmt.Errorf("list parameters: %w", err)
		}
		if f.keep == nil || f.keep(p) {
			list = append(list, p)
		}
	}
	return list, rows.Err()
}

func (s *store) deleteParameter(ctx context.Context, name string) (bool, error) {
	return s.affects(ctx, "DELETE FROM parameter WHERE name = ?", name)
}
