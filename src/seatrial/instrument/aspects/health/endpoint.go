package health

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"
)

const (
	formWait = "wait" // what another process of the same program asks
	// answerSlack is what the answer of the running process may come later
	// than its checks end.
	answerSlack = 500 * time.Millisecond
	// askLimit is for the one short line that a probe sends.
	askLimit = time.Second
	// retryAfter: who takes the name over need not hurry.
	retryAfter = time.Second
)

// serve answers probes from now on, if the socket is to be had. Where another
// process of the same program has it (a graceful restart, a worker beside its
// master), this one takes it over when that one ends.
func serve() {
	l, err := bind()
	if err == nil {
		go accept(l)
		return
	}
	if isTaken(err) {
		go func() {
			for isTaken(err) {
				awaitHolder()
				if l, err = bind(); err == nil {
					accept(l)
				}
			}
		}()
	}
}

// awaitHolder returns when the process that has the socket has ended.
func awaitHolder() {
	defer time.Sleep(retryAfter)
	conn, err := dial(askLimit)
	if err != nil {
		return
	}
	defer func() { _ = conn.Close() }()
	if trusted(conn) != nil {
		return
	}
	if _, err := fmt.Fprintln(conn, formWait); err == nil {
		_, _ = conn.Read(make([]byte, 1)) // never answered; the end is the answer
	}
}

func accept(l net.Listener) {
	for {
		conn, err := l.Accept()
		switch {
		case err == nil:
			go answer(conn)
		case errors.Is(err, net.ErrClosed):
			return
		default: // too many open files, most likely
			time.Sleep(retryAfter)
		}
	}
}

func answer(conn net.Conn) {
	defer func() { _ = conn.Close() }()
	if trusted(conn) != nil {
		return
	}
	_ = conn.SetDeadline(time.Now().Add(askLimit))
	form, err := bufio.NewReaderSize(conn, 64).ReadString('\n')
	if err != nil {
		return
	}
	form = strings.TrimSuffix(form, "\n")
	c := current()
	if form == formWait {
		_ = conn.SetDeadline(time.Time{})
		_, _ = conn.Read(make([]byte, 1))
		return
	}
	report := examine(c, form == formLive)
	_ = conn.SetDeadline(time.Now().Add(askLimit))
	_, _ = conn.Write(report.json())
}

// ask is the probe's side: it asks the running process and returns its answer.
func ask(form string) Report {
	conn, err := dial(askLimit)
	if err != nil {
		return dead("no running service (nothing answers at its probe socket)")
	}
	defer func() { _ = conn.Close() }()
	if err := trusted(conn); err != nil {
		return dead("no running service (" + err.Error() + ")")
	}
	limit := current().timeout + answerSlack
	_ = conn.SetDeadline(time.Now().Add(limit))
	var found Report
	if _, err = fmt.Fprintln(conn, form); err == nil {
		err = json.NewDecoder(conn).Decode(&found)
	}
	if err != nil || found.Status == "" {
		if timeout, ok := err.(net.Error); ok && timeout.Timeout() {
			return dead(fmt.Sprintf("the service does not answer within %s", limit))
		}
		return dead("the service ended while it was asked")
	}
	return found
}
