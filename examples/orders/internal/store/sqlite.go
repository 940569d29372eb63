package store

import (
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"time"

	_ "modernc.org/sqlite" // the "sqlite" driver
)

// openSQLite creates the file when it is missing, once: every connection is
// opened with mode=rw, so a file that disappears later is never recreated
// behind the back of the health check.
func openSQLite(path string) (*Store, error) {
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
	return &Store{db: db, now: time.Now, file: file}, nil
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
			"journal_mode(WAL)",
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
