package trace

import (
	"encoding/hex"
	"strings"
)

// Header names of W3C Trace Context and Baggage, in net/http's canonical form,
// which lets hooks index a header map directly.
const (
	HeaderParent  = "Traceparent"
	HeaderState   = "Tracestate"
	HeaderBaggage = "Baggage"
)

const (
	flagSampled  = 0x01
	parentLength = 55   // "00-" + 32 + "-" + 16 + "-" + 2
	stateLength  = 512  // the least a carrier must keep; longer ones are dropped
	bagLength    = 8192 // the most W3C Baggage lets a carrier hold
)

// Remote is what another process said about the span that called us.
type Remote struct {
	TraceID TraceID
	SpanID  SpanID
	Flags   byte
	State   string
	Baggage string
}

// Extract reads the W3C headers of an incoming request. A malformed or
// repeated traceparent counts as none, and its tracestate with it.
func Extract(header map[string][]string) (r Remote) {
	cfg := settings.Load()
	if cfg == nil {
		return r
	}
	if cfg.Baggage {
		if bag := strings.Join(header[HeaderBaggage], ","); len(bag) <= bagLength && isPrintable(bag) {
			r.Baggage = bag
		}
	}
	values := header[HeaderParent]
	if !cfg.TraceContext || len(values) != 1 || !parseParent(values[0], &r) {
		return r
	}
	if state := strings.Join(header[HeaderState], ","); len(state) <= stateLength && isPrintable(state) {
		r.State = state
	}
	return r
}

// Inject writes the span's W3C headers into header, which must be the caller's
// to change. A traceparent of another trace is left alone: something in the
// service, not we, started that trace. One of the same trace is replaced: it
// was copied from an incoming request, by a reverse proxy for example.
func Inject(s *Span, header map[string][]string) {
	cfg := settings.Load()
	if cfg == nil {
		return
	}
	if cfg.Baggage && s.Baggage != "" && len(header[HeaderBaggage]) == 0 {
		header[HeaderBaggage] = []string{s.Baggage}
	}
	if !cfg.TraceContext {
		return
	}
	var there Remote
	if have := header[HeaderParent]; len(have) == 1 && parseParent(have[0], &there) && there.TraceID != s.TraceID {
		return
	}
	header[HeaderParent] = []string{formatParent(s)}
	if s.State != "" {
		header[HeaderState] = []string{s.State}
	} else {
		delete(header, HeaderState)
	}
}

func formatParent(s *Span) string {
	var b [parentLength]byte
	copy(b[:], "00-")
	hex.Encode(b[3:35], s.TraceID[:])
	b[35] = '-'
	hex.Encode(b[36:52], s.ID[:])
	b[52] = '-'
	hex.Encode(b[53:55], []byte{s.Flags})
	return string(b[:])
}

// parseParent follows W3C Trace Context, section 3.2: version ff is invalid,
// version 00 has nothing after the flags, later versions may.
func parseParent(v string, r *Remote) bool {
	if len(v) < parentLength || v[2] != '-' || v[35] != '-' || v[52] != '-' {
		return false
	}
	version := v[:2]
	if version == "ff" || !isLowerHex(version) {
		return false
	}
	if len(v) > parentLength && (version == "00" || v[parentLength] != '-') {
		return false
	}
	var traceID TraceID
	var spanID SpanID
	var flags [1]byte
	if !decode(traceID[:], v[3:35]) || !decode(spanID[:], v[36:52]) || !decode(flags[:], v[53:55]) {
		return false
	}
	if traceID.IsZero() || spanID.IsZero() {
		return false
	}
	r.TraceID, r.SpanID, r.Flags = traceID, spanID, flags[0]&0x03
	return true
}

func decode(dst []byte, src string) bool {
	if !isLowerHex(src) {
		return false
	}
	_, err := hex.Decode(dst, []byte(src))
	return err == nil
}

func isLowerHex(s string) bool {
	for i := 0; i < len(s); i++ {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

func isPrintable(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}
