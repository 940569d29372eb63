package health

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"
)

// reset gives a test a process that holds nothing, with these settings.
func reset(t *testing.T, text string) *config {
	t.Helper()
	clear := func(text string) {
		stores.mu.Lock()
		defer stores.mu.Unlock()
		listeners.mu.Lock()
		defer listeners.mu.Unlock()
		stores.open = nil
		listeners.open, listeners.count = nil, 0
		settings = text
		configured.once = sync.Once{}
	}
	clear(text)
	t.Cleanup(func() { clear("") })
	return current()
}

// find returns the one check of this name.
func find(t *testing.T, r Report, name string) Check {
	t.Helper()
	for _, c := range r.Checks {
		if c.Name == name {
			return c
		}
	}
	t.Fatalf("no %q in %v", name, r.Checks)
	return Check{}
}

// fakeServer is a database that does what a test says.
type fakeServer struct {
	mu      sync.Mutex
	down    error         // what connecting gives
	stale   int           // connections made before a restart: each fails once asked
	hang    chan struct{} // asking waits for its end, heedless of the context
	opened  int
	asked   int
	queries []string
}

func (f *fakeServer) Connect(context.Context) (driver.Conn, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.down != nil {
		return nil, f.down
	}
	f.opened++
	return &fakeConn{server: f}, nil
}

func (f *fakeServer) Driver() driver.Driver { return fakeDriver{} }

func (f *fakeServer) set(change func(*fakeServer)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change(f)
}

func (f *fakeServer) counts() (opened, asked int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.opened, f.asked
}

type fakeDriver struct{}

func (fakeDriver) Open(string) (driver.Conn, error) { return nil, errors.New("not needed") }

type fakeConn struct{ server *fakeServer }

func (c *fakeConn) Prepare(string) (driver.Stmt, error) { return nil, errors.New("not needed") }
func (c *fakeConn) Begin() (driver.Tx, error)           { return nil, errors.New("not needed") }
func (c *fakeConn) Close() error                        { return nil }

func (c *fakeConn) Ping(context.Context) error {
	c.server.mu.Lock()
	c.server.asked++
	hang := c.server.hang
	isStale := c.server.stale > 0
	if isStale {
		c.server.stale--
	}
	c.server.mu.Unlock()
	if hang != nil {
		<-hang
	}
	if isStale {
		return errors.New("broken pipe")
	}
	return nil
}

// open makes a registered handle; the hook is not woven into this test.
func (f *fakeServer) open(t *testing.T) *sql.DB {
	t.Helper()
	return opened(t, sql.OpenDB(f))
}

func opened(t *testing.T, db *sql.DB) *sql.DB {
	t.Helper()
	Opened(db)
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// mute is a server whose driver cannot ping.
type mute struct{ *fakeServer }

func (m mute) Connect(context.Context) (driver.Conn, error) { return muteConn{m.fakeServer}, nil }

type muteConn struct{ server *fakeServer }

func (muteConn) Prepare(string) (driver.Stmt, error) { return nil, errors.New("not needed") }
func (muteConn) Begin() (driver.Tx, error)           { return nil, errors.New("not needed") }
func (muteConn) Close() error                        { return nil }
func (c muteConn) QueryContext(_ context.Context, query string, _ []driver.NamedValue) (driver.Rows, error) {
	c.server.set(func(f *fakeServer) { f.queries = append(f.queries, query) })
	return &oneRow{}, nil
}

type oneRow struct{ isRead bool }

func (*oneRow) Columns() []string { return []string{"1"} }
func (*oneRow) Close() error      { return nil }
func (r *oneRow) Next(values []driver.Value) error {
	if r.isRead {
		return io.EOF
	}
	r.isRead = true
	values[0] = int64(1)
	return nil
}

// woven is a listener with the loop that the aspect puts into Accept.
type woven struct{ net.Listener }

func (w woven) Accept() (net.Conn, error) {
	for {
		c, err := w.Listener.Accept()
		if err != nil || !Accepted(c) {
			return c, err
		}
		_ = c.Close()
	}
}

// listen opens a registered listener.
func listen(t *testing.T, network, address string) woven {
	t.Helper()
	l, err := net.Listen(network, address)
	if err != nil {
		t.Skip(err)
	}
	Listening(l)
	t.Cleanup(func() { Unlistened(l); _ = l.Close() })
	return woven{l}
}

// take accepts for ever, and counts what comes through.
func take(l net.Listener) <-chan string {
	seen := make(chan string, 64)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			seen <- c.RemoteAddr().String()
			_ = c.Close()
		}
	}()
	return seen
}

func accepting(t *testing.T) {
	t.Helper()
	take(listen(t, "tcp", "127.0.0.1:0"))
}

func contains(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("%q is not in %q", part, text)
		}
	}
}

func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(5 * time.Second); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal(what)
		}
	}
}
