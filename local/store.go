package local

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"

	_ "modernc.org/sqlite" // the database/sql driver named "sqlite"
)

// A store keeps metrics, log events and parameters in SQLite. A batch of log events is one row, so that taking
// it costs one insertion however many events it has.
type store struct {
	write *sql.DB // one connection: SQLite has one writer at a time
	read  *sql.DB // others beside it, or the same one in memory

	mu        sync.Mutex       // held while writing; guards metricIDs and nextDatum
	metricIDs map[string]int64 // by namespace and key
	nextDatum int64
	putDatum  *sql.Stmt

	lock    *sql.DB // held, so that two servers do not share a folder; nil in memory
	news    news
	maxLogs int64 // bytes of log events before the oldest leave
}

// Times of data are in seconds, those of log events in milliseconds, since 1970, as in the APIs.
const schema = `
CREATE TABLE IF NOT EXISTS metric (
	id         INTEGER PRIMARY KEY,
	namespace  TEXT NOT NULL,
	name       TEXT NOT NULL,
	dimensions TEXT NOT NULL, -- JSON, sorted by name
	UNIQUE (namespace, name, dimensions)
);
CREATE TABLE IF NOT EXISTS datum (
	metric     INTEGER NOT NULL,
	at         INTEGER NOT NULL,
	seq        INTEGER NOT NULL,
	unit       TEXT NOT NULL,
	resolution INTEGER NOT NULL,
	count      REAL NOT NULL,
	sum        REAL NOT NULL,
	min        REAL NOT NULL,
	max        REAL NOT NULL,
	spread     BLOB, -- values and counts, where min and max do not tell
	PRIMARY KEY (metric, at, seq)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS log_group (
	id        INTEGER PRIMARY KEY,
	name      TEXT NOT NULL UNIQUE,
	class     TEXT NOT NULL,
	retention INTEGER NOT NULL, -- days; 0: for ever
	protected INTEGER NOT NULL,
	created   INTEGER NOT NULL,
	bytes     INTEGER NOT NULL DEFAULT 0 -- of its batches, kept by the triggers below
);
CREATE TABLE IF NOT EXISTS log_stream (
	id        INTEGER PRIMARY KEY,
	log_group INTEGER NOT NULL,
	name      TEXT NOT NULL,
	created   INTEGER NOT NULL,
	first_at  INTEGER,
	last_at   INTEGER,
	ingested  INTEGER,
	UNIQUE (log_group, name)
);
CREATE TABLE IF NOT EXISTS log_batch (
	id         INTEGER PRIMARY KEY AUTOINCREMENT,
	log_group  INTEGER NOT NULL,
	log_stream INTEGER NOT NULL,
	first_at   INTEGER NOT NULL,
	last_at    INTEGER NOT NULL,
	ingested   INTEGER NOT NULL,
	events     INTEGER NOT NULL,
	bytes      INTEGER NOT NULL, -- of messages, and 26 each
	payload    BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS batch_by_stream_first ON log_batch (log_stream, first_at);
CREATE INDEX IF NOT EXISTS batch_by_stream_last  ON log_batch (log_stream, last_at);
CREATE INDEX IF NOT EXISTS batch_by_group_first  ON log_batch (log_group, first_at);
CREATE INDEX IF NOT EXISTS batch_by_group_last   ON log_batch (log_group, last_at);
CREATE TABLE IF NOT EXISTS parameter (
	name        TEXT NOT NULL,
	version     INTEGER NOT NULL,
	kind        TEXT NOT NULL,
	value       TEXT NOT NULL, -- in the clear, also of a SecureString
	description TEXT NOT NULL,
	tier        TEXT NOT NULL,
	data_type   TEXT NOT NULL,
	pattern     TEXT NOT NULL,
	key_id      TEXT NOT NULL,
	modified    INTEGER NOT NULL,
	PRIMARY KEY (name, version)
) WITHOUT ROWID;
CREATE TRIGGER IF NOT EXISTS batch_stored AFTER INSERT ON log_batch BEGIN
	UPDATE log_group SET bytes = bytes + new.bytes WHERE id = new.log_group;
END;
CREATE TRIGGER IF NOT EXISTS batch_deleted AFTER DELETE ON log_batch BEGIN
	UPDATE log_group SET bytes = bytes - old.bytes WHERE id = old.log_group;
END;
`

// schemaVersion changes when a later version cannot read what an earlier one wrote.
const schemaVersion = 1

