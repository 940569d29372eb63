// Package http holds the hooks woven into net/http: server spans, client
// spans, and the routes of net/http's own mux.
//
// The hooks are called through go:linkname from inside net/http, so that no
// handler, ResponseWriter or RoundTripper is ever wrapped: a service keeps
// every optional interface (Flusher, Hijacker, ReaderFrom, ...) it had.
package http

import (
	"context"
	"net"
	"net/http"
	"strconv"
	"strings"

	"seatrial.dev/weave/trace"
)

// BeginServer starts the span of an incoming request and returns it with the
// context the request must carry. The woven method calls itself once more
// with that context; the second time, and when there is nothing to trace, both
// results are nil.
func BeginServer(r *http.Request) (*trace.Span, context.Context) {
	if !trace.On() {
		return nil, nil
	}
	if c, ok := r.Context().(*trace.Context); ok && !c.Entered && c.Span().Kind == trace.Server {
		c.Entered = true
		return nil, nil
	}
	if r.Method == "PRI" { // an h2c preface: a connection, not a request
		return nil, nil
	}
	if trace.TakeProbe(r.Header) {
		s := trace.Muted()
		s.Enter()
		return s, trace.With(r.Context(), s)
	}
	method, original := knownMethod(r.Method)
	s := trace.StartRemote(trace.LayerHTTP, method, trace.Extract(r.Header))
	s.Enter()
	if s.Sampled() {
		describeRequest(s, r, method, original)
	}
	return s, trace.With(r.Context(), s)
}

// EndServer finishes the span. status is 0 when the handler wrote none, 101
// when it took the connection over; written is -1 where net/http does not
// count; completed is false when the handler panicked.
func EndServer(s *trace.Span, r *http.Request, status int, written int64, completed bool) {
	s.Leave()
	if status == 0 && completed {
		status = http.StatusOK // what net/http will send
	}
	if status != 0 {
		s.Int("http.response.status_code", int64(status))
	}
	if written > 0 {
		s.Int("http.response.body.size", written)
	}
	method, _ := knownMethod(r.Method)
	if method == "_OTHER" {
		method = "HTTP"
	}
	if route := s.Route(); route != "" {
		s.Text("http.route", route)
		method += " " + route
	}
	s.SetName(method)
	switch {
	case !completed:
		s.Fail("panic", "the handler panicked")
	case status >= 500:
		s.Fail(strconv.Itoa(status), "")
	}
	s.End()
}

func describeRequest(s *trace.Span, r *http.Request, method, original string) {
	s.Text("http.request.method", method)
	s.Text("http.request.method_original", original)
	// The query is left out: it is where tokens and personal data travel.
	s.Text("url.path", r.URL.Path)
	if r.TLS != nil {
		s.Text("url.scheme", "https")
	} else {
		s.Text("url.scheme", "http")
	}
	host, port := splitHost(r.Host)
	s.Text("server.address", host)
	if port > 0 {
		s.Int("server.port", int64(port))
	}
	peer, _ := splitHost(r.RemoteAddr)
	s.Text("network.peer.address", peer)
	s.Text("client.address", clientAddress(r.Header, peer))
	s.Text("user_agent.original", r.UserAgent())
	s.Text("network.protocol.version", protocolVersion(r.ProtoMajor, r.ProtoMinor))
}

// clientAddress trusts X-Forwarded-For as the semantic conventions do: it
// describes, it does not authenticate.
func clientAddress(h http.Header, peer string) string {
	forwarded := h["X-Forwarded-For"]
	if len(forwarded) == 0 {
		return peer
	}
	first, _, _ := strings.Cut(forwarded[0], ",")
	if first = strings.TrimSpace(first); first != "" {
		return first
	}
	return peer
}

func protocolVersion(major, minor int) string {
	switch {
	case major == 1 && minor == 1:
		return "1.1"
	case major == 1:
		return "1.0"
	default:
		return strconv.Itoa(major)
	}
}

// knownMethod keeps the set of span names small: anybody may send any method.
func knownMethod(m string) (method, original string) {
	switch m {
	case "GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH":
		return m, ""
	case "":
		return "GET", ""
	}
	return "_OTHER", m
}

func splitHost(hostport string) (host string, port int) {
	h, p, err := net.SplitHostPort(hostport)
	if err != nil {
		return strings.Trim(hostport, "[]"), 0
	}
	port, _ = strconv.Atoi(p)
	return h, port
}
