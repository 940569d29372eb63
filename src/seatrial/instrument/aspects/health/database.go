package health

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"
)

// mostStale bounds how many broken connections one check puts aside.
const mostStale = 16

// database asks a *sql.DB through a connection of its own pool, which it takes
// and gives back as the service does: within the pool's limit, and without a
// change to its settings.
type database struct {
	db        *sql.DB
	isSQLite  bool
	isWaiting atomic.Bool // for a connection
	file      string      // SQLite: the main file, once it was seen to be held open
	inMemory  bool        // SQLite: once seen that there is no file
}

// check asks until a connection answers. One that does not, was in the pool
// maybe since before a restart of the database: it is put aside, and the next
// one asked. That there is none to be had is an answer.
func (d *database) check(ctx context.Context) error {
	if d.inMemory && d.db.Stats().MaxOpenConnections != 1 {
		return nil // while we had the one connection, the service would get another: another, empty database
	}
	if err := d.checkKnownFile(); err != nil {
		return err // a connection would make a new, empty one
	}
	for stale := d.staleAtMost(); ; {
		d.isWaiting.Store(true)
		conn, err := d.db.Conn(ctx)
		d.isWaiting.Store(false)
		if err != nil {
			return err
		}
		err = d.askOn(ctx, conn)
		if err != nil && !isBusy(err) && !errors.Is(err, errFile) {
			_ = conn.Raw(func(any) error { return driver.ErrBadConn }) // closes it
		}
		_ = conn.Close() // gives it back
		switch {
		case err == nil || ctx.Err() != nil || errors.Is(err, errFile):
			return err
		case isBusy(err):
			if !pause(ctx, 50*time.Millisecond) {
				return err
			}
		case stale <= 0:
			return err
		default:
			stale--
		}
	}
}

func (d *database) staleAtMost() int {
	if idle := d.db.Stats().Idle; idle < mostStale {
		return idle
	}
	return mostStale
}

func (d *database) askOn(ctx context.Context, conn *sql.Conn) error {
	hasPing := false
	err := conn.Raw(func(c any) error {
		_, hasPing = c.(driver.Pinger)
		return nil
	})
	if err == nil && hasPing {
		err = conn.PingContext(ctx)
	}
	if err == nil && !hasPing {
		var one any
		err = conn.QueryRowContext(ctx, "SELECT 1").Scan(&one)
	}
	if err == nil && d.isSQLite {
		err = d.checkFile(ctx, conn)
	}
	return err
}

// overdue tells the two ways of being late apart: the service has taken all
// connections, or the database does not answer on the one it gave.
func (d *database) overdue(since time.Duration) string {
	s := d.db.Stats()
	if s.MaxOpenConnections == 0 {
		return fmt.Sprintf("no answer within %s (%d connections in use)", since, s.InUse)
	}
	return late(since, d.isWaiting.Load() && s.InUse >= s.MaxOpenConnections, s.InUse, s.MaxOpenConnections)
}

func late(since time.Duration, isExhausted bool, used, limit int) string {
	if isExhausted {
		return fmt.Sprintf("no free connection within %s, %d of %d in use", since, used, limit)
	}
	return fmt.Sprintf("no answer within %s (%d of %d connections in use)", since, used, limit)
}

// pgxPool asks a pool of github.com/jackc/pgx/v5/pgxpool.
type pgxPool struct {
	ping  func(context.Context) error
	inUse func() (used, limit int)
}

// check asks again where a failure can be that of a connection from before a
// restart, which the pool then drops. Not where none was to be had: a wrong
// password is not to be tried three times.
func (p *pgxPool) check(ctx context.Context) error {
	err := p.ping(ctx)
	for again := 0; err != nil && again < 2 && ctx.Err() == nil && !isConnecting(err); again++ {
		err = p.ping(ctx)
	}
	return err
}

func isConnecting(err error) bool { return strings.Contains(err.Error(), "failed to connect") }

func (p *pgxPool) overdue(since time.Duration) string {
	used, limit := p.inUse()
	return late(since, used >= limit, used, limit)
}

// isBusy reports whether another connection holds SQLite's lock: the database
// is there, and soon free.
func isBusy(err error) bool {
	text := err.Error()
	return strings.Contains(text, "database is locked") || strings.Contains(text, "database table is locked") ||
		strings.Contains(text, "SQLITE_BUSY")
}

// pause waits, and reports whether the context still lives.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
