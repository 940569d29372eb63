package health

import (
	"bytes"
	"encoding/json"
	"errors"
	"net"
	"strings"
	"testing"
	"time"
)

// running serves probes for one test.
func running(t *testing.T) net.Listener {
	t.Helper()
	l, err := bind()
	if err != nil {
		t.Fatal(err)
	}
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		accept(l)
	}()
	t.Cleanup(func() { _ = l.Close(); <-closed })
	return l
}

func run(form string) (code int, out string) {
	var b bytes.Buffer
	code = probe(form, &b)
	return code, b.String()
}

func TestProbeOfNobody(t *testing.T) {
	reset(t, "")
	code, out := run(formLine)
	if code != 1 || out != "unhealthy: no running service (nothing answers at its probe socket)\n" {
		t.Errorf("%d %q", code, out)
	}
	if code, out := run("all"); code != 1 || !strings.Contains(out, "json or live") {
		t.Errorf("%d %q", code, out)
	}
	code, out = run(formJSON)
	var r Report
	if err := json.Unmarshal([]byte(out), &r); err != nil || code != 1 || r.Status != Unhealthy || r.Checks[0].Kind != "process" {
		t.Errorf("%d %q", code, out)
	}
}

func TestProbeOfARunningService(t *testing.T) {
	reset(t, "informational=database-2")
	running(t)
	accepting(t)
	up, down := &fakeServer{}, &fakeServer{down: errors.New("refused")}
	up.open(t)
	down.open(t)
	code, out := run(formLine)
	if code != 0 || strings.Count(out, "\n") != 1 {
		t.Errorf("%d %q", code, out)
	}
	contains(t, out, "healthy: database ", " ms, listener 127.0.0.1:", " ms, informational database-2: refused\n")
	code, out = run(formJSON)
	var r Report
	if err := json.Unmarshal([]byte(out), &r); err != nil || code != 0 || r.Status != Healthy || len(r.Checks) != 4 {
		t.Errorf("%d %s", code, out)
	}
	if got := find(t, r, "database-2"); !got.Informational || got.Error != "refused" || got.Status != Unhealthy {
		t.Errorf("%+v", got)
	}
	if code, out = run(formLive); code != 0 || strings.Contains(out, "database") {
		t.Errorf("%d %q", code, out)
	}
	up.set(func(f *fakeServer) { f.down = errors.New("refused"); f.stale = 99 })
	if code, out = run(formLine); code != 1 || !strings.HasPrefix(out, "unhealthy: database: ") {
		t.Errorf("%d %q", code, out)
	}
	if code, _ = run(formLive); code != 0 {
		t.Error("liveness depends on a database")
	}
}

func TestServiceThatHangsIsUnhealthyInTime(t *testing.T) {
	reset(t, "timeout=50ms")
	l, err := bind() // and never accepts: a process that was stopped
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	began := time.Now()
	code, out := run(formLine)
	if code != 1 || !strings.Contains(out, "unhealthy: the service does not answer within 550ms") || time.Since(began) > 5*time.Second {
		t.Errorf("%d %q", code, out)
	}
}

func TestSecondProcessOfTheProgramTakesOver(t *testing.T) {
	reset(t, "")
	first, err := bind()
	if err != nil {
		t.Fatal(err)
	}
	held := make(chan net.Conn, 1)
	done := make(chan struct{})
	go func() {
		defer close(done)
		conn, err := first.Accept()
		if err == nil {
			held <- conn
			answer(conn)
		}
	}()
	if _, err := bind(); err == nil || !isTaken(err) {
		t.Skip("only Linux knows", err)
	}
	ended := make(chan struct{})
	go func() { awaitHolder(); close(ended) }()
	conn := <-held
	select {
	case <-ended:
		t.Fatal("did not wait")
	case <-time.After(askLimit + 200*time.Millisecond): // longer than a probe may take to ask
	}
	_, _ = first.Close(), conn.Close() // as at the end of the process
	<-ended
	<-done
	second, err := bind()
	if err != nil {
		t.Fatal(err)
	}
	_ = second.Close()
}

func BenchmarkProbe(b *testing.B) {
	settings, configured.config = "", parseSettings("listener=optional")
	configured.once.Do(func() {})
	l, err := bind()
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	go accept(l)
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer func() { Unlistened(tcp); _ = tcp.Close() }()
	Listening(tcp)
	take(woven{tcp})
	for i := 0; i < b.N; i++ {
		if r := ask(formLine); r.Status != Healthy {
			b.Fatal(r)
		}
	}
}
