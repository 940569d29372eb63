//go:build !go1.24

package health

import "net"

// onCollected does nothing: before Go 1.24 only a finalizer could, and the
// object can have one, maybe the service's.
func onCollected(net.Listener, func()) {}
