package health

import (
	"bufio"
	"encoding/hex"
	"net"
	"os"
	"strconv"
	"strings"
)

// tellsHeld: /proc tells which files this process has open.
const tellsHeld = true

const deletedSuffix = " (deleted)"

// isHeldDeleted reports whether this process has the file open although it was
// removed from its directory, or another took its name.
func isHeldDeleted(file string) bool {
	found := false
	eachDescriptor(func(_, target string) bool {
		found = target == file+deletedSuffix
		return !found
	})
	return found
}

// isHeld reports whether this process has the very file open, under whatever
// name it was opened; true where /proc is not to be read.
func isHeld(file os.FileInfo) bool {
	found := false
	known := eachDescriptor(func(link, target string) bool {
		if strings.HasPrefix(target, "/") { // no socket, no pipe
			open, err := os.Stat(link)
			found = err == nil && os.SameFile(open, file)
		}
		return !found
	})
	return found || !known
}

// eachDescriptor hands over what each open descriptor leads to (proc(5)),
// until told to stop; it reports whether that could be read.
func eachDescriptor(visit func(link, target string) bool) bool {
	directory, err := os.Open("/proc/self/fd")
	if err != nil {
		return false
	}
	defer func() { _ = directory.Close() }()
	names, _ := directory.Readdirnames(-1)
	for _, name := range names {
		link := "/proc/self/fd/" + name
		if target, err := os.Readlink(link); err == nil && !visit(link, target) {
			break
		}
	}
	return true
}

// States of /proc/net/tcp and udp.
const (
	stateListening   = "0A"
	stateUnconnected = "07"
)

// socket is one line of /proc/net/tcp.
type socket struct {
	local, state, inode string
	port, waiting       int
}

// queued returns how many connections wait to be accepted at a port; known is
// false when the kernel does not tell.
func queued(port int) (waiting int, known bool) {
	for _, table := range []string{"tcp", "tcp6"} {
		eachSocket(table, func(s socket) {
			if s.state == stateListening && s.port == port {
				waiting, known = waiting+s.waiting, true
			}
		})
	}
	return waiting, known
}

// listeningSockets returns the addresses this process listens at by whatever
// means: libraries that call the kernel themselves are unknown to package net.
func listeningSockets() (addresses []string) {
	own := map[string]bool{}
	eachDescriptor(func(_, target string) bool {
		if strings.HasPrefix(target, "socket:[") {
			own[strings.Trim(target, "socket:[]")] = true
		}
		return true
	})
	for table, state := range map[string]string{
		"tcp": stateListening, "tcp6": stateListening, "udp": stateUnconnected, "udp6": stateUnconnected,
	} {
		eachSocket(table, func(s socket) {
			if s.state == state && own[s.inode] {
				addresses = append(addresses, s.local)
			}
		})
	}
	return addresses
}

// eachSocket reads a table of this network namespace. The columns are
// "sl local rem st tx:rx tr:tm retrnsmt uid timeout inode"; of a listening
// socket, rx is the length of its accept queue.
func eachSocket(table string, visit func(socket)) {
	file, err := os.Open("/proc/self/net/" + table)
	if err != nil {
		return
	}
	defer func() { _ = file.Close() }()
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		if column := strings.Fields(lines.Text()); len(column) >= 10 {
			ip, port, ok := parseLocal(column[1])
			_, rx, hasQueue := strings.Cut(column[4], ":")
			if waiting, err := strconv.ParseInt(rx, 16, 64); ok && hasQueue && err == nil {
				local := net.JoinHostPort(ip.String(), strconv.Itoa(port))
				visit(socket{local, column[3], column[9], port, int(waiting)})
			}
		}
	}
}

// parseLocal reads "0100007F:1F90": words of four bytes, each in the byte
// order of the machine, which is little-endian wherever Go's Linux ports that
// matter are; on others only the address in a name is wrong.
func parseLocal(text string) (ip net.IP, port int, ok bool) {
	address, hexPort, _ := strings.Cut(text, ":")
	ip, err := hex.DecodeString(address)
	number, portErr := strconv.ParseUint(hexPort, 16, 16)
	if err != nil || portErr != nil || len(ip)%4 != 0 || len(ip) == 0 {
		return nil, 0, false
	}
	for i := 0; i < len(ip); i += 4 {
		ip[i], ip[i+1], ip[i+2], ip[i+3] = ip[i+3], ip[i+2], ip[i+1], ip[i]
	}
	return ip, int(number), true
}
