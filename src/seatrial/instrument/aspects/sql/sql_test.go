package sql

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"reflect"
	"testing"

	"seatrial.dev/weave/internal/spantest"
	"seatrial.dev/weave/statement"
	"seatrial.dev/weave/trace"
)

type fakeDriver struct{}

func (fakeDriver) Open(string) (driver.Conn, error) { return nil, errors.New("not needed") }

func open(t *testing.T) *sql.DB {
	t.Helper()
	db := sql.OpenDB(connector{})
	t.Cleanup(func() { _ = db.Close() })
	return db
}

type connector struct{}

func (connector) Connect(context.Context) (driver.Conn, error) { return nil, errors.New("not needed") }
func (connector) Driver() driver.Driver                        { return fakeDriver{} }

func TestStatementSpan(t *testing.T) {
	spans := spantest.Enable(t)
	parent := trace.Start(trace.Server, trace.LayerHTTP, "GET", nil)
	ctx := trace.With(context.Background(), parent)
	s, inner := Begin(ctx, open(t), "QueryContext", "SELECT * FROM orders WHERE name = 'secret' AND id = $1")
	if again, _ := Begin(inner, nil, "QueryContext", "SELECT 1"); again != nil {
		t.Error("a call inside a call made a second span")
	}
	End(s, nil)
	got := spantest.Attrs(spans.All()[0])
	if s.ParentID != parent.ID || s.Record().Name != "SELECT orders" || got["db.system.name"] != "other_sql" ||
		got["db.query.text"] != "SELECT * FROM orders WHERE name = ? AND id = $1" || got["db.operation.name"] != "SELECT" {
		t.Errorf("%q %v", s.Record().Name, got)
	}
}

func TestOutsideRequestsOnlyStatementsMakeSpans(t *testing.T) {
	spantest.Enable(t)
	for method, want := range map[string]bool{
		"PingContext": false, "BeginTx": false, "Commit": false, "Rollback": false, "QueryContext": true, "ExecContext": true,
	} {
		query := ""
		if want {
			query = "SELECT 1"
		}
		s, _ := Begin(context.Background(), open(t), method, query)
		if (s != nil) != want {
			t.Errorf("%s: span %v", method, s != nil)
		}
	}
	if s, _ := Begin(context.Background(), open(t), "PrepareContext", "SELECT 1"); s != nil {
		t.Error("PREPARE made a root span")
	}
}

func TestNames(t *testing.T) {
	spantest.Enable(t)
	ctx := trace.With(context.Background(), trace.Start(trace.Server, trace.LayerHTTP, "GET", nil))
	for _, c := range [][3]string{
		{"PingContext", "", "PING"}, {"BeginTx", "", "BEGIN"}, {"Commit", "", "COMMIT"},
		{"PrepareContext", "INSERT INTO t VALUES (1)", "PREPARE INSERT t"}, {"ExecContext", "{call x}", "EXEC"},
	} {
		s, _ := Begin(ctx, open(t), c[0], c[1])
		if s.End(); s.Record().Name != c[2] {
			t.Errorf("%v: %q", c, s.Record().Name)
		}
	}
}

type coded struct{}

func (coded) Error() string    { return "invalid input: secret" }
func (coded) SQLState() string { return "22P02" }

func TestErrors(t *testing.T) {
	for _, c := range []struct {
		err    error
		failed bool
		kind   any
	}{
		{nil, false, nil}, {sql.ErrNoRows, false, nil}, {driver.ErrSkip, false, nil},
		{coded{}, true, "22P02"}, {context.Canceled, true, "context.Canceled"}, {errors.New("x"), true, "*errors.errorString"},
	} {
		spantest.Enable(t)
		s, _ := Begin(context.Background(), nil, "QueryContext", "SELECT 1")
		End(s, c.err)
		if s.Record().Failed != c.failed || spantest.Attrs(s)["error.type"] != c.kind || s.Record().Message != "" {
			t.Errorf("%v: %+v", c.err, s.Record())
		}
	}
}

func TestSystemByDriverPath(t *testing.T) {
	if got := systemOfType(reflect.TypeOf(&fakeDriver{})); got.name != "other_sql" || got.dialect != statement.Unknown {
		t.Errorf("%+v", got)
	}
	if got := systemOf(nil); got.name != "other_sql" {
		t.Errorf("%+v", got)
	}
}

// wrapper is how otelsql and sqlmw hold the driver that they wrap.
type wrapper struct {
	name   string
	driver driver.Driver
}

func (*wrapper) Open(string) (driver.Conn, error) { return nil, errors.New("not needed") }

type wrapping struct{ connector }

func (w wrapping) Driver() driver.Driver {
	return &wrapper{"outer", &wrapper{"inner", fakeDriver{}}}
}

func TestSystemOfWrappedDriver(t *testing.T) {
	inner := reflect.TypeFor[fakeDriver]()
	drivers.Store(inner, system{"postgresql", statement.Postgres})
	t.Cleanup(func() { drivers.Delete(inner) })
	db := sql.OpenDB(wrapping{})
	t.Cleanup(func() { _ = db.Close() })
	if got := systemOf(db); got.name != "postgresql" || got.dialect != statement.Postgres {
		t.Errorf("%+v", got)
	}
	if got := wrapped(reflect.ValueOf(&wrapper{})); got.IsValid() {
		t.Errorf("a driver that holds none: %v", got)
	}
	if got := wrapped(reflect.ValueOf((*wrapper)(nil))); got.IsValid() {
		t.Errorf("no driver: %v", got)
	}
}

func BenchmarkSystemOfWrappedDriver(b *testing.B) {
	db := sql.OpenDB(wrapping{})
	defer func() { _ = db.Close() }()
	for b.Loop() {
		systemOf(db)
	}
}
