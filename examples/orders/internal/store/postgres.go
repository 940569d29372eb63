package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	_ "github.com/jackc/pgx/v5/stdlib" // the "pgx" driver
)

const (
	pingTimeout   = 3 * time.Second
	firstPause    = 200 * time.Millisecond
	longestPause  = 2 * time.Second
	connectionAge = 30 * time.Minute
)

func openPostgres(ctx context.Context, url string) (*Store, error) {
	db, err := sql.Open("pgx", url)
	if err != nil {
		return nil, fmt.Errorf("open PostgreSQL: %w", err)
	}
	db.SetMaxOpenConns(10)
	db.SetMaxIdleConns(10)
	db.SetConnMaxLifetime(connectionAge)
	if err := awaitServer(ctx, db); err != nil {
		return nil, errors.Join(fmt.Errorf("connect to PostgreSQL: %w", err), db.Close())
	}
	return &Store{db: db, now: time.Now}, nil
}

// awaitServer pings until the server answers, ctx ends, or the server says
// something that waiting does not cure (a wrong password, an unknown database).
func awaitServer(ctx context.Context, db *sql.DB) error {
	for pause := firstPause; ; pause = min(2*pause, longestPause) {
		err := pingOnce(ctx, db)
		if err == nil || !isTransient(err) {
			return err
		}
		slog.WarnContext(ctx, "database is not ready", "error", err.Error())
		select {
		case <-ctx.Done():
			return errors.Join(ctx.Err(), err)
		case <-time.After(pause):
		}
	}
}

func pingOnce(ctx context.Context, db *sql.DB) error {
	ctx, cancel := context.WithTimeout(ctx, pingTimeout)
	defer cancel()
	return db.PingContext(ctx)
}

// isTransient is true when the server did not answer, or answered that it is
// starting or full (PostgreSQL manual, appendix A).
func isTransient(err error) bool {
	var answer *pgconn.PgError
	if !errors.As(err, &answer) {
		return true
	}
	switch answer.Code {
	case "57P03", "53300": // cannot_connect_now, too_many_connections
		return true
	}
	return false
}
