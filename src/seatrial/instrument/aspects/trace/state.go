package trace

import "sync/atomic"

// Sink receives every finished, sampled span.
type Sink interface {
	// Enqueue takes ownership of the span; it must not block.
	Enqueue(*Span)
}

// Settings is what the environment decides about tracing.
type Settings struct {
	Sampler Sampler
	// TraceContext and Baggage say which W3C headers travel
	// (OTEL_PROPAGATORS).
	TraceContext, Baggage bool
	// Sink may be nil: spans then give ids to log lines and outgoing
	// requests, and are dropped at their end.
	Sink Sink
}

// settings is nil until Enable. Hooks are woven into the standard library and
// may run before any package of this module is initialised; a nil atomic
// pointer is valid then, and means "off".
var settings atomic.Pointer[Settings]

// Enable turns the hooks on; it is called once, when main.main starts.
func Enable(s Settings) { settings.Store(&s) }

// Disable turns the hooks off again; spans under way are dropped.
func Disable() { settings.Store(nil) }

// On reports whether hooks should do anything at all.
func On() bool { return settings.Load() != nil }
