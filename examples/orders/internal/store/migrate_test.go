package store

import (
	"errors"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"example.com/orders/internal/order"
)

func openFile(t *testing.T, path string) *Store {
	t.Helper()
	s, err := Open(t.Context(), Source{dialect: sqliteDialect, target: path})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func TestBothDialectsHaveTheSameMigrations(t *testing.T) {
	names := func(d dialect) (names []string) {
		migrations, err := loadMigrations(migrationFiles, "migrations/"+string(d))
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range migrations {
			names = append(names, m.name)
		}
		return names
	}
	if a, b := strings.Join(names(sqliteDialect), " "), strings.Join(names(postgresDialect), " "); a != b {
		t.Fatalf("sqlite has %s, postgres has %s", a, b)
	}
}

func TestMisnumberedMigrationsAreRefused(t *testing.T) {
	for name, files := range map[string]fstest.MapFS{
		"gap":    {"m/0001_a.sql": {}, "m/0003_b.sql": {}},
		"repeat": {"m/0001_a.sql": {}, "m/0001_b.sql": {}},
		"word":   {"m/first.sql": {}},
		"none":   {"m/": {Mode: 0o755 | 1<<31}},
	} {
		if _, err := loadMigrations(files, "m"); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestReopenedDatabaseKeepsItsOrders(t *testing.T) {
	path := filepath.Join(t.TempDir(), "orders.db")
	first := openFile(t, path)
	items := []order.Item{{SKU: "tea", Quantity: 1, UnitPriceCents: 1}}
	created, err := first.Create(t.Context(), order.Draft{Reference: "A-1", Customer: "Z", Currency: "EUR", Items: items})
	if err != nil {
		t.Fatal(err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := openFile(t, path).Get(t.Context(), created.ID); err != nil {
		t.Fatal(err)
	}
}

func TestProcessesMayMigrateAtOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "orders.db")
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			s, err := Open(t.Context(), Source{dialect: sqliteDialect, target: path})
			if err != nil {
				t.Error(err)
				return
			}
			_ = s.Close()
		})
	}
	wg.Wait()
}

func TestFailedMigrationChangesNothing(t *testing.T) {
	s := openFile(t, filepath.Join(t.TempDir(), "orders.db"))
	tx, err := s.db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	err = apply(t.Context(), tx, sqliteDialect, []migration{
		{version: 3, name: "0003_good.sql", sql: "CREATE TABLE good (id INTEGER)"},
		{version: 4, name: "0004_bad.sql", sql: "CREATE TABLE bad (id INTEGER); NONSENSE"},
	})
	if err == nil || !strings.Contains(err.Error(), "0004_bad.sql") {
		t.Fatalf("got %v", err)
	}
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	var tables int
	if err := s.db.QueryRowContext(t.Context(), "SELECT COUNT(*) FROM sqlite_master WHERE name IN ('good', 'bad')").Scan(&tables); err != nil {
		t.Fatal(err)
	}
	if version, err := schemaVersion(t.Context(), s.db); tables != 0 || version != s.schema || err != nil {
		t.Fatalf("%d tables left, version %d, %v", tables, version, err)
	}
}

func TestSchemaBehindThisBuildIsUnavailable(t *testing.T) {
	s := openFile(t, filepath.Join(t.TempDir(), "orders.db"))
	if _, err := s.db.ExecContext(t.Context(), "DELETE FROM schema_migrations WHERE version > 1"); err != nil {
		t.Fatal(err)
	}
	unavailable, ok := errors.AsType[*UnavailableError](s.Check(t.Context()))
	if !ok || unavailable.Reason != "database schema is at version 1, need 2" {
		t.Fatalf("got %v", unavailable)
	}
}

func TestSchemaAheadOfThisBuildIsHealthy(t *testing.T) {
	s := openFile(t, filepath.Join(t.TempDir(), "orders.db"))
	if _, err := s.db.ExecContext(t.Context(), "INSERT INTO schema_migrations VALUES (99, 'later', '2030-01-01')"); err != nil {
		t.Fatal(err)
	}
	if err := s.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
}
