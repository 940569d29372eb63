package otlp

import (
	"encoding/json"
	"io"
	"sync"
	"time"

	"seatrial.dev/weave/trace"
)

// Console writes each span as one line of JSON (OTEL_TRACES_EXPORTER=console).
// It is for looking at a service by eye; the form is not a contract.
type Console struct {
	mu  sync.Mutex
	out io.Writer
}

// NewConsole returns a sink that writes to out.
func NewConsole(out io.Writer) *Console { return &Console{out: out} }

// Enqueue implements trace.Sink.
func (c *Console) Enqueue(s *trace.Span) {
	r := s.Record()
	attrs := map[string]any{}
	for _, a := range r.Attrs {
		if a.IsInt {
			attrs[a.Key] = a.Int
		} else {
			attrs[a.Key] = a.Text
		}
	}
	line := map[string]any{
		"name": r.Name, "kind": s.Kind, "trace_id": s.TraceID.String(), "span_id": s.ID.String(),
		"start": s.Started.UTC().Format(time.RFC3339Nano), "duration_ms": float64(r.Duration.Microseconds()) / 1000,
		"attributes": attrs, "failed": r.Failed,
	}
	if !s.ParentID.IsZero() {
		line["parent_span_id"] = s.ParentID.String()
	}
	text, err := json.Marshal(line)
	if err != nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	_, _ = c.out.Write(append(text, '\n')) // standard output may be closed; the service decides what that means
}

// Flush implements the same contract as Exporter.Flush; nothing is held back.
func (c *Console) Flush(time.Duration) {}
