package trace

import (
	"encoding/hex"
	"math/rand/v2"
)

// TraceID identifies one trace: 16 bytes, never all zero (W3C Trace Context).
type TraceID [16]byte

// SpanID identifies one span within a trace: 8 bytes, never all zero.
type SpanID [8]byte

// IsZero reports whether the id is the invalid all-zero id.
func (t TraceID) IsZero() bool { return t == TraceID{} }

// IsZero reports whether the id is the invalid all-zero id.
func (s SpanID) IsZero() bool { return s == SpanID{} }

// String returns 32 lower-case hex digits.
func (t TraceID) String() string { return hex.EncodeToString(t[:]) }

// String returns 16 lower-case hex digits.
func (s SpanID) String() string { return hex.EncodeToString(s[:]) }

// newTraceID draws from the runtime's generator: ids must be unlikely to
// collide, not hard to guess, and that generator takes no lock and no system
// call on the request path.
func newTraceID() (t TraceID) {
	for t.IsZero() {
		putUint64(t[:8], rand.Uint64())
		putUint64(t[8:], rand.Uint64())
	}
	return t
}

func newSpanID() (s SpanID) {
	for s.IsZero() {
		putUint64(s[:], rand.Uint64())
	}
	return s
}

func putUint64(b []byte, v uint64) {
	for i := 0; i < 8; i++ {
		b[i] = byte(v >> (56 - 8*i))
	}
}
