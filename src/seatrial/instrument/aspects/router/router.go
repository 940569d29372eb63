// Package router reports which route template a request matched. net/http's
// mux is woven by package http; chi, gorilla/mux, gin and echo by this
// package's aspects, whose templates are compiled inside those modules, so
// that this one need not require them.
package router

import (
	"context"
	"strings"

	"seatrial.dev/weave/trace"
)

// Matched records on the request's span that a router matched pattern for
// path. pattern may have a method and a host in front, as net/http's does
// ("GET example.com/orders/{id}"): both are cut, http.route has neither.
func Matched(ctx context.Context, pattern, path string) {
	s := trace.FromContext(ctx)
	s = s.Request() // a handler may run under a span of its own making
	if s == nil || pattern == "" {
		return
	}
	if i := strings.IndexByte(pattern, '/'); i > 0 {
		pattern = pattern[i:]
	}
	s.SetRoute(pattern, path)
}
