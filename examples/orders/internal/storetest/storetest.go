// Package storetest opens real databases for tests.
package storetest

import (
	"context"
	"crypto/rand"
	"database/sql"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"example.com/orders/internal/store"
)

// Each runs test on an empty SQLite store, and on an empty PostgreSQL store
// when TEST_POSTGRES_URL is set.
func Each(t *testing.T, test func(t *testing.T, s *store.Store)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { test(t, SQLite(t)) })
	t.Run("postgres", func(t *testing.T) { test(t, Open(t, PostgresURL(t))) })
}

// SQLite opens a store on a new file.
func SQLite(t *testing.T) *store.Store {
	t.Helper()
	return Open(t, SQLiteURL(filepath.Join(t.TempDir(), "orders.db")))
}

// SQLiteURL names a file as DATABASE_URL does.
func SQLiteURL(path string) string { return "sqlite://" + filepath.ToSlash(path) }

// Open opens a store that is closed when the test ends.
func Open(t *testing.T, databaseURL string) *store.Store {
	t.Helper()
	source, err := store.ParseSource(databaseURL)
	if err != nil {
		t.Fatal(err)
	}
	s, err := store.Open(t.Context(), source)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// PostgresURL points at a new schema of TEST_POSTGRES_URL, dropped when the
// test ends, so that tests may share a database. Without the variable, the
// test is skipped.
func PostgresURL(t *testing.T) string {
	t.Helper()
	base := os.Getenv("TEST_POSTGRES_URL")
	if base == "" {
		t.Skip("TEST_POSTGRES_URL is not set")
	}
	target, err := url.Parse(base)
	if err != nil {
		t.Fatal("TEST_POSTGRES_URL is not a URL")
	}
	db, err := sql.Open("pgx", base)
	if err != nil {
		t.Fatal(err)
	}
	schema := "test_" + strings.ToLower(rand.Text())
	if _, err := db.ExecContext(t.Context(), "CREATE SCHEMA "+schema); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		// The test's own context has ended by now.
		if _, err := db.ExecContext(context.Background(), "DROP SCHEMA "+schema+" CASCADE"); err != nil {
			t.Error(err)
		}
		_ = db.Close()
	})
	query := target.Query()
	query.Set("search_path", schema)
	target.RawQuery = query.Encode()
	return target.String()
}
