// Package otlp sends finished spans to an OpenTelemetry collector: OTLP over
// HTTP in protobuf, configured by the standard OTEL_* variables. The protobuf
// is written by hand because the module may require nothing: a woven service
// must keep exactly the modules its own go.mod names.
package otlp

import (
	"encoding/binary"

	"seatrial.dev/weave/stamp"
	"seatrial.dev/weave/trace"
)

const (
	scopeName = "seatrial.dev/weave"
	schemaURL = "https://opentelemetry.io/schemas/1.37.0"
)

// Protobuf wire types.
const (
	wireVarint  = 0
	wireFixed64 = 1
	wireBytes   = 2
	wireFixed32 = 5
)

// Encode returns an ExportTraceServiceRequest
// (opentelemetry/proto/collector/trace/v1) for one resource.
func Encode(resource []trace.Attr, spans []*trace.Span) []byte {
	b := make([]byte, 0, 512*(1+len(spans)))
	return message(b, 1, func(b []byte) []byte { // ResourceSpans
		b = message(b, 1, func(b []byte) []byte { return attributes(b, 1, resource) })
		b = message(b, 2, func(b []byte) []byte { // ScopeSpans
			b = message(b, 1, func(b []byte) []byte {
				return text(text(b, 1, scopeName), 2, stamp.Version)
			})
			for _, s := range spans {
				b = message(b, 2, func(b []byte) []byte { return encodeSpan(b, s) })
			}
			return b
		})
		return text(b, 3, schemaURL)
	})
}

func encodeSpan(b []byte, s *trace.Span) []byte {
	r := s.Record()
	start := s.Started.UnixNano()
	b = octets(b, 1, s.TraceID[:])
	b = octets(b, 2, s.ID[:])
	b = text(b, 3, s.State)
	if !s.ParentID.IsZero() {
		b = octets(b, 4, s.ParentID[:])
	}
	b = text(b, 5, r.Name)
	b = integer(b, 6, uint64(s.Kind))
	b = fixed64(b, 7, uint64(start))
	b = fixed64(b, 8, uint64(start+r.Duration.Nanoseconds()))
	b = attributes(b, 9, r.Attrs)
	if r.Failed {
		b = message(b, 15, func(b []byte) []byte { return integer(text(b, 2, r.Message), 3, 2) })
	}
	b = binary.AppendUvarint(b, 16<<3|wireFixed32)
	return binary.LittleEndian.AppendUint32(b, uint32(s.Flags))
}

func attributes(b []byte, field uint64, attrs []trace.Attr) []byte {
	for _, a := range attrs {
		b = message(b, field, func(b []byte) []byte { // KeyValue
			b = text(b, 1, a.Key)
			return message(b, 2, func(b []byte) []byte { // AnyValue
				if a.IsInt {
					return binary.AppendUvarint(append(b, 3<<3|wireVarint), uint64(a.Int))
				}
				return octets(b, 1, []byte(validUTF8(a.Text)))
			})
		})
	}
	return b
}

// message appends a length-delimited field. The body is written first and
// then moved up by the size of its length, which is a byte or two.
func message(b []byte, field uint64, body func([]byte) []byte) []byte {
	b = binary.AppendUvarint(b, field<<3|wireBytes)
	start := len(b)
	b = body(b)
	size := len(b) - start
	var prefix [binary.MaxVarintLen64]byte
	n := binary.PutUvarint(prefix[:], uint64(size))
	b = append(b, prefix[:n]...)
	copy(b[start+n:], b[start:start+size])
	copy(b[start:], prefix[:n])
	return b
}

func octets(b []byte, field uint64, v []byte) []byte {
	b = binary.AppendUvarint(b, field<<3|wireBytes)
	b = binary.AppendUvarint(b, uint64(len(v)))
	return append(b, v...)
}

// text appends a string field, or nothing for "", as proto3 does.
func text(b []byte, field uint64, v string) []byte {
	if v == "" {
		return b
	}
	v = validUTF8(v)
	b = binary.AppendUvarint(b, field<<3|wireBytes)
	b = binary.AppendUvarint(b, uint64(len(v)))
	return append(b, v...)
}

func integer(b []byte, field, v uint64) []byte {
	return binary.AppendUvarint(binary.AppendUvarint(b, field<<3|wireVarint), v)
}

func fixed64(b []byte, field, v uint64) []byte {
	return binary.LittleEndian.AppendUint64(binary.AppendUvarint(b, field<<3|wireFixed64), v)
}
