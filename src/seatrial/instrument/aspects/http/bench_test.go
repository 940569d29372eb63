package http

import (
	"net/http/httptest"
	"testing"

	"seatrial.dev/weave/trace"
)

func BenchmarkServer(b *testing.B) {
	for name, ratio := range map[string]float64{"sampled": 1, "unsampled": 0} {
		b.Run(name, func(b *testing.B) {
			trace.Enable(trace.Settings{Sampler: trace.Sampler{Ratio: ratio}, TraceContext: true})
			defer trace.Disable()
			r := httptest.NewRequest("GET", "http://shop.example:8080/orders/7", nil)
			r.Header.Set("User-Agent", "bench")
			b.ReportAllocs()
			for i := 0; i < b.N; i++ {
				serve(r, 200, true, nil)
			}
		})
	}
}
