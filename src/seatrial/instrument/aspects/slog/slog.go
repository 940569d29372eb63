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

// Suffix appends the ids to a line of package log, before its final newline.
// A line that already names the trace is left as it is: log/slog's default
// handler writes through package log.
func Suffix(line []byte, start int) []byte {
	s, on := trace.Current(nil)
	if !on || s == nil {
		return line
	}
	return suffix(s, line, start)
}

func suffix(s *trace.Span, line []byte, start int) []byte {
	traceID, spanID := s.IDs()
	if bytes.Contains(line[start:], []byte(traceID)) {
		return line
	}
	end := len(line)
	for end > start && line[end-1] == '\n' {
		end--
	}
	tail := string(line[end:])
	line = append(line[:end], " trace_id="+traceID+" span_id="+spanID...)
	return append(line, tail...)
}
