// Package manual holds what the directives of a service's own source become:
// comments to every compiler but the weaving one, so that a service that is
// built without weaving needs no module for them, and does nothing.
//
//	//seatrial:span name:"settle" kind:consumer      a span around a function
//	//seatrial:attribute                             func(ctx, key, value): an attribute of the current span
//	//seatrial:inject                                func(ctx, map[string]string): the trace context into a message
//	//seatrial:extract                               func(ctx, map[string]string) context.Context: and out of it
//	//seatrial:skip                                  a function that is not traced, nor the request it handles
package manual

import (
	"context"
	"fmt"
	"reflect"
	"strings"

	"seatrial.dev/weave/trace"
)

// Kind is what a span's kind: may be. A method for each keeps a misspelt one
// from compiling: the template calls it by name.
type Kind struct{}

// Internal is work within the service, and the default.
func (Kind) Internal() trace.Kind { return trace.Internal }

// Server answers a request from elsewhere.
func (Kind) Server() trace.Kind { return trace.Server }

// Client asks another service.
func (Kind) Client() trace.Kind { return trace.Client }

// Producer hands a message to a queue.
func (Kind) Producer() trace.Kind { return trace.Producer }

// Consumer works on a message of a queue.
func (Kind) Consumer() trace.Kind { return trace.Consumer }

// Begin starts the span of a marked function, under the span that ctx or the
// goroutine carries, and returns the context the function goes on with. ctx
// may be nil; attributes are keys and values in turn. Both results are nil when
// nothing is to be traced.
func Begin(ctx context.Context, name string, kind trace.Kind, attributes ...string) (*trace.Span, context.Context) {
	parent, ok := trace.Current(ctx)
	if !ok {
		return nil, nil
	}
	s := trace.Start(kind, trace.LayerManual, name, parent)
	for i := 0; i+1 < len(attributes); i += 2 {
		s.Text(attributes[i], attributes[i+1])
	}
	s.Enter()
	return s, trace.With(orBackground(ctx), s)
}

// End finishes the span on the goroutine that began it. The error's text is
// left out, because it may hold anything.
func End(s *trace.Span, err error) {
	s.Leave()
	if err != nil {
		s.Fail(fmt.Sprintf("%T", err), "")
	}
	s.End()
}

// Attribute records a value on the span that ctx or the goroutine carries:
// whole numbers as such, everything else as its text.
func Attribute(ctx context.Context, key string, value any) {
	s, _ := trace.Current(ctx)
	if s == nil || !s.Sampled() {
		return
	}
	switch v := reflect.ValueOf(value); {
	case v.CanInt():
		s.Int(key, v.Int())
	case v.CanUint() && v.Uint() < 1<<63:
		s.Int(key, int64(v.Uint()))
	default:
		s.Text(key, fmt.Sprint(value))
	}
}

// Inject writes the W3C headers of the current span into the headers of a
// message, in lower case as the specification has them. Without a span, or
// into a nil map, it writes nothing.
func Inject(ctx context.Context, headers map[string]string) {
	s, _ := trace.Current(ctx)
	if s == nil || headers == nil {
		return
	}
	sent := map[string][]string{}
	trace.Inject(s, sent)
	for name, values := range sent {
		headers[strings.ToLower(name)] = values[0]
	}
}

// Extract returns ctx under the span that the message was sent under, or ctx
// itself where the headers name none.
func Extract(ctx context.Context, headers map[string]string) context.Context {
	if !trace.On() {
		return ctx
	}
	came := map[string][]string{}
	for name, value := range headers {
		for _, known := range [...]string{trace.HeaderParent, trace.HeaderState, trace.HeaderBaggage} {
			if strings.EqualFold(name, known) {
				came[known] = append(came[known], value)
			}
		}
	}
	if s := trace.Distant(trace.Extract(came)); s != nil {
		return trace.With(orBackground(ctx), s)
	}
	return ctx
}

// Skip keeps a marked function, and all that it calls, out of the traces; done
// is to be called at its end, on the same goroutine. isHandler: ctx is that of
// the request it handles, which is then not traced either.
func Skip(ctx context.Context, isHandler bool) (skipped context.Context, done func()) {
	if !trace.On() {
		return ctx, nothing
	}
	if isHandler {
		if s := trace.FromContext(ctx).Request(); s != nil {
			s.Mute()
		}
	}
	s := trace.Muted()
	s.Enter()
	return trace.Suppress(orBackground(ctx)), s.Leave
}

func nothing() {}

func orBackground(ctx context.Context) context.Context {
	if ctx == nil {
		return context.Background()
	}
	return ctx
}
