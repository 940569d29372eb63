package health

import (
	"net"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

func TestOnlyOwnUserAndRootOfThisContainerAreTrusted(t *testing.T) {
	for _, c := range []struct {
		peer    syscall.Ucred
		own     uint32
		trusted bool
	}{
		{syscall.Ucred{Pid: 7, Uid: 65532}, 65532, true},
		{syscall.Ucred{Pid: 7, Uid: 0}, 65532, true},      // docker exec -u root
		{syscall.Ucred{Pid: 7, Uid: 65532}, 0, true},      // and its view of the service
		{syscall.Ucred{Pid: 7, Uid: 1000}, 65532, false},  // another user
		{syscall.Ucred{Pid: 0, Uid: 65532}, 65532, false}, // a process of another container
		{syscall.Ucred{Pid: 0, Uid: 0}, 0, false},
	} {
		if got := acceptable(&c.peer, c.own); (got == nil) != c.trusted {
			t.Errorf("%+v: %v", c, got)
		}
	}
}

func TestPeerOfARealSocketIsThisProcess(t *testing.T) {
	l := running(t)
	if !strings.HasPrefix(l.Addr().String(), prefix) || len(socketName()) > 107 {
		t.Error(l.Addr())
	}
	conn, err := dial(askLimit)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if err := trusted(conn); err != nil {
		t.Error(err)
	}
	one, _ := net.Pipe()
	if trusted(one) == nil {
		t.Error("not a socket")
	}
}

func TestTablesOfTheKernelAreRead(t *testing.T) {
	for text, want := range map[string]string{
		"0100007F:1F90": "127.0.0.1:8080", "00000000000000000000000001000000:0050": "::1:80",
	} {
		if ip, port, ok := parseLocal(text); !ok || ip.String()+":"+strconv.Itoa(port) != want {
			t.Errorf("%s: %s %d", text, ip, port)
		}
	}
	for _, text := range []string{"", "0100007F", "01:1F90", "zz00007F:1F90", "0100007F:1F90F"} {
		if _, _, ok := parseLocal(text); ok {
			t.Error(text)
		}
	}
	if _, known := queued(1); known {
		t.Error("nobody listens at port 1")
	}
}

func TestRemovedFileIsToldWhileItIsHeld(t *testing.T) {
	file, err := os.CreateTemp(t.TempDir(), "held")
	if err != nil {
		t.Fatal(err)
	}
	first, err := os.Stat(file.Name())
	if err != nil || isHeldDeleted(file.Name()) || !isHeld(first) {
		t.Error("it is there", err)
	}
	if err := os.Rename(file.Name(), file.Name()+"-kept"); err != nil || !isHeld(first) {
		t.Error("another name is the same file", err)
	}
	if err := os.WriteFile(file.Name(), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if other, err := os.Stat(file.Name()); err != nil || isHeld(other) {
		t.Error("the same name is another file", err)
	}
	if err := os.Rename(file.Name()+"-kept", file.Name()); err != nil {
		t.Fatal(err)
	}
	_ = os.Remove(file.Name())
	if !isHeldDeleted(file.Name()) {
		t.Error("it is gone")
	}
	_ = file.Close()
	if isHeldDeleted(file.Name()) {
		t.Error("it is not held any more")
	}
}
