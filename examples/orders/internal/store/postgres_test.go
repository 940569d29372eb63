package store_test

import (
	"context"
	"io"
	"net"
	"net/url"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"example.com/orders/internal/store"
	"example.com/orders/internal/storetest"
)

func TestPostgresIsAwaited(t *testing.T) {
	target := storetest.PostgresURL(t)
	network := newWire(t, target)
	network.set(refusing)
	time.AfterFunc(500*time.Millisecond, func() { network.set(forwarding) })
	storetest.Open(t, network.url)
}

func TestWaitForPostgresEnds(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	source, err := store.ParseSource("postgres://u:hunter2@127.0.0.1:1/orders")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := store.Open(ctx, source); err == nil {
		t.Fatal("opened")
	}
	if took := ctx.Err(); took == nil {
		t.Error("gave up early")
	}
}

func TestUnknownDatabaseIsNotAwaited(t *testing.T) {
	target, err := url.Parse(storetest.PostgresURL(t))
	if err != nil {
		t.Fatal(err)
	}
	target.Path = "/no_such_database"
	source, err := store.ParseSource(target.String())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if _, err := store.Open(ctx, source); err == nil || ctx.Err() != nil {
		t.Fatalf("got %v, context %v", err, ctx.Err())
	}
}

func TestProcessesMayMigratePostgresAtOnce(t *testing.T) {
	source, err := store.ParseSource(storetest.PostgresURL(t))
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			s, err := store.Open(t.Context(), source)
			if err != nil {
				t.Error(err)
				return
			}
			_ = s.Close()
		})
	}
	wg.Wait()
}

func TestCheckFollowsPostgresDownHungAndBack(t *testing.T) {
	network := newWire(t, storetest.PostgresURL(t))
	s := storetest.Open(t, network.url)
	check := func() string {
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		defer cancel()
		if err := s.Check(ctx); err != nil {
			return err.Error()
		}
		return ""
	}
	for _, step := range []struct {
		state wireState
		want  string
	}{
		{forwarding, ""},
		{hung, "database did not answer in time"},
		{hung, "database did not answer in time"},
		{forwarding, ""},
		{refusing, "database cannot be reached"},
		{refusing, "database cannot be reached"},
		{forwarding, ""},
	} {
		network.set(step.state)
		if got := check(); got != step.want {
			t.Fatalf("%v: got %q, want %q", step.state, got, step.want)
		}
	}
}

type wireState string

const (
	forwarding wireState = "forwarding"
	hung       wireState = "hung"     // connections stand, nothing passes
	refusing   wireState = "refusing" // connections are cut
)

// wire stands between the store and PostgreSQL and fails as networks do.
type wire struct {
	url string

	mu      sync.Mutex
	changed *sync.Cond
	state   wireState
	conns   []net.Conn
}

func newWire(t *testing.T, target string) *wire {
	t.Helper()
	cfg, err := pgx.ParseConfig(target)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	through, err := url.Parse(target)
	if err != nil {
		t.Fatal(err)
	}
	query := through.Query()
	query.Del("host")
	query.Del("port")
	query.Set("sslmode", "disable")
	through.Host, through.RawQuery = listener.Addr().String(), query.Encode()

	w := &wire{url: through.String(), state: forwarding}
	w.changed = sync.NewCond(&w.mu)
	go w.accept(listener, cfg.Host, cfg.Port)
	t.Cleanup(func() {
		_ = listener.Close()
		w.set(refusing)
	})
	return w
}

func (w *wire) set(state wireState) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.state = state
	if state == refusing {
		for _, conn := range w.conns {
			_ = conn.Close()
		}
		w.conns = nil
	}
	w.changed.Broadcast()
}

// pass waits while the wire is hung and says whether bytes may go on.
func (w *wire) pass() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	for w.state == hung {
		w.changed.Wait()
	}
	return w.state == forwarding
}

func (w *wire) accept(listener net.Listener, host string, port uint16) {
	for {
		client, err := listener.Accept()
		if err != nil {
			return
		}
		go func() {
			defer func() { _ = client.Close() }()
			if !w.pass() {
				return
			}
			network, address := "tcp", net.JoinHostPort(host, strconv.Itoa(int(port)))
			if host != "" && host[0] == '/' {
				network, address = "unix", host+"/.s.PGSQL."+strconv.Itoa(int(port))
			}
			server, err := net.Dial(network, address)
			if err != nil {
				return
			}
			w.mu.Lock()
			w.conns = append(w.conns, client, server)
			w.mu.Unlock()
			go w.copy(server, client)
			w.copy(client, server)
		}()
	}
}

func (w *wire) copy(to io.WriteCloser, from io.Reader) {
	defer func() { _ = to.Close() }()
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		if n > 0 && w.pass() {
			_, _ = to.Write(buffer[:n])
		}
		if err != nil {
			return
		}
	}
}