func openStore(dir string) (*store, error) {
	s := &store{metricIDs: make(map[string]int64), maxLogs: maxMemoryLogBytes}
	if err := s.connect(dir); err != nil {
		return nil, errors.Join(err, s.close())
	}
	if err := s.prepare(); err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

func (s *store) connect(dir string) (err error) {
	if dir == "" {
		if s.write, err = sql.Open("sqlite", ":memory:"); err != nil {
			return err
		}
		s.write.SetMaxOpenConns(1) // a second connection would be a second, empty database
		s.read = s.write
		return nil
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	if s.lock, err = lockFolder(dir); err != nil {
		return err
	}
	file, err := databaseURL(filepath.Join(dir, "cloudwatch.db"))
	if err != nil {
		return err
	}
	s.maxLogs = maxDiskLogBytes
	if s.write, err = sql.Open("sqlite", file+"&_txlock=immediate"); err != nil {
		return err
	}
	s.write.SetMaxOpenConns(1)
	if s.read, err = sql.Open("sqlite", file+"&_pragma=query_only(1)"); err != nil {
		return err
	}
	s.read.SetMaxOpenConns(4)
	return nil
}

// lockFolder holds an exclusive transaction in a database of its own: the one lock that works the
// same on every system, and that ends with the process, however it ends.
func lockFolder(dir string) (*sql.DB, error) {
	file, err := databaseURL(filepath.Join(dir, "lock.db"))
	if err != nil {
		return nil, err
	}
	file, _, _ = strings.Cut(file, "?")
	lock, err := sql.Open("sqlite", file)
	if err != nil {
		return nil, err
	}
	lock.SetMaxOpenConns(1)
	if _, err := lock.ExecContext(context.Background(), "BEGIN EXCLUSIVE"); err != nil {
		if strings.Contains(err.Error(), "locked") {
			err = fmt.Errorf("another server uses %s", dir)
		}
		return nil, errors.Join(err, lock.Close())
	}
	return lock, nil
}

// databaseURL names a file for SQLite, with what each connection sets. A killed process loses
// nothing that was acknowledged; a power cut may lose the last moments (synchronous=NORMAL).
func databaseURL(file string) (string, error) {
	file, err := filepath.Abs(file)
	if err != nil {
		return "", err
	}
	path := filepath.ToSlash(file)
	if !strings.HasPrefix(path, "/") { // C:/…
		path = "/" + path
	}
	u := url.URL{Scheme: "file", Path: path}
	return u.String() + "?_pragma=journal_mode(WAL)&_pragma=synchronous(NORMAL)&_pragma=busy_timeout(10000)", nil
}

func (s *store) prepare() error {
	ctx := context.Background()
	var version int
	if err := s.write.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version); err != nil {
		return err
	}
	if version > schemaVersion {
		return fmt.Errorf("it was written by a newer version (schema %d, this one knows %d)", version, schemaVersion)
	}
	if _, err := s.write.ExecContext(ctx, fmt.Sprintf("%s PRAGMA user_version=%d;", schema, schemaVersion)); err != nil {
		return err
	}
	err := s.write.QueryRowContext(ctx, "SELECT coalesce(max(seq), 0) + 1 FROM datum").Scan(&s.nextDatum)
	if err != nil {
		return err
	}
	s.putDatum, err = s.write.PrepareContext(ctx, "INSERT INTO datum VALUES (?,?,?,?,?,?,?,?,?,?)")
	return err
}

func (s *store) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var errs []error
	if s.putDatum != nil {
		errs = append(errs, s.putDatum.Close())
	}
	if s.read != nil && s.read != s.write {
		errs = append(errs, s.read.Close())
	}
	if s.write != nil {
		errs = append(errs, s.write.Close())
	}
	if s.lock != nil {
		errs = append(errs, s.lock.Close())
	}
	return errors.Join(errs...)
}

// change runs do in one transaction. It is not cancelled with the request that asked for it: what a
// client gave up on may still land, as with the real service.
func (s *store) change(ctx context.Context, do func(ctx context.Context, tx *sql.Tx) error) error {
	ctx = context.WithoutCancel(ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	tx, err := s.write.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := do(ctx, tx); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	return tx.Commit()
}

// news wakes those who follow the log: they wait on a channel that is closed when there is more.
type news struct {
	mu   sync.Mutex
	wake chan struct{}
}

func (n *news) wait() <-chan struct{} {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.wake == nil {
		n.wake = make(chan struct{})
	}
	return n.wake
}

func (n *news) announce() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.wake != nil {
		close(n.wake)
		n.wake = nil
	}
}
