package http

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"seatrial.dev/weave/trace"
)

// BeginClient starts the span of an outgoing request and returns the request
// to send in its place: a copy, with headers of its own that carry the trace
// context, because a RoundTripper must not change its caller's request. Both
// results are nil when there is nothing to trace.
func BeginClient(r *http.Request) (*trace.Span, *http.Request) {
	if r == nil || r.URL == nil {
		return nil, nil
	}
	parent, ok := trace.Current(r.Context())
	if !ok {
		return nil, nil
	}
	method, original := knownMethod(r.Method)
	name := method
	if method == "_OTHER" {
		name = "HTTP"
	}
	s := trace.Start(trace.Client, trace.LayerHTTP, name, parent)
	if s.Sampled() {
		s.Text("http.request.method", method)
		s.Text("http.request.method_original", original)
		s.Text("server.address", r.URL.Hostname())
		if port := portOf(r.URL); port > 0 {
			s.Int("server.port", int64(port))
		}
		s.Text("url.full", redact(r.URL))
	}
	sent := r.WithContext(trace.With(r.Context(), s))
	if sent.Header = r.Header.Clone(); sent.Header == nil {
		sent.Header = http.Header{}
	}
	trace.Inject(s, sent.Header)
	return s, sent
}

// EndClient finishes the span when the response's header is there: waiting for
// the end of the body would mean wrapping it. original is the caller's
// request, which the response must point to.
func EndClient(s *trace.Span, original, sent *http.Request, resp *http.Response, err error) {
	switch {
	case err != nil:
		s.Fail(fmt.Sprintf("%T", err), "")
	case resp != nil:
		s.Int("http.response.status_code", int64(resp.StatusCode))
		s.Text("network.protocol.version", protocolVersion(resp.ProtoMajor, resp.ProtoMinor))
		if resp.StatusCode >= 400 {
			s.Fail(strconv.Itoa(resp.StatusCode), "")
		}
		if resp.Request == sent {
			resp.Request = original
		}
	}
	s.End()
}

// redact returns the URL without credentials and without query values, which
// is where API keys travel.
func redact(u *url.URL) string {
	clean := *u
	if clean.User != nil {
		clean.User = url.UserPassword("REDACTED", "REDACTED")
	}
	if clean.RawQuery != "" {
		clean.RawQuery = "REDACTED"
	}
	return clean.String()
}

func portOf(u *url.URL) int {
	if port, err := strconv.Atoi(u.Port()); err == nil {
		return port
	}
	switch u.Scheme {
	case "http":
		return 80
	case "https":
		return 443
	}
	return 0
}
