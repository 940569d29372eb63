package router

import (
	"context"
	"testing"

	"seatrial.dev/weave/internal/spantest"
	"seatrial.dev/weave/trace"
)

func TestPatternLosesMethodAndHost(t *testing.T) {
	spantest.Enable(t)
	for pattern, want := range map[string]string{
		"/a/{id}":                 "/a/{id}",
		"GET /a/{id}":             "/a/{id}",
		"GET shop.example/a/{id}": "/a/{id}",
		"":                        "",
	} {
		s := trace.Start(trace.Server, trace.LayerHTTP, "GET", nil)
		Matched(trace.With(context.Background(), s), pattern, "/a/1")
		if s.Route() != want {
			t.Errorf("%q: %q", pattern, s.Route())
		}
	}
}

func TestRouteGoesToTheServerSpan(t *testing.T) {
	spantest.Enable(t)
	s := trace.Start(trace.Server, trace.LayerHTTP, "GET", nil)
	client := trace.Start(trace.Client, trace.LayerHTTP, "GET", s)
	Matched(trace.With(context.Background(), client), "/a", "/a")
	Matched(context.Background(), "/b", "/b") // no span: nothing to do
	if s.Route() != "/a" || client.Route() != "" {
		t.Error("route on the wrong span")
	}
}
