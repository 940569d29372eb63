package health

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"net"
	"reflect"
	"sort"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// takenUnseen is how long a connection may wait before the kernel is asked
	// whether somebody took it past package net.
	takenUnseen = 20 * time.Millisecond
	// patience is what a listener gets that has never accepted anything: the
	// service has not come to it yet.
	patience = time.Second
	// localTries is how many local ports are tried for one that is free.
	localTries = 3
)

var errNotAccepting = errors.New("accepts no connection")

// listener is one open listener of the service. It does not refer to the
// net.Listener: one that is dropped without Close must still be collected, and
// its port with it.
type listener struct {
	order       int
	address     net.Addr
	hasAccepted atomic.Bool
	line        line
}

func (l *listener) name() string { return "listener " + l.address.String() }

var listeners struct {
	mu    sync.Mutex
	open  map[uintptr]*listener
	count int // of all that ever were
}

// Listening is woven into package net where a TCP or unix listener is made.
func Listening(l net.Listener) {
	key, ok := keyOf(l)
	if !ok || isServicesOwn() || isProbeSocket(l.Addr()) {
		return
	}
	listeners.mu.Lock()
	defer listeners.mu.Unlock()
	if listeners.open == nil {
		listeners.open = map[uintptr]*listener{}
	}
	entry := &listener{order: listeners.count, address: l.Addr()}
	listeners.count++
	listeners.open[key] = entry
	onCollected(l, func() { unlisten(key, entry) })
}

// Unlistened is woven into the Close methods of package net's listeners.
func Unlistened(l net.Listener) {
	if key, ok := keyOf(l); ok {
		unlisten(key, nil)
	}
}

// unlisten forgets a listener; with only given, not another that was made at
// the same place in memory.
func unlisten(key uintptr, only *listener) {
	listeners.mu.Lock()
	defer listeners.mu.Unlock()
	if only == nil || listeners.open[key] == only {
		delete(listeners.open, key)
	}
}

func keyOf(l net.Listener) (uintptr, bool) {
	switch l.(type) {
	case *net.TCPListener, *net.UnixListener:
		key := reflect.ValueOf(l).Pointer()
		return key, key != 0
	}
	return 0, false
}

// openListeners returns them in the order of their opening, and whether there
// ever was one.
func openListeners() (open []*listener, ever bool) {
	listeners.mu.Lock()
	defer listeners.mu.Unlock()
	for _, l := range listeners.open {
		open = append(open, l)
	}
	sort.Slice(open, func(i, j int) bool { return open[i].order < open[j].order })
	return open, listeners.count > 0
}

// knocks are the connections under way that the health check makes to the
// service's listeners, by their local address. The Accept of package net takes
// them out: no server sees one, so no TLS server logs a broken handshake, and
// a listener whose loop has died is found although the kernel connects.
var knocks struct {
	underway atomic.Int32
	mu       sync.Mutex
	waiting  map[string]chan struct{}
}

// Accepted is woven into the Accept methods of package net's listeners. It
// reports whether a connection is the health check's own, which is then to be
// closed, and the next one accepted.
func Accepted(c net.Conn) bool {
	if knocks.underway.Load() == 0 || c.RemoteAddr() == nil {
		return false
	}
	knocks.mu.Lock()
	defer knocks.mu.Unlock()
	from := c.RemoteAddr().String()
	arrived, ok := knocks.waiting[from]
	if ok {
		delete(knocks.waiting, from)
		close(arrived)
	}
	return ok
}

// expect announces a connection before it is made.
func expect(from string) (arrived chan struct{}, forget func()) {
	knocks.mu.Lock()
	defer knocks.mu.Unlock()
	if knocks.waiting == nil {
		knocks.waiting = map[string]chan struct{}{}
	}
	arrived = make(chan struct{})
	knocks.waiting[from] = arrived
	knocks.underway.Add(1)
	return arrived, func() {
		knocks.mu.Lock()
		defer knocks.mu.Unlock()
		if knocks.waiting[from] == arrived {
			delete(knocks.waiting, from)
		}
		knocks.underway.Add(-1)
	}
}

// check connects and waits until the service has accepted.
func (l *listener) check(ctx context.Context) (err error) {
	for _, address := range reachable(l.address) {
		if err = l.knock(ctx, address); err == nil || ctx.Err() != nil {
			return err
		}
	}
	return err
}

func (l *listener) knock(ctx context.Context, address net.Addr) error {
	for try := 0; try < localTries && ctx.Err() == nil; try++ {
		local := localFor(address)
		if local == nil {
			break
		}
		arrived, forget := expect(local.String())
		conn, err := (&net.Dialer{LocalAddr: local}).DialContext(ctx, address.Network(), address.String())
		if err == nil {
			err = l.await(ctx, arrived, address)
			_ = conn.Close()
			forget()
			return err
		}
		forget() // maybe only the local port was not free
	}
	// Not told apart from the service's own connections: that the kernel
	// connects must do.
	conn, err := (&net.Dialer{}).DialContext(ctx, address.Network(), address.String())
	if err != nil {
		return err
	}
	return conn.Close()
}

// await waits for Accepted. A library that accepts by system calls of its own
// never calls it: the accept queue, once empty, says that somebody did.
func (l *listener) await(ctx context.Context, arrived chan struct{}, address net.Addr) error {
	timer := time.NewTimer(takenUnseen)
	defer timer.Stop()
	select {
	case <-arrived:
		l.hasAccepted.Store(true)
		return nil
	case <-timer.C:
	}
	if tcp, ok := address.(*net.TCPAddr); ok {
		if waiting, known := queued(tcp.Port); known && waiting == 0 {
			l.hasAccepted.Store(true)
			return nil
		}
	}
	select {
	case <-arrived:
		l.hasAccepted.Store(true)
		return nil
	case <-ctx.Done():
		return errNotAccepting
	}
}

// reachable returns where to connect to: a listener at every address of the
// machine is reached at the loopback ones.
func reachable(address net.Addr) []net.Addr {
	tcp, ok := address.(*net.TCPAddr)
	if !ok || !tcp.IP.IsUnspecified() {
		return []net.Addr{address}
	}
	v4 := &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: tcp.Port}
	if tcp.IP.To4() != nil {
		return []net.Addr{v4}
	}
	return []net.Addr{v4, &net.TCPAddr{IP: net.IPv6loopback, Port: tcp.Port}}
}

// localFor returns an address to connect from that is known beforehand: the
// service may accept before the connect call returns. It is nil where there
// can be none.
func localFor(address net.Addr) net.Addr {
	var random [8]byte
	if _, err := rand.Read(random[:]); err != nil {
		return nil
	}
	switch to := address.(type) {
	case *net.TCPAddr:
		const first, count = 32768, 28232 // Linux's range of ephemeral ports
		port := first + binary.BigEndian.Uint32(random[:4])%count
		return &net.TCPAddr{IP: to.IP, Port: int(port), Zone: to.Zone}
	case *net.UnixAddr:
		if hasAbstractNames {
			return &net.UnixAddr{Net: to.Net, Name: "@seatrial-knock-" + hex.EncodeToString(random[:])}
		}
	}
	return nil
}
