package otlp

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"seatrial.dev/weave/trace"
)

func finished(name string) *trace.Span {
	trace.Enable(trace.Settings{Sampler: trace.Sampler{Ratio: 1}})
	defer trace.Disable()
	s := trace.Start(trace.Server, trace.LayerHTTP, name, nil)
	s.Text("k", "v")
	s.Int("n", 200)
	s.End()
	return s
}

func env(pairs ...string) func(string) string {
	m := map[string]string{}
	for i := 0; i < len(pairs); i += 2 {
		m[pairs[i]] = pairs[i+1]
	}
	return func(k string) string { return m[k] }
}

// TestEncodingIsTheOneOfTheReference compares with what the reference protobuf
// implementation wrote for the same span; only the end time varies.
func TestEncodingIsTheOneOfTheReference(t *testing.T) {
	s := finished("GET /a")
	s.TraceID, s.ID, s.ParentID = trace.TraceID{0: 1, 15: 2}, trace.SpanID{0: 3}, trace.SpanID{7: 4}
	s.State = "a=1"
	s.Started = time.Unix(1, 5)
	got := hex.EncodeToString(encodeSpan(nil, s))
	head := "0a1001000000000000000000000000000002" + "12080300000000000000" + "1a03613d31" + "22080000000000000004" +
		"2a06474554202f61" + "3002" + "3905ca9a3b00000000" + "41"
	tail := "4a08" + "0a016b12030a0176" + "4a08" + "0a016e120318c801" + "850101000000"
	if !strings.HasPrefix(got, head) || got[len(head)+16:] != tail {
		t.Errorf("got  %s\nwant %s................%s", got, head, tail)
	}
}

func TestLongBodiesKeepTheirLength(t *testing.T) {
	for _, n := range []int{0, 1, 127, 128, 16383, 16384} {
		b := message([]byte("x"), 1, func(b []byte) []byte { return append(b, bytes.Repeat([]byte("y"), n)...) })
		want := append([]byte("x"), octets(nil, 1, bytes.Repeat([]byte("y"), n))...)
		if !bytes.Equal(b, want) {
			t.Errorf("length %d: wrong", n)
		}
	}
}

func TestInvalidTextIsRepaired(t *testing.T) {
	if got := string(text(nil, 1, "a\xffb")); !strings.Contains(got, "a\uFFFDb") {
		t.Errorf("%q", got)
	}
}

func TestConfigDefaultsAndPrecedence(t *testing.T) {
	c := ReadConfig(env())
	if c.Endpoint != "http://localhost:4318/v1/traces" || c.Explicit || c.Timeout != 10*time.Second ||
		c.QueueSize != 2048 || c.BatchSize != 512 || c.Delay != 5*time.Second || c.Exporter != "otlp" ||
		!c.TraceContext || !c.Baggage || c.Unsupported != "" || c.Disabled {
		t.Errorf("defaults: %+v", c)
	}
	c = ReadConfig(env(
		"OTEL_EXPORTER_OTLP_ENDPOINT", "https://c:4318/base/", "OTEL_EXPORTER_OTLP_HEADERS", "a=1",
		"OTEL_EXPORTER_OTLP_TRACES_HEADERS", "api-key=x%20y, b = 2 ,junk", "OTEL_EXPORTER_OTLP_TIMEOUT", "1500",
		"OTEL_EXPORTER_OTLP_COMPRESSION", "gzip", "OTEL_PROPAGATORS", "baggage", "OTEL_BSP_SCHEDULE_DELAY", "nonsense",
		"OTEL_TRACES_EXPORTER", " none ", "OTEL_SDK_DISABLED", "TRUE", "OTEL_BSP_MAX_QUEUE_SIZE", "10"))
	if c.Endpoint != "https://c:4318/base/v1/traces" || !c.Explicit || len(c.Headers) != 2 || c.Headers["api-key"] != "x y" ||
		c.Timeout != 1500*time.Millisecond || !c.Gzip || c.TraceContext || !c.Baggage || c.Delay != 5*time.Second ||
		c.Exporter != "none" || !c.Disabled || c.BatchSize != 10 {
		t.Errorf("set: %+v", c)
	}
	c = ReadConfig(env("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://t/x", "OTEL_EXPORTER_OTLP_ENDPOINT", "http://c"))
	if c.Endpoint != "http://t/x" {
		t.Errorf("the traces endpoint is taken as it is: %s", c.Endpoint)
	}
	for _, pair := range [][2]string{{"OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"}, {"OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4317"}} {
		if ReadConfig(env(pair[0], pair[1])).Unsupported == "" {
			t.Errorf("%v was accepted", pair)
		}
	}
}

func TestServiceName(t *testing.T) {
	for in, want := range map[[2]string]string{
		{"example.com/orders/cmd/server", "example.com/orders"}:    "orders",
		{"example.com/orders/v2", "example.com/orders/v2"}:         "orders",
		{"example.com/shop/cmd/billing", "example.com/shop"}:       "billing",
		{"example.com/orders/v2/cmd/app", "example.com/orders/v2"}: "orders",
	} {
		if got := serviceName(in[0], in[1]); got != want {
			t.Errorf("%v: %s, want %s", in, got, want)
		}
	}
	find := func(getenv func(string) string) (name string) {
		for _, a := range Resource(getenv) {
			if a.Key == "service.name" {
				name = a.Text
			}
		}
		return name
	}
	if got := find(env("OTEL_RESOURCE_ATTRIBUTES", "service.name=a,x=y")); got != "a" {
		t.Errorf("got %s", got)
	}
	if got := find(env("OTEL_RESOURCE_ATTRIBUTES", "service.name=a", "OTEL_SERVICE_NAME", "b")); got != "b" {
		t.Errorf("got %s", got)
	}
}

