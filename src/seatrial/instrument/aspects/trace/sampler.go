package trace

import (
	"encoding/binary"
	"math"
)

// Sampler decides which traces are exported (OTEL_TRACES_SAMPLER). The zero
// value exports nothing.
type Sampler struct {
	// Ratio of new traces to keep, 0 to 1.
	Ratio float64
	// ParentBased follows the parent's decision where there is a parent.
	ParentBased bool
}

// sample is a function of the trace id, so that every service with the same
// ratio keeps the same traces (OpenTelemetry's TraceIdRatioBased, which reads
// the low 8 bytes).
func (s Sampler) sample(id TraceID, parentSampled, hasParent bool) bool {
	if s.ParentBased && hasParent {
		return parentSampled
	}
	switch {
	case s.Ratio >= 1:
		return true
	case s.Ratio <= 0:
		return false
	}
	bound := uint64(s.Ratio * (1 << 63))
	return binary.BigEndian.Uint64(id[8:])>>1 < bound
}

// ParseSampler reads OTEL_TRACES_SAMPLER and OTEL_TRACES_SAMPLER_ARG. An
// unknown name or ratio means the specification's default, which is also what
// an empty name means: follow the parent, keep every new trace.
func ParseSampler(name string, ratio float64) Sampler {
	if math.IsNaN(ratio) || ratio < 0 || ratio > 1 {
		ratio = 1
	}
	switch name {
	case "always_on":
		return Sampler{Ratio: 1}
	case "always_off":
		return Sampler{}
	case "traceidratio":
		return Sampler{Ratio: ratio}
	case "parentbased_always_off":
		return Sampler{ParentBased: true}
	case "parentbased_traceidratio":
		return Sampler{Ratio: ratio, ParentBased: true}
	default:
		return Sampler{Ratio: 1, ParentBased: true}
	}
}
