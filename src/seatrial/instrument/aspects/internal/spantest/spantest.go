// Package spantest collects the spans a test makes.
package spantest

import (
	"sync"
	"testing"

	"seatrial.dev/weave/trace"
)

// Spans is a sink that keeps everything.
type Spans struct {
	mu    sync.Mutex
	spans []*trace.Span
}

// Enqueue implements trace.Sink.
func (c *Spans) Enqueue(s *trace.Span) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.spans = append(c.spans, s)
}

// All returns the spans ended so far.
func (c *Spans) All() []*trace.Span {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]*trace.Span(nil), c.spans...)
}

// Enable turns tracing on for one test.
func Enable(t *testing.T) *Spans {
	t.Helper()
	c := &Spans{}
	trace.Enable(trace.Settings{Sampler: trace.Sampler{Ratio: 1, ParentBased: true}, TraceContext: true, Baggage: true, Sink: c})
	t.Cleanup(trace.Disable)
	return c
}

// Attrs returns a span's attributes by key; numbers are int64.
func Attrs(s *trace.Span) map[string]any {
	m := map[string]any{}
	for _, a := range s.Record().Attrs {
		if a.IsInt {
			m[a.Key] = a.Int
		} else {
			m[a.Key] = a.Text
		}
	}
	return m
}
