// Package store keeps orders in SQLite or PostgreSQL through database/sql.
// Both understand the same statements; what differs is in sqlite.go,
// postgres.go and the migrations.
package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"time"
)

type dialect string

const (
	sqliteDialect   dialect = "sqlite"
	postgresDialect dialect = "postgres"
)

// Store is an open, migrated database. It is safe for concurrent use.
type Store struct {
	db  *sql.DB
	now func() time.Time
	// file is the SQLite file as it was opened; nil for PostgreSQL.
	file *os.File
	// schema is the version that the migrations of this build lead to.
	schema int64
}

// Open connects, waiting for a PostgreSQL server that is still starting until
// ctx ends, and applies the migrations that are missing.
func Open(ctx context.Context, source Source) (*Store, error) {
	var s *Store
	var err error
	switch source.dialect {
	case sqliteDialect:
		s, err = openSQLite(ctx, source.target)
	default:
		s, err = openPostgres(ctx, source.target)
	}
	if err != nil {
		return nil, err
	}
	if s.schema, err = migrate(ctx, s.db, source.dialect); err != nil {
		return nil, errors.Join(fmt.Errorf("migrate %s: %w", source, err), s.Close())
	}
	return s, nil
}

// Close waits for running statements and closes the database.
func (s *Store) Close() error {
	err := s.db.Close()
	if s.file != nil {
		err = errors.Join(err, s.file.Close()) // after SQLite's own: see openSQLite
	}
	return err
}

// inTx runs do in one transaction: committed when do returns nil, rolled back
// otherwise.
func (s *Store) inTx(ctx context.Context, do func(*sql.Tx) error) error {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	defer func() { _ = tx.Rollback() }() // does nothing after Commit
	if err := do(tx); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	return nil
}

// timestamp is now, as precise as both databases keep it.
func (s *Store) timestamp() time.Time { return s.now().UTC().Truncate(time.Microsecond) }
