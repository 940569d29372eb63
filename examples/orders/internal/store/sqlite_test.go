package store

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"example.com/orders/internal/order"
)

func checkReason(t *testing.T, s *Store) string {
	t.Helper()
	err := s.Check(t.Context())
	if err == nil {
		return ""
	}
	if _, ok := errors.AsType[*UnavailableError](err); !ok {
		t.Fatalf("got %T: %v", err, err)
	}
	return err.Error()
}

func TestRemovedFileIsNoticedAndNotRecreated(t *testing.T) {
	path := filepath.Join(t.TempDir(), "orders.db")
	s := openFile(t, path)
	if got := checkReason(t, s); got != "" {
		t.Fatalf("fresh: %s", got)
	}
	if err := os.Rename(path, path+".away"); err != nil {
		t.Fatal(err)
	}
	if got := checkReason(t, s); got != "database file is gone" {
		t.Fatalf("removed: %q", got)
	}
	// Without idle connections the next statement must open the file itself.
	s.db.SetMaxIdleConns(-1)
	if _, _, err := s.List(t.Context(), Filter{Limit: 1}); err == nil {
		t.Error("a statement ran without the file")
	}
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the file is there again: %v", err)
	}
	if err := os.Rename(path+".away", path); err != nil {
		t.Fatal(err)
	}
	if got := checkReason(t, s); got != "" {
		t.Fatalf("put back: %s", got)
	}
}

func TestReplacedFileIsNoticed(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "orders.db")
	s := openFile(t, path)
	// The freed inode number is what a file system would like to hand out
	// again, so try more than once.
	for range 20 {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if got := checkReason(t, s); got != "database file was replaced since it was opened" {
			t.Fatalf("got %q", got)
		}
	}
}

func TestUnreadableDirectoryIsNotAMissingFile(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	s := openFile(t, filepath.Join(dir, "orders.db"))
	if err := os.Rename(dir, dir+".away"); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(dir, nil, 0o600); err != nil { // ENOTDIR, also for root
		t.Fatal(err)
	}
	if got := checkReason(t, s); got != "database file cannot be read" {
		t.Fatalf("got %q", got)
	}
}

func TestRestartAfterRemovalStartsEmpty(t *testing.T) {
	path := filepath.Join(t.TempDir(), "orders.db")
	s := openFile(t, path)
	if _, err := s.db.ExecContext(t.Context(), "CREATE TABLE leftover (id INTEGER)"); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	again := openFile(t, path) // with the old write-ahead log beside it
	if got := checkReason(t, again); got != "" {
		t.Fatal(got)
	}
	if _, err := again.db.ExecContext(t.Context(), "SELECT * FROM leftover"); err == nil {
		t.Error("the old log was applied to the new file")
	}
}

func TestMissingDirectoryFailsToOpen(t *testing.T) {
	_, err := Open(t.Context(), Source{dialect: sqliteDialect, target: filepath.Join(t.TempDir(), "no", "orders.db")})
	if !errors.Is(err, os.ErrNotExist) {
		t.Fatalf("got %v", err)
	}
}

func TestFileThatIsNoDatabaseFailsToOpen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "orders.db")
	if err := os.WriteFile(path, []byte("not a database, and longer than a header would need to be, by far and wide: the header has 100 bytes"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), Source{dialect: sqliteDialect, target: path}); err == nil {
		t.Fatal("opened")
	}
}

func TestLockedDatabaseIsUnavailableAtTheDeadline(t *testing.T) {
	path := filepath.Join(t.TempDir(), "orders.db")
	s := openFile(t, path)
	tx, err := s.db.BeginTx(t.Context(), nil) // takes the write lock
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback() }()
	if got := checkReason(t, s); got != "" {
		t.Errorf("a writer makes the check fail: %s", got)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := s.Delete(ctx, 1); !IsUnavailable(err) {
		t.Errorf("got %v", err)
	}
}

func TestDeletedOrderLeavesNoItems(t *testing.T) {
	s := openFile(t, filepath.Join(t.TempDir(), "orders.db"))
	created, err := s.Create(t.Context(), order.Draft{
		Reference: "A-1", Customer: "Z", Currency: "EUR", Items: []order.Item{{SKU: "tea", Quantity: 1, UnitPriceCents: 1}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Move(t.Context(), created.ID, order.Pending, order.Cancelled); err != nil {
		t.Fatal(err)
	}
	if err := s.Delete(t.Context(), created.ID); err != nil {
		t.Fatal(err)
	}
	var items int
	if err := s.db.QueryRowContext(t.Context(), "SELECT COUNT(*) FROM order_items").Scan(&items); err != nil || items != 0 {
		t.Fatalf("%d items left, %v", items, err)
	}
}

// holdFile reserves a new SQLite file for writing, as another process that
// starts at the same moment may; SQLite's busy timeout does not cover that.
func holdFile(t *testing.T, path string) (release func()) {
	t.Helper()
	other, err := sql.Open("sqlite", path+"?_txlock=immediate")
	if err != nil {
		t.Fatal(err)
	}
	tx, err := other.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	release = sync.OnceFunc(func() {
		_ = tx.Rollback()
		_ = other.Close()
	})
	t.Cleanup(release)
	return release
}

func TestFileThatIsBusyIsAwaited(t *testing.T) {
	path := filepath.Join(t.TempDir(), "orders.db")
	time.AfterFunc(200*time.Millisecond, holdFile(t, path))
	if got := checkReason(t, openFile(t, path)); got != "" {
		t.Fatal(got)
	}
}

func TestWaitForABusyFileEnds(t *testing.T) {
	path := filepath.Join(t.TempDir(), "orders.db")
	holdFile(t, path)
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if _, err := Open(ctx, Source{dialect: sqliteDialect, target: path}); err == nil {
		t.Fatal("opened")
	}
}
