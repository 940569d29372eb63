package store

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"
	sqlitelib "modernc.org/sqlite/lib"
)

// UnavailableError says in public words why the database cannot be used. What
// it wraps may name hosts and users, and is for the log only.
type UnavailableError struct {
	Reason string
	Err    error
}

func (e *UnavailableError) Error() string { return e.Reason }

func (e *UnavailableError) Unwrap() error { return e.Err }

// IsUnavailable is true when a statement failed because the database was not
// there to run it, so that the same request may succeed later.
func IsUnavailable(err error) bool {
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, driver.ErrBadConn) {
		return true
	}
	if _, ok := errors.AsType[*pgconn.ConnectError](err); ok {
		return true
	}
	if answer, ok := errors.AsType[*pgconn.PgError](err); ok {
		// Connection exceptions and operator intervention (PostgreSQL manual, appendix A).
		return strings.HasPrefix(answer.Code, "08") || strings.HasPrefix(answer.Code, "57P")
	}
	busy, ok := errors.AsType[*sqlite.Error](err)
	return ok && busy.Code()&0xff == sqlitelib.SQLITE_BUSY // the low byte is the primary code
}

// Check returns nil when the database answers a query on the expected schema
// before ctx ends, otherwise an *UnavailableError.
func (s *Store) Check(ctx context.Context) error {
	if s.file != nil {
		if err := s.checkFile(); err != nil {
			return err
		}
	}
	version, err := schemaVersion(ctx, s.db)
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return &UnavailableError{Reason: "database did not answer in time", Err: err}
	case IsUnavailable(err):
		return &UnavailableError{Reason: "database cannot be reached", Err: err}
	case err != nil:
		return &UnavailableError{Reason: "database cannot be queried", Err: err}
	case version < s.schema:
		// A newer schema is fine: the next release may migrate first.
		return &UnavailableError{Reason: fmt.Sprintf("database schema is at version %d, need %d", version, s.schema)}
	}
	return nil
}