// collector counts requests and answers with the codes given, then with 200.
type collector struct {
	mu    sync.Mutex
	codes []int
	got   [][]byte
	last  http.Header
}

func (c *collector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.last = r.Header
	if len(c.codes) > 0 {
		w.WriteHeader(c.codes[0])
		c.codes = c.codes[1:]
		return
	}
	c.got = append(c.got, body)
}

func exporter(t *testing.T, c *collector, more ...string) (*Exporter, *bytes.Buffer) {
	t.Helper()
	server := httptest.NewServer(c)
	t.Cleanup(server.Close)
	var said bytes.Buffer
	config := ReadConfig(env(append(more, "OTEL_EXPORTER_OTLP_ENDPOINT", server.URL)...))
	return NewExporter(config, Resource(env()), &said), &said
}

func TestFlushSendsEverythingInBatches(t *testing.T) {
	c := &collector{}
	e, _ := exporter(t, c, "OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "2")
	e.Flush(time.Second) // nothing yet: must not wait
	for i := 0; i < 5; i++ {
		e.Enqueue(finished("x"))
	}
	e.Flush(5 * time.Second)
	if len(c.got) != 3 {
		t.Errorf("%d requests for 5 spans in batches of 2", len(c.got))
	}
	if ct := c.last.Get("Content-Type"); ct != "application/x-protobuf" {
		t.Error(ct)
	}
}

func TestRetryOnlyWhereItMayHelp(t *testing.T) {
	c := &collector{codes: []int{503, 429}}
	e, said := exporter(t, c)
	e.Enqueue(finished("x"))
	e.Flush(5 * time.Second)
	if len(c.got) != 1 || said.Len() != 0 {
		t.Errorf("503, 429, 200: %d taken, said %q", len(c.got), said)
	}
	c = &collector{codes: []int{400}}
	e, said = exporter(t, c)
	e.Enqueue(finished("x"))
	e.Enqueue(finished("y"))
	e.Flush(5 * time.Second)
	if len(c.got) != 0 || strings.Count(said.String(), "\n") != 1 {
		t.Errorf("400: %d taken, said %q", len(c.got), said)
	}
}

func TestGzipAndHeaders(t *testing.T) {
	c := &collector{}
	e, _ := exporter(t, c, "OTEL_EXPORTER_OTLP_COMPRESSION", "gzip", "OTEL_EXPORTER_OTLP_HEADERS", "x-key=1")
	e.Enqueue(finished("x"))
	e.Flush(5 * time.Second)
	zip, err := gzip.NewReader(bytes.NewReader(c.got[0]))
	if err != nil {
		t.Fatal(err)
	}
	if plain, err := io.ReadAll(zip); err != nil || !bytes.Contains(plain, []byte("service.name")) || c.last.Get("X-Key") != "1" {
		t.Errorf("%v %q %v", err, plain, c.last)
	}
}

func TestMissingCollectorIsQuietAndBounded(t *testing.T) {
	var said bytes.Buffer
	config := ReadConfig(env("OTEL_BSP_MAX_QUEUE_SIZE", "10"))
	config.Endpoint = "http://127.0.0.1:1/v1/traces" // as the default: nobody asked for it
	e := NewExporter(config, nil, &said)
	for i := 0; i < 100; i++ {
		e.Enqueue(finished("x"))
	}
	if len(e.queue) > 10 {
		t.Errorf("queue holds %d", len(e.queue))
	}
	start := time.Now()
	e.Flush(2 * time.Second)
	if said.Len() != 0 || time.Since(start) > time.Second {
		t.Errorf("said %q after %v", said.String(), time.Since(start))
	}
}

func TestFlushIsBoundedWhenTheCollectorHangs(t *testing.T) {
	release := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	defer server.Close()
	defer close(release)
	e := NewExporter(ReadConfig(env("OTEL_EXPORTER_OTLP_ENDPOINT", server.URL)), nil, io.Discard)
	e.Enqueue(finished("x"))
	start := time.Now()
	e.Flush(100 * time.Millisecond)
	if d := time.Since(start); d > 2*time.Second {
		t.Errorf("took %v", d)
	}
}

func TestSpansThatComeDuringAnExportWaitForAFullBatch(t *testing.T) {
	e := NewExporter(ReadConfig(env("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "4")), nil, io.Discard)
	requests := 0
	e.send = func(context.Context, []byte) error {
		if requests++; requests < 20 {
			e.Enqueue(finished("trickle"))
		}
		return nil
	}
	for i := 0; i < 8; i++ {
		e.Enqueue(finished("x"))
	}
	e.Flush(time.Second)
	if requests > 3 {
		t.Errorf("%d requests for 8 spans in batches of 4", requests)
	}
}

func TestExportRunsUnderASuppressedContext(t *testing.T) {
	e := NewExporter(ReadConfig(env()), nil, io.Discard)
	var ok bool
	e.send = func(ctx context.Context, _ []byte) error { _, ok = trace.Current(ctx); return nil }
	s := finished("x")
	trace.Enable(trace.Settings{})
	defer trace.Disable()
	e.Enqueue(s)
	e.Flush(time.Second)
	if ok {
		t.Error("an export would trace itself")
	}
}

func BenchmarkEncode(b *testing.B) {
	resource := Resource(env())
	spans := make([]*trace.Span, 512)
	for i := range spans {
		spans[i] = finished("GET /orders/{id}")
	}
	b.ReportAllocs()
	for i := 0; i < b.N; i++ {
		Encode(resource, spans)
	}
}
