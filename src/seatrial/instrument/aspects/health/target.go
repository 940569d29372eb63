package health

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"seatrial.dev/weave/trace"
)

// schemePorts are the ports of schemes that services are configured with and
// that are reached by TCP.
var schemePorts = map[string]string{
	"tcp": "", "redis": "6379", "rediss": "6379", "amqp": "5672", "amqps": "5671", "nats": "4222", "mongodb": "27017",
}

// target is a check of the settings with its variables filled in. missing
// names a variable that is not set.
type target struct {
	kind, missing string
	check         func(context.Context) error
}

// resolve reads "tcp://host:port", "http(s)://…" or one of schemePorts. The
// environment is read now, not at start: services read .env files in main.
func resolve(value string) (t target, problem error) {
	expanded := os.Expand(value, func(name string) string {
		found := os.Getenv(name)
		if found == "" {
			t.missing = name
		}
		return found
	})
	if t.missing != "" {
		return t, nil
	}
	parsed, err := url.Parse(expanded)
	if err != nil || parsed.Hostname() == "" {
		return t, errors.New("is not tcp://host:port or http://…")
	}
	if parsed.Scheme == "http" || parsed.Scheme == "https" {
		t.kind = "http"
		t.check = func(ctx context.Context) error { return get(ctx, parsed.String(), http.Header{}, transport(nil, nil)) }
		return t, nil
	}
	port, known := schemePorts[parsed.Scheme]
	if parsed.Port() != "" {
		port = parsed.Port()
	}
	if !known || port == "" {
		return t, errors.New("is not tcp://host:port or http://…")
	}
	t.kind = "tcp"
	t.check = func(ctx context.Context) error {
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", net.JoinHostPort(parsed.Hostname(), port))
		if err != nil {
			return err
		}
		return conn.Close()
	}
	return t, nil
}

// getOwn asks the service itself for a path, at all of its listeners: which of
// them serves HTTP is not known. One that says that all is well is enough.
func getOwn(ctx context.Context, path string, open []*listener) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	answers := make(chan error, len(open))
	for _, l := range open {
		go func(l *listener) { answers <- l.get(ctx, path) }(l)
	}
	var err error
	for range open {
		next := <-answers
		if next == nil {
			return nil
		}
		if err == nil || isAnswer(next) && !isAnswer(err) {
			err = next
		}
	}
	return err
}

// get tries HTTP, then TLS where there was no answer to that.
func (l *listener) get(ctx context.Context, path string) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic: %v", r)
		}
	}()
	header := http.Header{}
	defer trace.MarkProbe(header)()
	for _, address := range reachable(l.address) {
		for _, scheme := range []string{"http", "https"} {
			through := transport(address, &tls.Config{InsecureSkipVerify: true}) // it is this process
			if err = get(ctx, scheme+"://localhost"+path, header, through); err == nil || isAnswer(err) {
				return err
			}
		}
	}
	return err
}

// status is an answer that does not say that all is well.
type status struct{ code int }

func (s status) Error() string { return fmt.Sprintf("answers %d", s.code) }

func isAnswer(err error) bool {
	var answer status
	return errors.As(err, &answer)
}

// get is healthy with 2xx and 3xx. No proxy, no redirect, no connection kept.
func get(ctx context.Context, address string, header http.Header, through *http.Transport) error {
	request, err := http.NewRequest(http.MethodGet, address, nil)
	if err != nil {
		return errors.New("is no address")
	}
	request = request.WithContext(ctx)
	request.Header = header
	request.Header.Set("User-Agent", "seatrial-health")
	response, err := through.RoundTrip(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode >= 200 && response.StatusCode < 400 {
		return nil
	}
	if response.StatusCode == http.StatusBadRequest {
		var start [64]byte
		n, _ := response.Body.Read(start[:])
		if strings.Contains(string(start[:n]), "HTTP request to an HTTPS server") { // net/http's words
			return errors.New("expects TLS")
		}
	}
	return status{response.StatusCode}
}

// transport connects to one address whatever the URL says, or to the URL's.
func transport(to net.Addr, secure *tls.Config) *http.Transport {
	t := &http.Transport{DisableKeepAlives: true, TLSClientConfig: secure, TLSHandshakeTimeout: time.Minute}
	if to != nil {
		t.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, to.Network(), to.String())
		}
	}
	return t
}
