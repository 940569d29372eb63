package health

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"seatrial.dev/weave/trace"
)

func serveHTTP(t *testing.T, handler http.HandlerFunc) *httptest.Server {
	t.Helper()
	server := httptest.NewUnstartedServer(handler)
	Listening(server.Listener)
	t.Cleanup(func() { Unlistened(server.Listener.(woven).Listener); server.Close() })
	server.Listener = woven{server.Listener}
	server.Start()
	return server
}

func TestPathOfTheServiceItself(t *testing.T) {
	for code, want := range map[int]Status{200: Healthy, 204: Healthy, 302: Healthy, 404: Unhealthy, 503: Unhealthy} {
		c := reset(t, "http=/ready")
		serveHTTP(t, func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get(trace.HeaderProbe) != "" {
				t.Error("the token is shown")
			}
			w.WriteHeader(code)
		})
		r := examine(c, false)
		if got := find(t, r, "/ready"); got.Status != want || r.Status != want || want == Unhealthy && !strings.HasPrefix(got.Error, "answers ") {
			t.Errorf("%d: %s", code, r)
		}
		if live := examine(c, true); live.Status != Healthy {
			t.Errorf("liveness asked for more: %s", live)
		}
	}
}

func TestPathIsFoundBesideAListenerThatNeverAnswers(t *testing.T) {
	c := reset(t, "http=/ready&timeout=2s")
	silent := listen(t, "tcp", "127.0.0.1:0")
	go func() {
		for {
			if _, err := silent.Accept(); err != nil {
				return
			}
		}
	}()
	serveHTTP(t, func(http.ResponseWriter, *http.Request) {})
	if r := examine(c, false); r.Status != Healthy {
		t.Errorf("%s", r)
	}
}

func TestPathOfAServiceThatDoesNotAcceptYetIsStarting(t *testing.T) {
	c := reset(t, "http=/ready&timeout=1100ms")
	listen(t, "tcp", "127.0.0.1:0")
	if r := examine(c, false); r.Status != Starting {
		t.Errorf("%s", r)
	}
}

func TestProbeRequestMakesNoSpan(t *testing.T) {
	trace.Enable(trace.Settings{})
	defer trace.Disable()
	taken := make(chan bool, 1)
	c := reset(t, "http=/ready")
	serveHTTP(t, func(_ http.ResponseWriter, r *http.Request) { taken <- trace.TakeProbe(r.Header) })
	if r := examine(c, false); r.Status != Healthy || !<-taken {
		t.Errorf("not recognised: %s", r)
	}
	header := http.Header{trace.HeaderProbe: {"guess"}}
	done := trace.MarkProbe(http.Header{})
	if trace.TakeProbe(header) {
		t.Error("anybody may hide from the traces")
	}
	done()
}

func TestNamedChecks(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	go take(l)
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	t.Setenv("HEALTH_HOST", l.Addr().String())
	t.Setenv("HEALTH_URL", "redis://:hunter2@"+l.Addr().String()+"/0")
	t.Setenv("HEALTH_BAD", "redis://:hunter2@[/0")
	for value, want := range map[string]Status{
		"tcp://$HEALTH_HOST": Healthy, "${HEALTH_URL}": Healthy, server.URL: Unhealthy, "tcp://$HEALTH_NONE": Skipped,
		"$HEALTH_BAD": Unhealthy, "tcp://host": Unhealthy, "file:///etc": Unhealthy, "tcp://127.0.0.1:1": Unhealthy,
	} {
		reset(t, "")
		c := parseSettings("listener=optional")
		c.named = []named{{"extra", value, &line{}}}
		r := examine(&c, false)
		if got := find(t, r, "extra"); got.Status != want || strings.Contains(r.String(), "hunter2") {
			t.Errorf("%s: %s", value, r)
		}
	}
}

func TestDefaultPortOfASchemeIsKnown(t *testing.T) {
	resolved, err := resolve("redis://127.0.0.1")
	if err != nil || resolved.kind != "tcp" {
		t.Fatal(err)
	}
	if err := resolved.check(context.Background()); err != nil && !strings.Contains(err.Error(), ":6379") {
		t.Error(err)
	}
}
