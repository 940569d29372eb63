package trace

import (
	"context"
	"time"
)

type contextKey struct{}

// Context carries a span. It is a type of its own, not a context.WithValue, so
// that the usual look-up is one type assertion.
type Context struct {
	context.Context
	span *Span
	// Entered is for the HTTP server hook, which calls the woven method again
	// and must tell the second call from the first.
	Entered bool
}

// Value implements context.Context.
func (c *Context) Value(key any) any {
	if _, ok := key.(contextKey); ok {
		return c.span
	}
	return c.Context.Value(key)
}

// Span returns the span the context was made for.
func (c *Context) Span() *Span { return c.span }

// suppressed stands where a span would: nothing under it is traced.
var suppressed = Muted()

// Muted returns a server span of its own for one request that is not to be
// traced, nor anything that its handler does; it is never exported.
func Muted() *Span {
	s := &Span{Kind: Server}
	s.Mute()
	return s
}

// Suppress returns a context under which no hook makes a span. The exporter's
// own requests need it, or each export would cause the next one.
func Suppress(ctx context.Context) context.Context {
	return &Context{Context: ctx, span: suppressed}
}

// With returns ctx carrying the span.
func With(ctx context.Context, s *Span) *Context {
	return &Context{Context: ctx, span: s}
}

func lookup(ctx context.Context) *Span {
	if ctx == nil {
		return nil
	}
	if c, ok := ctx.(*Context); ok {
		return c.span
	}
	s, _ := ctx.Value(contextKey{}).(*Span)
	return s
}

// FromContext returns the span ctx carries, or nil.
func FromContext(ctx context.Context) *Span {
	if s := lookup(ctx); s != nil && !s.muted.Load() {
		return s
	}
	return nil
}

// Current returns the span a call made with ctx belongs to: the one in ctx,
// else the one of the goroutine, else nil. ok is false when tracing is off or
// suppressed here.
//
// A database span that has ended is passed over for its parent: database/sql
// keeps the context of BeginTx, and hands it back at Commit.
func Current(ctx context.Context) (s *Span, ok bool) {
	if !On() {
		return nil, false
	}
	s = lookup(ctx)
	if s != nil && s.muted.Load() {
		return nil, false
	}
	for s != nil && s.Layer.IsDatabase() && s.Ended() {
		s = s.parent
	}
	if s == nil {
		s = onGoroutine()
		if s != nil && s.muted.Load() {
			return nil, false
		}
	}
	return s, true
}

// Start begins a span under parent, which may be nil: the span is then the
// root of a new trace.
func Start(kind Kind, layer Layer, name string, parent *Span) *Span {
	s := &Span{Kind: kind, Layer: layer, Started: time.Now(), ID: newSpanID(), name: clip(name)}
	if parent != nil {
		s.TraceID, s.ParentID, s.parent = parent.TraceID, parent.ID, parent
		s.State, s.Baggage = parent.State, parent.Baggage
		s.Flags = parent.Flags &^ flagSampled
		s.decide(parent.Sampled(), true)
		return s
	}
	s.TraceID = newTraceID()
	s.decide(false, false)
	return s
}

// Distant returns a stand-in for the span another process sent: it is never
// exported, and what starts under it is that span's child. It is nil where
// the other process sent none.
func Distant(remote Remote) *Span {
	if remote.TraceID.IsZero() {
		return nil
	}
	return &Span{TraceID: remote.TraceID, ID: remote.SpanID, Flags: remote.Flags, State: remote.State, Baggage: remote.Baggage}
}

// StartRemote begins a server span under the span another process sent.
func StartRemote(layer Layer, name string, remote Remote) *Span {
	s := &Span{Kind: Server, Layer: layer, Started: time.Now(), ID: newSpanID(), name: clip(name)}
	s.Baggage = remote.Baggage
	if remote.TraceID.IsZero() {
		s.TraceID = newTraceID()
		s.decide(false, false)
		return s
	}
	s.TraceID, s.ParentID, s.State = remote.TraceID, remote.SpanID, remote.State
	s.Flags = remote.Flags &^ flagSampled
	s.decide(remote.Flags&flagSampled != 0, true)
	return s
}

func (s *Span) decide(parentSampled, hasParent bool) {
	cfg := settings.Load()
	if cfg != nil && cfg.Sampler.sample(s.TraceID, parentSampled, hasParent) {
		s.Flags |= flagSampled
	}
}
