package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"time"

	_ "modernc.org/sqlite" // the "sqlite" driver
)

// busyPause is long for SQLite and short for a start.
const busyPause = 10 * time.Millisecond

// openSQLite creates the file when it is missing, once: every connection is
// opened with mode=rw, so a file that disappears later is never recreated
// behind the back of the health check.
func openSQLite(ctx context.Context, path string) (*Store, error) {
	// Kept open until the store closes. It pins the inode, so that a
	// replacement cannot be given the same number; and closing it earlier would
	// drop SQLite's POSIX locks, which belong to the process.
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open SQLite file: %w", err)
	}
	db, err := sql.Open("sqlite", sqliteDSN(path))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open SQLite file: %w", err), file.Close())
	}
	db.SetMaxOpenConns(8)
	db.SetMaxIdleConns(8)
	s := &Store{db: db, now: time.Now, file: file}
	if err := enableWAL(ctx, db); err != nil {
		return nil, errors.Join(fmt.Errorf("open SQLite file: %w", err), s.Close())
	}
	return s, nil
}

// enableWAL lets readers and the writer work side by side. The mode is kept in
// the file. SQLite does not apply its busy timeout to the change, so another
// process that starts at the same moment makes it fail at once.
func enableWAL(ctx context.Context, db *sql.DB) error {
	for {
		_, err := db.ExecContext(ctx, "PRAGMA journal_mode = WAL")
		if err == nil || ctx.Err() != nil || !IsUnavailable(err) {
			return err
		}
		time.Sleep(busyPause)
	}
}

func sqliteDSN(path string) string {
	query := url.Values{
		"mode": {"rw"},
		// Take the write lock at BEGIN: a transaction that reads first and
		// writes later could otherwise fail with SQLITE_BUSY at once.
		"_txlock":      {"immediate"},
		"_time_format": {"sqlite"},
		"_pragma": {
			"busy_timeout(4000)",
			"foreign_keys(1)",
			"synchronous(NORMAL)",
		},
	}
	return (&url.URL{Scheme: "file", Path: path, RawQuery: query.Encode()}).String()
}

// checkFile finds what SQLite cannot see: its descriptors keep working on a
// file that nobody else can reach any more.
func (s *Store) checkFile() error {
	opened, err := s.file.Stat()
	if err != nil {
		return &UnavailableError{Reason: "database file cannot be read", Err: err}
	}
	current, err := os.Stat(s.file.Name())
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return &UnavailableError{Reason: "database file is gone", Err: err}
	case err != nil:
		return &UnavailableError{Reason: "database file cannot be read", Err: err}
	case !os.SameFile(opened, current):
		return &UnavailableError{Reason: "database file was replaced since it was opened"}
	}
	return nil
}
