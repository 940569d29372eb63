package trace

import (
	"context"
	"strings"
	"sync"
	"testing"
)

type collect struct {
	mu    sync.Mutex
	spans []*Span
}

func (c *collect) Enqueue(s *Span) {
	c.mu.Lock()
	c.spans = append(c.spans, s)
	c.mu.Unlock()
}

func enable(t *testing.T, s Settings) *collect {
	t.Helper()
	c := &collect{}
	s.Sink = c
	Enable(s)
	t.Cleanup(Disable)
	return c
}

func all() Settings {
	return Settings{Sampler: Sampler{Ratio: 1, ParentBased: true}, TraceContext: true, Baggage: true}
}

const parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

func TestTraceparentFollowsW3C(t *testing.T) {
	enable(t, all())
	for value, valid := range map[string]bool{
		parent: true,
		"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00":      true,
		"cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-what": true,
		"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-what": false,
		"cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01.what": false,
		"ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01":      false,
		"00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01":      false,
		"00-00000000000000000000000000000000-b7ad6b7169203331-01":      false,
		"00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01":      false,
		"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0x":      false,
		"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331":         false,
		"": false,
	} {
		got := Extract(map[string][]string{HeaderParent: {value}})
		if got.TraceID.IsZero() == valid {
			t.Errorf("%q: valid=%v, want %v", value, !valid, valid)
		}
	}
	if !Extract(map[string][]string{HeaderParent: {parent, parent}}).TraceID.IsZero() {
		t.Error("a repeated traceparent was taken")
	}
}

func TestRemoteParentIsContinuedAndPassedOn(t *testing.T) {
	got := enable(t, all())
	s := StartRemote(LayerHTTP, "GET", Extract(map[string][]string{
		HeaderParent: {parent}, HeaderState: {"a=1", "b=2"}, HeaderBaggage: {"user=7"},
	}))
	child := Start(Client, LayerHTTP, "GET", s)
	out := map[string][]string{}
	Inject(child, out)
	child.End()
	s.End()
	if len(got.spans) != 2 || s.ParentID.String() != "b7ad6b7169203331" || child.ParentID != s.ID {
		t.Fatalf("wrong links: %+v", got.spans)
	}
	want := "00-0af7651916cd43dd8448eb211c80319c-" + child.ID.String() + "-01"
	if out[HeaderParent][0] != want || out[HeaderState][0] != "a=1,b=2" || out[HeaderBaggage][0] != "user=7" {
		t.Errorf("sent %v, want traceparent %s", out, want)
	}
}

func TestInjectLeavesAnotherTraceAlone(t *testing.T) {
	enable(t, all())
	s := Start(Client, LayerHTTP, "GET", nil)
	out := map[string][]string{HeaderParent: {parent}}
	Inject(s, out)
	if out[HeaderParent][0] != parent {
		t.Error("the service's own traceparent was overwritten")
	}
}

func TestUnsampledParentIsFollowedButNotExported(t *testing.T) {
	got := enable(t, all())
	s := StartRemote(LayerHTTP, "GET", Extract(map[string][]string{HeaderParent: {strings.TrimSuffix(parent, "1") + "0"}}))
	s.Text("a", "b")
	out := map[string][]string{}
	Inject(s, out)
	s.End()
	if len(got.spans) != 0 || !strings.HasSuffix(out[HeaderParent][0], "-00") {
		t.Errorf("exported %d, sent %v", len(got.spans), out)
	}
}

func TestSamplers(t *testing.T) {
	high, low := TraceID{8: 0xff}, TraceID{15: 1}
	for _, c := range []struct {
		name   string
		ratio  float64
		id     TraceID
		parent [2]bool // sampled, present
		want   bool
	}{
		{"", 1, high, [2]bool{false, false}, true},
		{"", 1, high, [2]bool{false, true}, false},
		{"always_on", 1, high, [2]bool{false, true}, true},
		{"always_off", 1, low, [2]bool{true, true}, false},
		{"traceidratio", 0.5, high, [2]bool{true, true}, false},
		{"traceidratio", 0.5, low, [2]bool{false, true}, true},
		{"parentbased_traceidratio", 0.5, high, [2]bool{true, true}, true},
		{"parentbased_traceidratio", 0.5, high, [2]bool{false, false}, false},
		{"parentbased_always_off", 1, low, [2]bool{false, false}, false},
		{"traceidratio", 7, high, [2]bool{false, false}, true},
	} {
		if got := ParseSampler(c.name, c.ratio).sample(c.id, c.parent[0], c.parent[1]); got != c.want {
			t.Errorf("%+v: got %v", c, got)
		}
	}
}

