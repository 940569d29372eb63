package http

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"seatrial.dev/weave/internal/spantest"
	"seatrial.dev/weave/trace"
)

// serve does what the woven server does.
func serve(r *http.Request, status int, completed bool, inside func(context.Context)) {
	s, ctx := BeginServer(r)
	if s == nil {
		return
	}
	if inside != nil {
		inside(ctx)
	}
	EndServer(s, r, status, 12, completed)
}

func TestServerSpanSaysWhatTheConventionsAsk(t *testing.T) {
	spans := spantest.Enable(t)
	r := httptest.NewRequest("GET", "http://shop.example:8080/orders/7?token=secret", nil)
	r.Header.Set("User-Agent", "probe/1")
	r.Header.Set("X-Forwarded-For", "203.0.113.9, 10.0.0.1")
	r.Header.Set("Traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
	serve(r, 0, true, func(ctx context.Context) { trace.FromContext(ctx).SetRoute("/orders/{id}", "/orders/7") })
	s := spans.All()[0]
	if s.Record().Name != "GET /orders/{id}" || s.Kind != trace.Server || s.ParentID.String() != "b7ad6b7169203331" {
		t.Errorf("%+v", s)
	}
	got := spantest.Attrs(s)
	for key, want := range map[string]any{
		"http.request.method": "GET", "url.path": "/orders/7", "url.scheme": "http", "server.address": "shop.example",
		"server.port": int64(8080), "http.response.status_code": int64(200), "http.route": "/orders/{id}",
		"client.address": "203.0.113.9", "network.peer.address": "192.0.2.1", "user_agent.original": "probe/1",
		"network.protocol.version": "1.1", "http.response.body.size": int64(12),
	} {
		if got[key] != want {
			t.Errorf("%s = %v, want %v", key, got[key], want)
		}
	}
	for key, value := range got {
		if text, ok := value.(string); ok && strings.Contains(text, "secret") {
			t.Errorf("%s leaks the query", key)
		}
	}
}

func TestServerStatus(t *testing.T) {
	for _, c := range []struct {
		status    int
		completed bool
		failed    bool
		kind      any
	}{{200, true, false, nil}, {404, true, false, nil}, {500, true, true, "500"}, {0, false, true, "panic"}, {200, false, true, "panic"}} {
		spans := spantest.Enable(t)
		serve(httptest.NewRequest("GET", "/", nil), c.status, c.completed, nil)
		s := spans.All()[0]
		if s.Record().Failed != c.failed || spantest.Attrs(s)["error.type"] != c.kind {
			t.Errorf("%+v: %+v", c, s.Record())
		}
		if _, has := spantest.Attrs(s)["http.response.status_code"]; has != (c.status != 0) {
			t.Errorf("%+v: a status nobody sent", c)
		}
	}
}

func TestSecondCallWithTheSameContextIsTheOriginal(t *testing.T) {
	spantest.Enable(t)
	r := httptest.NewRequest("GET", "/", nil)
	_, ctx := BeginServer(r)
	if s, _ := BeginServer(r.WithContext(ctx)); s != nil {
		t.Fatal("would recurse for ever")
	}
}

func TestUnknownMethodsShareOneName(t *testing.T) {
	spans := spantest.Enable(t)
	serve(httptest.NewRequest("BREW", "/", nil), 200, true, nil)
	s := spans.All()[0]
	if a := spantest.Attrs(s); s.Record().Name != "HTTP" || a["http.request.method"] != "_OTHER" || a["http.request.method_original"] != "BREW" {
		t.Errorf("%q %v", s.Record().Name, a)
	}
}

func TestClientSendsACopy(t *testing.T) {
	spans := spantest.Enable(t)
	parent := trace.Start(trace.Server, trace.LayerHTTP, "GET", nil)
	r, _ := http.NewRequestWithContext(trace.With(context.Background(), parent), "GET", "https://u:secret@api.example/x?key=secret", nil)
	s, sent := BeginClient(r)
	if len(r.Header) != 0 || sent == r || sent.Header.Get("traceparent") == "" {
		t.Fatalf("caller's request changed, or nothing sent: %v %v", r.Header, sent.Header)
	}
	resp := &http.Response{StatusCode: 404, ProtoMajor: 2, Request: sent}
	EndClient(s, r, sent, resp, nil)
	a := spantest.Attrs(spans.All()[0])
	if resp.Request != r || s.ParentID != parent.ID || !s.Record().Failed {
		t.Error("response, parent or status")
	}
	if a["url.full"] != "https://REDACTED:REDACTED@api.example/x?REDACTED" || a["server.port"] != int64(443) || a["network.protocol.version"] != "2" {
		t.Errorf("%v", a)
	}
}

func TestClientErrorAndSuppression(t *testing.T) {
	spans := spantest.Enable(t)
	r := httptest.NewRequest("GET", "http://x/", nil)
	s, sent := BeginClient(r)
	EndClient(s, r, sent, nil, errors.New("boom secret"))
	if got := spans.All()[0]; !got.Record().Failed || strings.Contains(got.Record().Message, "secret") {
		t.Errorf("%+v", got.Record())
	}
	if s, sent := BeginClient(r.WithContext(trace.Suppress(r.Context()))); s != nil || sent != nil {
		t.Error("suppressed request is traced")
	}
	trace.Disable()
	if s, _ := BeginClient(r); s != nil {
		t.Error("traced while off")
	}
	if s, ctx := BeginServer(r); s != nil || ctx != nil {
		t.Error("traced while off")
	}
}

func TestProbeOfTheHealthCheckIsNotTraced(t *testing.T) {
	spans := spantest.Enable(t)
	r := httptest.NewRequest("GET", "/ready", nil)
	defer trace.MarkProbe(r.Header)()
	serve(r, 503, true, func(ctx context.Context) {
		if _, ok := trace.Current(ctx); ok || r.Header.Get(trace.HeaderProbe) != "" {
			t.Error("the handler's own calls are traced, or it sees the token")
		}
		if s, _ := BeginServer(r.WithContext(ctx)); s != nil {
			t.Error("would recurse for ever")
		}
	})
	if len(spans.All()) != 0 {
		t.Errorf("%d spans", len(spans.All()))
	}
}
