package health

import (
	"errors"
	"fmt"
	"hash/fnv"
	"net"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"
)

// hasAbstractNames: a unix socket needs no file.
const hasAbstractNames = true

// prefix begins the names of all our sockets.
const prefix = "@seatrial-health-"

var own struct {
	once sync.Once
	name string
}

// socketName is an abstract name: no file, so nothing to write or to clean up.
// It is known to every process of this program in this container, and to no
// other container, although several may share a network (a pod, the host's).
func socketName() string {
	own.once.Do(func() {
		mount, _ := os.Readlink("/proc/self/ns/mnt")
		pid, _ := os.Readlink("/proc/self/ns/pid")
		// Of a program that was replaced while it runs, Linux tells this.
		program, _ := os.Executable()
		h := fnv.New64a()
		_, _ = fmt.Fprint(h, mount, "\n", pid, "\n", strings.TrimSuffix(program, deletedSuffix))
		own.name = fmt.Sprintf("%s%016x", prefix, h.Sum64())
	})
	return own.name
}

func bind() (net.Listener, error) { return net.Listen("unix", socketName()) }

func dial(limit time.Duration) (net.Conn, error) {
	return net.DialTimeout("unix", socketName(), limit)
}

func isTaken(err error) bool { return errors.Is(err, syscall.EADDRINUSE) }

func isProbeSocket(address net.Addr) bool {
	return address.Network() == "unix" && strings.HasPrefix(address.String(), prefix)
}

// trusted returns why the process at the other end is not to be talked to. An
// abstract socket has no permissions: in a shared network namespace anybody
// may connect to it, or take its name first. The kernel tells who it is; of a
// process that this one's container cannot see, the id is 0.
func trusted(conn net.Conn) error {
	unix, ok := conn.(*net.UnixConn)
	if !ok {
		return errors.New("not a unix socket")
	}
	raw, err := unix.SyscallConn()
	if err != nil {
		return err
	}
	var peer *syscall.Ucred
	var failed error
	err = raw.Control(func(fd uintptr) {
		peer, failed = syscall.GetsockoptUcred(int(fd), syscall.SOL_SOCKET, syscall.SO_PEERCRED)
	})
	if err == nil {
		err = failed
	}
	if err != nil {
		return err
	}
	return acceptable(peer, uint32(os.Geteuid()))
}

func acceptable(peer *syscall.Ucred, own uint32) error {
	if peer.Pid <= 0 {
		return errors.New("its probe socket belongs to another container")
	}
	if peer.Uid != own && peer.Uid != 0 && own != 0 {
		return fmt.Errorf("its probe socket belongs to user %d", peer.Uid)
	}
	return nil
}