func TestContextCarriesSpanAndValues(t *testing.T) {
	enable(t, all())
	type key struct{}
	s := Start(Server, LayerHTTP, "GET", nil)
	ctx := context.WithValue(context.Context(With(context.WithValue(context.Background(), key{}, 1), s)), key{}, 2)
	if FromContext(ctx) != s || ctx.Value(key{}) != 2 {
		t.Error("lost the span or a value")
	}
	if got, ok := Current(Suppress(ctx)); ok || got != nil || FromContext(Suppress(ctx)) != nil {
		t.Error("suppressed context is traced")
	}
	if got, ok := Current(nil); !ok || got != nil {
		t.Error("no context must mean no span, not no tracing")
	}
}

func TestEndedDatabaseSpanGivesWayToItsParent(t *testing.T) {
	enable(t, all())
	s := Start(Server, LayerHTTP, "GET", nil)
	begin := Start(Client, LayerSQL, "BEGIN", s)
	ctx := With(context.Background(), begin)
	if got, _ := Current(ctx); got != begin {
		t.Error("a running call must be found, to see that it is nested")
	}
	begin.End()
	if got, _ := Current(ctx); got != s {
		t.Error("COMMIT would hang under BEGIN")
	}
}

func TestRoutes(t *testing.T) {
	for _, c := range []struct {
		name    string
		reports [][2]string // innermost first
		want    string
	}{
		{"one", [][2]string{{"/a/{id}", "/a/1"}}, "/a/{id}"},
		{"none", nil, ""},
		{"same path twice", [][2]string{{"/api/{id}", "/api/1"}, {"/api/", "/api/1"}}, "/api/{id}"},
		{"stripped prefix", [][2]string{{"/orders/{id}", "/orders/1"}, {"/api/", "/api/orders/1"}}, "/api/orders/{id}"},
		{"stripped twice", [][2]string{{"/{id}", "/1"}, {"/b/", "/b/1"}, {"/a/", "/a/b/1"}}, "/a/b/{id}"},
		{"rewritten", [][2]string{{"/new", "/new"}, {"/old", "/old"}}, "/new"},
	} {
		s := Start(Server, LayerHTTP, "GET", nil)
		for _, r := range c.reports {
			s.SetRoute(r[0], r[1])
		}
		if got := s.Route(); got != c.want {
			t.Errorf("%s: got %q want %q", c.name, got, c.want)
		}
	}
}

func TestNothingChangesAfterEnd(t *testing.T) {
	got := enable(t, all())
	s := Start(Server, LayerHTTP, "GET", nil)
	s.Text("a", "1")
	s.Text("a", "2")
	s.End()
	s.Text("b", "3")
	s.Fail("x", "y")
	s.SetName("other")
	s.SetRoute("/r", "/r")
	s.End()
	r := s.Record()
	if len(got.spans) != 1 || len(r.Attrs) != 1 || r.Attrs[0].Text != "2" || r.Failed || r.Name != "GET" || s.Route() != "" {
		t.Errorf("%d spans, %+v", len(got.spans), r)
	}
}

func TestLateHandlerDoesNotRace(t *testing.T) {
	enable(t, all())
	s := Start(Server, LayerHTTP, "GET", nil)
	var wg sync.WaitGroup
	wg.Add(2)
	go func() { defer wg.Done(); s.SetRoute("/a", "/a"); s.Text("k", "v"); s.IDs() }()
	go func() { defer wg.Done(); s.End(); s.Record() }()
	wg.Wait()
}

func TestGoroutineSlotNestsAndForgetsEndedSpans(t *testing.T) {
	enable(t, all())
	var slot any
	goroutineGet, goroutineSet = func() any { return slot }, func(v any) { slot = v }
	t.Cleanup(func() { goroutineGet, goroutineSet = nil, nil })
	outer, inner := Start(Server, LayerHTTP, "a", nil), Start(Server, LayerHTTP, "b", nil)
	outer.Enter()
	inner.Enter()
	if got, _ := Current(context.Background()); got != inner {
		t.Error("the inner span is not current")
	}
	inner.Leave()
	if got, _ := Current(nil); got != outer {
		t.Error("the outer span did not come back")
	}
	outer.End()
	if got, _ := Current(nil); got != nil {
		t.Error("an ended span is still current")
	}
	outer.Leave()
	if slot != nil {
		t.Error("the slot keeps a span alive")
	}
}

func BenchmarkServerSpan(b *testing.B) {
	Enable(all())
	defer Disable()
	b.ReportAllocs()
	for i := 0; i < b.N; i++ {
		s := StartRemote(LayerHTTP, "GET", Remote{})
		_ = With(context.Background(), s)
		for _, k := range []string{"a", "b", "c", "d", "e", "f", "g", "h"} {
			s.Text(k, "value")
		}
		s.End()
	}
}
