// Package slog holds the hooks woven into log/slog and log: a line written
// under a span says which.
package slog

import (
	"bytes"
	"context"

	"seatrial.dev/weave/trace"
)

// IDs returns the hex trace and span id a record written with ctx belongs to;
// ok is false when there is none. ctx may be nil.
func IDs(ctx context.Context) (traceID, spanID string, ok bool) {
	s, on := trace.Current(ctx)
	if !on || s == nil {
		return "", "", false
	}
	traceID, spanID = s.IDs()
	return traceID, spanID, true
}

// Under reports whether the goroutine works under a span; it is asked before
// the closure that Suffix needs is made.
func Under() bool {
	s, on := trace.Current(nil)
	return on && s != nil
}

// Suffix adds the ids to a line of package log, before its final newline. A
// line that already names the trace is left as it is: log/slog's default
// handler writes through package log. start is where the line begins in buf.
func Suffix(buf []byte, start int) []byte {
	s, on := trace.Current(nil)
	if !on || s == nil {
		return buf
	}
	return suffix(s, buf, start)
}

func suffix(s *trace.Span, buf []byte, start int) []byte {
	traceID, spanID := s.IDs()
	if bytes.Contains(buf[start:], []byte(traceID)) {
		return buf
	}
	end := len(buf)
	for end > start && buf[end-1] == '\n' {
		end--
	}
	added := " trace_id=" + traceID + " span_id=" + spanID
	// Some services write JSON through package log: text behind the object
	// would break whatever reads it, so the ids go into the object.
	if line := buf[start:end]; len(line) > 2 && line[0] == '{' && line[len(line)-1] == '}' {
		end--
		added = `,"trace_id":"` + traceID + `","span_id":"` + spanID + `"`
	}
	tail := string(buf[end:])
	buf = append(buf[:end], added...)
	return append(buf, tail...)
}
