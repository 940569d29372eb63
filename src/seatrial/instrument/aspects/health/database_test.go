package health

import (
	"context"
	"database/sql"
	"errors"
	"runtime"
	"strings"
	"testing"
	"time"
)

func TestDatabaseThatAnswersIsHealthy(t *testing.T) {
	c := reset(t, "listener=optional")
	f := &fakeServer{}
	db := f.open(t)
	for i := 0; i < 3; i++ {
		r := examine(c, false)
		if got := find(t, r, "database"); r.Status != Healthy || got.Status != Healthy || got.Kind != "database" {
			t.Fatalf("%+v", r)
		}
	}
	if opened, asked := f.counts(); opened != 1 || asked != 3 {
		t.Errorf("%d connections for %d checks", opened, asked)
	}
	if s := db.Stats(); s.InUse != 0 || s.Idle != 1 || s.MaxOpenConnections != 0 {
		t.Errorf("the pool was changed: %+v", s)
	}
}

func TestDatabaseDownSaysWhyWithoutThePassword(t *testing.T) {
	c := reset(t, "listener=optional")
	f := &fakeServer{down: errors.New(`cannot parse "postgres://app:hunter2@db/shop": bad port`)}
	f.open(t)
	r := examine(c, false)
	if r.Status != Unhealthy || strings.Contains(r.String(), "hunter2") {
		t.Errorf("%s", r)
	}
	contains(t, r.String(), "unhealthy: database: cannot parse", "bad port")
}

func TestConnectionsFromBeforeARestartArePutAside(t *testing.T) {
	c := reset(t, "listener=optional")
	f := &fakeServer{}
	db := f.open(t)
	db.SetMaxIdleConns(4)
	var held []*sql.Conn
	for i := 0; i < 4; i++ {
		conn, err := db.Conn(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		held = append(held, conn)
	}
	for _, conn := range held {
		_ = conn.Close()
	}
	f.set(func(f *fakeServer) { f.stale = 4 })
	if r := examine(c, false); r.Status != Healthy {
		t.Errorf("%s", r)
	}
	if opened, asked := f.counts(); opened != 5 || asked != 5 {
		t.Errorf("%d opened, %d asked", opened, asked)
	}
	f.set(func(f *fakeServer) { f.stale = 1000 })
	if r := examine(c, false); r.Status != Unhealthy {
		t.Error("a database that never answers passed")
	}
}

func TestExhaustedPoolIsUnhealthyAndGetsNoFurtherConnection(t *testing.T) {
	c := reset(t, "listener=optional&timeout=100ms")
	f := &fakeServer{}
	db := f.open(t)
	db.SetMaxOpenConns(1)
	conn, err := db.Conn(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	r := examine(c, false)
	if r.Status != Unhealthy {
		t.Fatalf("%s", r)
	}
	contains(t, r.String(), "database: no free connection within 100ms, 1 of 1 in use")
	_ = conn.Close()
	eventually(t, "still unhealthy", func() bool { return examine(c, false).Status == Healthy })
	if opened, _ := f.counts(); opened != 1 {
		t.Errorf("%d connections", opened)
	}
}

func TestHungDatabaseIsUnhealthyInTimeAndAskedOnce(t *testing.T) {
	c := reset(t, "listener=optional&timeout=50ms")
	f := &fakeServer{hang: make(chan struct{})}
	f.open(t)
	before := runtime.NumGoroutine()
	var last Report
	for i := 0; i < 5; i++ {
		last = examine(c, false)
		if last.Status != Unhealthy {
			t.Fatalf("%s", last)
		}
	}
	contains(t, last.String(), "database: no answer within", "(1 connections in use)")
	if got := find(t, last, "database"); got.LatencyMS < 240 {
		t.Errorf("since when? %+v", got)
	}
	if opened, asked := f.counts(); opened != 1 || asked != 1 {
		t.Errorf("%d connections, asked %d times", opened, asked)
	}
	if grown := runtime.NumGoroutine() - before; grown > 4 {
		t.Errorf("%d goroutines more", grown)
	}
	close(f.hang)
	f.set(func(f *fakeServer) { f.hang = nil })
	eventually(t, "not back", func() bool { return examine(c, false).Status == Healthy })
}

func TestDriverWithoutPingIsAskedAQuery(t *testing.T) {
	c := reset(t, "listener=optional")
	f := &fakeServer{}
	opened(t, sql.OpenDB(mute{f}))
	if r := examine(c, false); r.Status != Healthy || len(f.queries) != 1 || f.queries[0] != "SELECT 1" {
		t.Errorf("%s, %v", r, f.queries)
	}
}

func TestClosedDatabaseIsForgottenAndNamesFollow(t *testing.T) {
	c := reset(t, "listener=optional&informational=database-2")
	first, second := &fakeServer{}, &fakeServer{down: errors.New("refused")}
	db := first.open(t)
	second.open(t)
	r := examine(c, false)
	if r.Status != Healthy || !find(t, r, "database-2").Informational {
		t.Errorf("informational counts: %s", r)
	}
	contains(t, r.String(), "healthy: database ", "informational database-2: refused")
	Closed(db)
	_ = db.Close()
	if r = examine(c, false); r.Status != Unhealthy || find(t, r, "database").Error != "refused" {
		t.Errorf("%s", r)
	}
}

func TestPanicOfADriverIsAnError(t *testing.T) {
	c := reset(t, "listener=optional")
	PoolOpened("pool", func(context.Context) error { panic("boom") }, func() (int, int) { return 0, 4 })
	if r := examine(c, false); r.Status != Unhealthy || find(t, r, "postgresql").Error != "panic: boom" {
		t.Errorf("%s", r)
	}
}

func TestPoolIsAskedAgainButNotWithAWrongPassword(t *testing.T) {
	c := reset(t, "listener=optional&timeout=100ms")
	asked, answer := 0, errors.New("")
	PoolOpened("pool", func(ctx context.Context) error {
		asked++
		if asked == 2 && answer.Error() == "unexpected EOF" {
			return nil
		}
		if answer == errNotAccepting {
			<-ctx.Done()
		}
		return answer
	}, func() (int, int) { return 4, 4 })
	answer = errors.New("unexpected EOF")
	if r := examine(c, false); r.Status != Healthy || asked != 2 {
		t.Errorf("%d: %s", asked, r)
	}
	asked, answer = 0, errors.New("failed to connect to `user=app`: password authentication failed")
	if r := examine(c, false); r.Status != Unhealthy || asked != 1 {
		t.Errorf("%d: %s", asked, r)
	}
	answer = errNotAccepting
	contains(t, examine(c, false).String(), "postgresql: no free connection within 100ms, 4 of 4 in use")
	PoolClosed("pool")
	if r := examine(c, false); r.Status != Healthy {
		t.Errorf("%s", r)
	}
}

func TestServiceWithItsOwnFlagRegistersNothing(t *testing.T) {
	reset(t, "timeout=4s&flag=service")
	(&fakeServer{}).open(t)
	PoolOpened("pool", nil, nil)
	listen(t, "tcp", "127.0.0.1:0")
	if names, _ := openStores(); len(names) != 0 || listeners.count != 0 {
		t.Error("registered")
	}
	Main() // binds nothing
	if _, err := dial(time.Second); err == nil {
		t.Error("bound")
	}
}
