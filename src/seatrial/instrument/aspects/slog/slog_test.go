package slog

import (
	"context"
	"testing"

	"seatrial.dev/weave/internal/spantest"
	"seatrial.dev/weave/trace"
)

func TestIDsComeFromTheContext(t *testing.T) {
	spantest.Enable(t)
	s := trace.Start(trace.Server, trace.LayerHTTP, "GET", nil)
	traceID, spanID, ok := IDs(trace.With(context.Background(), s))
	if !ok || traceID != s.TraceID.String() || spanID != s.ID.String() {
		t.Errorf("%s %s %v", traceID, spanID, ok)
	}
	for _, ctx := range []context.Context{nil, context.Background(), trace.Suppress(context.Background())} {
		if _, _, ok := IDs(ctx); ok {
			t.Errorf("ids out of nowhere: %v", ctx)
		}
	}
}

func TestSuffix(t *testing.T) {
	spantest.Enable(t)
	if got := Suffix([]byte("head line\n"), 5); string(got) != "head line\n" || Under() {
		t.Errorf("no span: %q", got)
	}
	s := trace.Start(trace.Server, trace.LayerHTTP, "GET", nil)
	ids := " trace_id=" + s.TraceID.String() + " span_id=" + s.ID.String()
	for in, want := range map[string]string{
		"line\n": "line" + ids + "\n", "line": "line" + ids, "two\nlines\n\n": "two\nlines" + ids + "\n\n",
		"has" + ids + "\n":   "has" + ids + "\n",
		`{"msg":"a"}` + "\n": `{"msg":"a","trace_id":"` + s.TraceID.String() + `","span_id":"` + s.ID.String() + `"}` + "\n",
		"{}":                 "{}" + ids,
	} {
		if got := suffix(s, []byte("head "+in), 5); string(got) != "head "+want {
			t.Errorf("%q: %q", in, got)
		}
	}
}
