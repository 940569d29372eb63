package manual

import (
	"context"
	"errors"
	"testing"

	"seatrial.dev/weave/internal/spantest"
	"seatrial.dev/weave/trace"
)

func request() (*trace.Span, context.Context) {
	s := trace.Start(trace.Server, trace.LayerHTTP, "GET", nil)
	return s, trace.With(context.Background(), s)
}

func TestSpanIsAChildAndWhatItCallsItsChildren(t *testing.T) {
	spans := spantest.Enable(t)
	parent, ctx := request()
	s, inner := Begin(ctx, "settle", Kind{}.Consumer(), "messaging.system", "memory", "half")
	if s.ParentID != parent.ID || s.Kind != trace.Consumer || trace.FromContext(inner) != s {
		t.Errorf("%+v", s)
	}
	End(s, errors.New("secret"))
	got := spans.All()[0]
	attrs := spantest.Attrs(got)
	if r := got.Record(); r.Name != "settle" || !r.Failed || r.Message != "" || attrs["error.type"] != "*errors.errorString" {
		t.Errorf("%+v", r)
	}
	if attrs["messaging.system"] != "memory" || len(attrs) != 2 {
		t.Error(attrs)
	}
}

func TestSpanWithoutAContextIsARoot(t *testing.T) {
	spantest.Enable(t)
	s, ctx := Begin(nil, "tick", Kind{}.Internal())
	if !s.ParentID.IsZero() || trace.FromContext(ctx) != s {
		t.Errorf("%+v", s)
	}
}

func TestOffAndSuppressedNothingIsDone(t *testing.T) {
	if s, ctx := Begin(context.Background(), "x", Kind{}.Server()); s != nil || ctx != nil {
		t.Error("traced while off")
	}
	headers := map[string]string{"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}
	if ctx := context.Background(); Extract(ctx, headers) != ctx {
		t.Error("a context of its own while off")
	}
	if ctx, done := Skip(nil, true); ctx != nil || done == nil {
		t.Error("skipped while off")
	}
	Attribute(nil, "k", "v")
	Inject(nil, headers)
	spantest.Enable(t)
	if s, _ := Begin(trace.Suppress(context.Background()), "x", Kind{}.Client()); s != nil {
		t.Error("traced under a suppressed context")
	}
}

func TestAttributesKeepWholeNumbers(t *testing.T) {
	spantest.Enable(t)
	s, ctx := request()
	type cents int64
	for key, value := range map[string]any{
		"text": "a", "int": 7, "named": cents(8), "uint": uint8(9), "huge": ^uint64(0), "bool": true, "float": 1.5, "nil": nil,
	} {
		Attribute(ctx, key, value)
	}
	Attribute(context.Background(), "lost", 1)
	s.End()
	want := map[string]any{
		"text": "a", "int": int64(7), "named": int64(8), "uint": int64(9),
		"huge": "18446744073709551615", "bool": "true", "float": "1.5", "nil": "<nil>",
	}
	got := spantest.Attrs(s)
	for key, value := range want {
		if got[key] != value {
			t.Errorf("%s: %v", key, got[key])
		}
	}
	if len(got) != len(want) {
		t.Error(got)
	}
}

func TestMessageCarriesTheTrace(t *testing.T) {
	spans := spantest.Enable(t)
	sender, ctx := request()
	sender.State, sender.Baggage = "a=1", "tenant=7"
	headers := map[string]string{}
	Inject(ctx, headers)
	Inject(ctx, nil)
	Inject(context.Background(), headers)
	if len(headers) != 3 || headers["tracestate"] != "a=1" || headers["baggage"] != "tenant=7" {
		t.Fatal(headers)
	}
	s, _ := Begin(Extract(nil, headers), "work", Kind{}.Consumer())
	if s.TraceID != sender.TraceID || s.ParentID != sender.ID || s.State != "a=1" || s.Baggage != "tenant=7" {
		t.Errorf("%+v", s)
	}
	End(s, nil)
	if all := spans.All(); len(all) != 1 || all[0] != s {
		t.Error("the sender's stand-in was exported")
	}
}

func TestUnsampledMessageIsFollowed(t *testing.T) {
	spans := spantest.Enable(t)
	headers := map[string]string{"Traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"}
	s, _ := Begin(Extract(context.Background(), headers), "work", Kind{}.Producer())
	End(s, nil)
	if len(spans.All()) != 0 || s.TraceID.String() != "0af7651916cd43dd8448eb211c80319c" {
		t.Errorf("%+v", s)
	}
}

func TestMessageWithoutOrWithABrokenTraceIsTheContextsOwn(t *testing.T) {
	spantest.Enable(t)
	_, ctx := request()
	for _, headers := range []map[string]string{nil, {}, {"traceparent": "junk"}, {"traceparent": "a", "Traceparent": "b"}} {
		if Extract(ctx, headers) != ctx {
			t.Error(headers)
		}
	}
}

func TestSkippedHandlersRequestIsNotTraced(t *testing.T) {
	spans := spantest.Enable(t)
	s, ctx := request()
	child, inner := Begin(ctx, "middleware", Kind{}.Internal())
	skipped, done := Skip(inner, true)
	for _, c := range []context.Context{skipped, ctx} {
		if _, ok := trace.Current(c); ok {
			t.Error("still traced")
		}
	}
	done()
	End(child, nil)
	s.End()
	if all := spans.All(); len(all) != 1 || all[0] != child {
		t.Errorf("%d spans", len(all))
	}
}

func TestSkippedFunctionLeavesItsCallersRequest(t *testing.T) {
	spans := spantest.Enable(t)
	s, ctx := request()
	skipped, done := Skip(ctx, false)
	if _, ok := trace.Current(skipped); ok {
		t.Error("traced")
	}
	done()
	if got, ok := trace.Current(ctx); !ok || got != s {
		t.Error("the request is lost")
	}
	s.End()
	if len(spans.All()) != 1 {
		t.Error("the request was not exported")
	}
}
