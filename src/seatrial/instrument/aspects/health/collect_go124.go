//go:build go1.24

package health

import (
	"net"
	"runtime"
)

// onCollected arranges a call for when a listener is dropped without Close:
// the collector then closes its socket (net's own finalizer).
func onCollected(l net.Listener, call func()) {
	switch l := l.(type) {
	case *net.TCPListener:
		runtime.AddCleanup(l, func(call func()) { call() }, call)
	case *net.UnixListener:
		runtime.AddCleanup(l, func(call func()) { call() }, call)
	}
}
