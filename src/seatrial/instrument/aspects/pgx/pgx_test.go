package pgx

import (
	"context"
	"errors"
	"testing"

	"seatrial.dev/weave/internal/spantest"
	"seatrial.dev/weave/trace"
)

func request() context.Context {
	return trace.With(context.Background(), trace.Start(trace.Server, trace.LayerHTTP, "GET", nil))
}

func TestQueryEndsWithItsRows(t *testing.T) {
	spans := spantest.Enable(t)
	s, ctx := Begin(request(), "db.example", 5432, "shop", "SELECT a FROM t WHERE b = 'secret'")
	if len(spans.All()) != 0 {
		t.Fatal("ended too early")
	}
	EndRows(ctx, errors.New("x"))
	EndRows(ctx, nil) // closing twice is allowed
	got := spantest.Attrs(s)
	if len(spans.All()) != 1 || !s.Record().Failed || got["server.address"] != "db.example" || got["server.port"] != int64(5432) ||
		got["db.namespace"] != "shop" || got["db.query.text"] != "SELECT a FROM t WHERE b = ?" {
		t.Errorf("%+v %v", s.Record(), got)
	}
}

func TestRowsOfABatchDoNotEndIt(t *testing.T) {
	spans := spantest.Enable(t)
	_, ctx := BeginBatch(request(), "h", 1, "d", 3)
	EndRows(ctx, nil)
	if len(spans.All()) != 0 {
		t.Fatal("the first result ended the batch")
	}
	EndBatch(ctx, nil)
	if len(spans.All()) != 1 || spantest.Attrs(spans.All()[0])["db.operation.batch.size"] != int64(3) {
		t.Error("no batch span")
	}
	if s, _ := BeginBatch(request(), "h", 1, "d", 0); s != nil {
		t.Error("an empty batch is never closed by pgx")
	}
}

func TestUnderDatabaseSQLOnlyTheServerIsLearned(t *testing.T) {
	spantest.Enable(t)
	outer := trace.Start(trace.Client, trace.LayerSQL, "SELECT t", nil)
	ctx := trace.With(context.Background(), outer)
	if s, _ := Begin(ctx, "db.example", 5432, "shop", "SELECT 1"); s != nil {
		t.Error("doubled")
	}
	EndRows(ctx, nil)
	if outer.Ended() || spantest.Attrs(outer)["server.address"] != "db.example" {
		t.Error("ended or not told")
	}
}

func TestQuietCalls(t *testing.T) {
	spantest.Enable(t)
	if s, _ := Begin(request(), "h", 1, "d", "-- ping"); s != nil {
		t.Error("the pool's ping made a span")
	}
	if s, _ := Begin(context.Background(), "h", 1, "d", "begin"); s != nil {
		t.Error("a transaction mark made a trace")
	}
	if s, _ := Begin(request(), "h", 1, "d", "commit"); s == nil {
		t.Error("COMMIT under a request is a span")
	}
	if s, _ := BeginCopy(request(), "h", 1, "d", []string{"public", "t"}); s == nil || func() bool { End(s, nil); return s.Record().Name != "COPY public.t" }() {
		t.Error("copy")
	}
	trace.Disable()
	if s, _ := Begin(request(), "h", 1, "d", "SELECT 1"); s != nil {
		t.Error("traced while off")
	}
}
