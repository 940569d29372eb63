package store

import (
	"context"
	"errors"
	"fmt"
)

// UnavailableError says in public words why the database cannot be used. What
// it wraps may name hosts and users, and is for the log only.
type UnavailableError struct {
	Reason string
	Err    error
}

func (e *UnavailableError) Error() string { return e.Reason }

func (e *UnavailableError) Unwrap() error { return e.Err }

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
	case errors.Is(err, context.DeadlineExceeded) || (err != nil && ctx.Err() != nil):
		return &UnavailableError{Reason: "database did not answer in time", Err: err}
	case err != nil:
		return &UnavailableError{Reason: "database cannot be queried", Err: err}
	case version < s.schema:
		// A newer schema is fine: the next release may migrate first.
		return &UnavailableError{Reason: fmt.Sprintf("database schema is at version %d, need %d", version, s.schema)}
	}
	return nil
}
