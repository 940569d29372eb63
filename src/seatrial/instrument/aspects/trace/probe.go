package trace

import (
	"crypto/rand"
	"encoding/hex"
	"sync"
	"sync/atomic"
)

// HeaderProbe marks a request that the health check makes to its own process.
// Its value is random and never leaves the process, so nobody outside can keep
// a request out of the traces.
const HeaderProbe = "X-Seatrial-Probe"

var probe struct {
	underway atomic.Int32 // what keeps TakeProbe off the header of every other request
	once     sync.Once
	token    string
}

// MarkProbe marks the header of a request that is about to be made; done is to
// be called when it has been answered. It does nothing while tracing is off,
// because nothing would take the mark off again.
func MarkProbe(header map[string][]string) (done func()) {
	if !On() {
		return func() {}
	}
	probe.once.Do(func() {
		var token [16]byte
		if _, err := rand.Read(token[:]); err == nil {
			probe.token = hex.EncodeToString(token[:])
		}
	})
	if probe.token == "" {
		return func() {}
	}
	header[HeaderProbe] = []string{probe.token}
	probe.underway.Add(1)
	return func() { probe.underway.Add(-1) }
}

// TakeProbe reports whether a request is a marked one, and takes the mark off:
// a handler that shows its request's header must not show the token.
func TakeProbe(header map[string][]string) bool {
	if probe.underway.Load() == 0 {
		return false
	}
	if value := header[HeaderProbe]; len(value) != 1 || value[0] != probe.token {
		return false
	}
	delete(header, HeaderProbe)
	return true
}
