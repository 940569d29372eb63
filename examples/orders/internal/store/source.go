package store

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/jackc/pgx/v5"
)

// Source says where the database is.
type Source struct {
	dialect dialect
	// target is an absolute file path for SQLite, a connection URL for PostgreSQL.
	target string
}

// DefaultSource is a SQLite file in the directory for temporary files, which
// is writable even where the root file system is not.
func DefaultSource() Source {
	return Source{dialect: sqliteDialect, target: filepath.Join(os.TempDir(), "orders.db")}
}

// String names the kind of database, never the credentials in its URL.
func (s Source) String() string {
	if s.dialect == sqliteDialect {
		return "sqlite " + s.target
	}
	return string(s.dialect)
}

// ParseSource accepts sqlite:///absolute/path, sqlite:relative/path and any
// postgres:// or postgresql:// URL that pgx understands. Its errors never
// hold a password.
func ParseSource(raw string) (Source, error) {
	scheme, rest, _ := strings.Cut(raw, ":")
	switch scheme {
	case "sqlite":
		return parseSQLite(rest)
	case "postgres", "postgresql":
		return parsePostgres(raw)
	}
	// Not quoted: a URL with a misspelt scheme may hold a password.
	return Source{}, errors.New("must begin with sqlite:, postgres:// or postgresql://")
}

func parseSQLite(rest string) (Source, error) {
	if absolute, ok := strings.CutPrefix(rest, "//"); ok {
		if !strings.HasPrefix(absolute, "/") {
			return Source{}, fmt.Errorf("sqlite://%s names a host: an absolute path has three slashes, sqlite:///%s", absolute, absolute)
		}
		rest = absolute
	}
	path, err := url.PathUnescape(rest)
	if err != nil {
		return Source{}, fmt.Errorf("sqlite path: %w", err)
	}
	switch {
	case path == "" || strings.HasSuffix(path, "/"):
		return Source{}, errors.New("sqlite: must name a file, such as sqlite:///tmp/orders.db")
	case path == ":memory:" || strings.ContainsAny(path, "?#\x00"):
		return Source{}, errors.New("sqlite: must be a plain file path: no :memory:, no ? or #")
	}
	absolute, err := filepath.Abs(path)
	if err != nil {
		return Source{}, fmt.Errorf("sqlite path: %w", err)
	}
	return Source{dialect: sqliteDialect, target: absolute}, nil
}

func parsePostgres(raw string) (Source, error) {
	// An URL that does not parse cannot be redacted with certainty, so it is
	// not shown; pgx redacts the others.
	if _, err := url.Parse(raw); err != nil {
		return Source{}, errors.New("is not a valid URL: want postgres://USER:PASSWORD@HOST:PORT/DATABASE, special characters percent-encoded")
	}
	if _, err := pgx.ParseConfig(raw); err != nil {
		return Source{}, err
	}
	return Source{dialect: postgresDialect, target: raw}, nil
}
