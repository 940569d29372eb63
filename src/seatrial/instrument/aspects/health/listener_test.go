package health

import (
	"bytes"
	"crypto/tls"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"testing"
	"time"
)

func TestBeforeTheFirstListenerTheServiceIsStarting(t *testing.T) {
	c := reset(t, "")
	if r := examine(c, false); r.Status != Starting || r.String() != "starting: no listener yet" {
		// The test's own process may hold a socket of its runner; it has none here.
		t.Errorf("%s", r)
	}
	l := listen(t, "tcp", "127.0.0.1:0")
	r := examine(c, false)
	if r.Status != Starting { // it listens, and does not accept yet
		t.Errorf("%s", r)
	}
	contains(t, r.String(), "starting: listener 127.0.0.1:", "not accepting yet")
	seen := take(l)
	eventually(t, "never healthy", func() bool { return examine(c, true).Status == Healthy })
	if len(seen) != 0 {
		t.Errorf("the service saw the check: %s", <-seen)
	}
}

func TestListenersOfEachKindAreReachedUnseen(t *testing.T) {
	for _, at := range [][2]string{
		{"tcp", ":0"}, {"tcp4", "0.0.0.0:0"}, {"tcp6", "[::1]:0"}, {"tcp6", "[::]:0"}, {"unix", "@seatrial-test"}, {"unix", t.TempDir() + "/s"},
	} {
		t.Run(at[0]+" "+at[1], func(t *testing.T) {
			c := reset(t, "")
			seen := take(listen(t, at[0], at[1]))
			if r := examine(c, false); r.Status != Healthy || len(seen) != 0 {
				t.Errorf("%s, %d seen", r, len(seen))
			}
		})
	}
}

func TestConnectionsOfOthersAreLeftAlone(t *testing.T) {
	c := reset(t, "")
	l := listen(t, "tcp", "127.0.0.1:0")
	seen := take(l)
	conn, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if got := <-seen; got != conn.LocalAddr().String() {
		t.Error(got)
	}
	examine(c, false)
	if len(knocks.waiting) != 0 || knocks.underway.Load() != 0 {
		t.Errorf("left behind: %v", knocks.waiting)
	}
}

func TestListenerThatStoppedAcceptingIsUnhealthy(t *testing.T) {
	c := reset(t, "timeout=200ms")
	l := listen(t, "tcp", "127.0.0.1:0")
	stop := make(chan struct{})
	go func() {
		for {
			select {
			case <-stop:
				return
			default:
			}
			if c, err := l.Accept(); err == nil {
				_ = c.Close()
			}
		}
	}()
	if r := examine(c, false); r.Status != Healthy {
		t.Fatalf("%s", r)
	}
	close(stop)
	conn, err := net.Dial("tcp", l.Addr().String()) // ends the loop
	if err != nil {
		t.Fatal(err)
	}
	_ = conn.Close()
	eventually(t, "the loop goes on", func() bool { return examine(c, false).Status == Unhealthy })
	contains(t, examine(c, false).String(), "accepts no connection within")
}

func TestLibraryThatAcceptsPastPackageNetIsHealthy(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the kernel does not tell")
	}
	c := reset(t, "")
	l := listen(t, "tcp", "127.0.0.1:0")
	take(l.Listener) // without the hook, as by system calls
	if r := examine(c, false); r.Status != Healthy {
		t.Errorf("%s", r)
	}
}

func TestSocketThatPackageNetDidNotMakeCounts(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the kernel does not tell")
	}
	c := reset(t, "")
	l, err := net.Listen("tcp4", "127.0.0.1:0") // not registered
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	r := examine(c, false)
	if r.Status != Healthy {
		t.Errorf("%s", r)
	}
	find(t, r, "listener "+l.Addr().String())
}

func TestUnusedListenerBesideAWorkingOneIsOnlyTold(t *testing.T) {
	c := reset(t, "timeout=2s")
	accepting(t)
	unused := listen(t, "tcp", "127.0.0.1:0")
	r := examine(c, false)
	if r.Status != Healthy || find(t, r, "listener "+unused.Addr().String()).Status != Skipped {
		t.Errorf("%s", r)
	}
}

func TestClosedListeners(t *testing.T) {
	c := reset(t, "")
	l := listen(t, "tcp", "127.0.0.1:0")
	Unlistened(l.Listener)
	if r := examine(c, false); r.Status != Unhealthy || r.String() != "unhealthy: no listener is open any more" {
		t.Errorf("%s", r)
	}
}

func TestListenerDroppedWithoutCloseIsForgotten(t *testing.T) {
	reset(t, "")
	func() {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		Listening(l)
	}()
	eventually(t, "kept alive, and its port with it", func() bool {
		runtime.GC()
		open, _ := openListeners()
		return len(open) == 0
	})
}

func TestTLSServerLogsNothingOfTheCheck(t *testing.T) {
	c := reset(t, "http=/ready")
	var logged bytes.Buffer
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/ready" {
			w.WriteHeader(http.StatusNotFound)
		}
	}))
	Listening(server.Listener)
	defer Unlistened(server.Listener)
	server.Listener = woven{server.Listener}
	server.Config.ErrorLog = log.New(&logged, "", 0)
	server.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
	server.StartTLS()
	live := examine(c, true)
	if live.Status != Healthy || logged.Len() != 0 {
		t.Errorf("%s, logged %q", live, logged.String())
	}
	if r := examine(c, false); r.Status != Healthy || find(t, r, "/ready").Kind != "http" {
		t.Errorf("%s", r)
	}
	server.Close()
}

func TestProbeSocketIsNoListenerOfTheService(t *testing.T) {
	reset(t, "")
	l, err := bind()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	Listening(l)
	if _, ever := openListeners(); ever {
		t.Error("counted")
	}
}

func BenchmarkAcceptedWithoutAProbe(b *testing.B) {
	server, client := net.Pipe()
	defer func() { _, _ = server.Close(), client.Close() }()
	for i := 0; i < b.N; i++ {
		if Accepted(server) {
			b.Fatal("ours")
		}
	}
}

func TestWaitingForAQuestionEndsAtTheDeadline(t *testing.T) {
	q := &question{done: make(chan struct{})}
	if q.wait(time.Now().Add(-time.Second)) || q.wait(time.Now().Add(10*time.Millisecond)) {
		t.Error("no answer is an answer")
	}
}
