// Package trace is the tracing core under every hook: spans, their place in a
// context or on a goroutine, W3C Trace Context, and sampling. It knows nothing
// about what is being traced nor about how spans leave the process.
package trace

import (
	"sync"
	"sync/atomic"
	"time"
)

// Kind is the span kind, numbered as in OTLP.
type Kind uint8

// The kinds this module makes.
const (
	Internal Kind = 1
	Server   Kind = 2
	Client   Kind = 3
	Producer Kind = 4
	Consumer Kind = 5
)

// Layer says which library call a span stands for, so that a call made inside
// another call of the same layer does not make a second span.
type Layer uint8

// The layers.
const (
	LayerHTTP   Layer = iota
	LayerManual       // a function that the service marked
	LayerSQL          // database/sql
	LayerPgx          // one pgx query
	LayerBatch        // one pgx batch
)

// IsDatabase reports whether calls inside belong to a database call already
// traced.
func (l Layer) IsDatabase() bool { return l >= LayerSQL }

// maxText bounds one attribute value, so that a span's memory is bounded.
const maxText = 4096

// usualAttrs is how many attributes a server span has; an unsampled span has
// no room for any.
const usualAttrs = 14

// Attr is one attribute; Text is used unless IsInt.
type Attr struct {
	Key   string
	Text  string
	Int   int64
	IsInt bool
}

// Span is one timed operation. Fields in capitals are set before the span is
// shared and never change; the rest is guarded by mu because a handler may
// still run, on another goroutine, when its request's span ends
// (net/http.TimeoutHandler).
type Span struct {
	TraceID  TraceID
	ID       SpanID
	ParentID SpanID
	Kind     Kind
	Layer    Layer
	Flags    byte
	State    string // tracestate, verbatim
	Baggage  string // baggage, verbatim
	Started  time.Time

	muted  atomic.Bool // nothing under it is traced, nor is it exported
	parent *Span       // the parent in this process, or nil
	outer  *Span       // what the goroutine carried before Enter

	mu       sync.Mutex
	name     string
	attrs    []Attr
	duration time.Duration
	ended    bool
	failed   bool
	message  string
	route    string
	path     string
	hexIDs   string
}

// Sampled reports whether the span will be exported.
func (s *Span) Sampled() bool { return s.Flags&flagSampled != 0 }

// Parent returns the parent span in this process, or nil.
func (s *Span) Parent() *Span { return s.parent }

// Request returns the span of the HTTP request that the span is part of: itself
// or one above it in this process. nil when there is none, or the span is nil.
func (s *Span) Request() *Span {
	for s != nil && (s.Kind != Server || s.Layer != LayerHTTP) {
		s = s.parent
	}
	return s
}

// Mute takes the span, and all that is made under it from now on, out of the
// traces. It may come at any time before End.
func (s *Span) Mute() { s.muted.Store(true) }

// SetName replaces the name.
func (s *Span) SetName(name string) {
	s.mu.Lock()
	if !s.ended {
		s.name = clip(name)
	}
	s.mu.Unlock()
}

// Text sets a string attribute; empty values are left out.
func (s *Span) Text(key, value string) {
	if value != "" {
		s.set(Attr{Key: key, Text: clip(value)})
	}
}

// Int sets an integer attribute.
func (s *Span) Int(key string, value int64) {
	s.set(Attr{Key: key, Int: value, IsInt: true})
}

func (s *Span) set(a Attr) {
	if !s.Sampled() {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return
	}
	for i := range s.attrs {
		if s.attrs[i].Key == a.Key {
			s.attrs[i] = a
			return
		}
	}
	if s.attrs == nil {
		s.attrs = make([]Attr, 0, usualAttrs)
	}
	s.attrs = append(s.attrs, a)
}

// Fail marks the span as failed. kind becomes error.type; message may be empty
// and must hold no user data.
func (s *Span) Fail(kind, message string) {
	s.Text("error.type", kind)
	s.mu.Lock()
	if !s.ended {
		s.failed, s.message = true, clip(message)
	}
	s.mu.Unlock()
}

// End finishes the span and hands it to the sink. Only the first call counts.
func (s *Span) End() {
	s.mu.Lock()
	if s.ended {
		s.mu.Unlock()
		return
	}
	s.ended = true
	s.duration = time.Since(s.Started)
	s.mu.Unlock()
	if cfg := settings.Load(); cfg != nil && cfg.Sink != nil && s.Sampled() && !s.muted.Load() {
		cfg.Sink.Enqueue(s)
	}
}

// Ended reports whether End was called.
func (s *Span) Ended() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ended
}

// Record is a finished span's variable part, for exporters.
type Record struct {
	Name     string
	Attrs    []Attr
	Duration time.Duration
	Failed   bool
	Message  string
}

// Record returns what was recorded; the span must have ended, after which
// nothing changes it.
func (s *Span) Record() Record {
	s.mu.Lock()
	defer s.mu.Unlock()
	return Record{s.name, s.attrs, s.duration, s.failed, s.message}
}

// IDs returns the trace and span id in hex. The text is made once per span,
// because a request may write many log lines.
func (s *Span) IDs() (traceID, spanID string) {
	s.mu.Lock()
	if s.hexIDs == "" {
		s.hexIDs = s.TraceID.String() + s.ID.String()
	}
	ids := s.hexIDs
	s.mu.Unlock()
	return ids[:32], ids[32:]
}

func clip(s string) string {
	if len(s) > maxText {
		return s[:maxText]
	}
	return s
}
