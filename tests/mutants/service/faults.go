package main

import (
	"bufio"
	"bytes"
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

func fault(name string) bool { return os.Getenv("FAULT") == name }

// beforeStart is where a service fails before it has begun.
func beforeStart() {
	switch {
	case fault("ends-at-start"):
		slog.Error("the licence is not valid")
		os.Exit(7)
	case fault("panics-at-start"):
		panic("no configuration")
	case fault("writes-or-ends"):
		if err := os.WriteFile("/home/nonroot/state", []byte("state"), 0o600); err != nil {
			slog.Error("cannot keep its state", "error", err.Error())
			os.Exit(6)
		}
	case fault("writes-where-it-may"):
		if err := os.WriteFile("/home/nonroot/state", []byte("state"), 0o600); err != nil {
			slog.Warn("goes on without its state", "error", err.Error())
		}
	case fault("needs-capability"):
		if err := syscall.Chroot("/tmp"); err != nil {
			slog.Error("cannot lock itself in", "error", err.Error())
			os.Exit(1)
		}
	case fault("needs-collector"), fault("waits-for-collector"):
		for !isCollectorThere() {
			if fault("needs-collector") {
				slog.Error("no collector")
				os.Exit(9)
			}
			time.Sleep(50 * time.Millisecond)
		}
	case fault("gulps"):
		eat(400)
	}
}

func isCollectorThere() bool {
	connection, err := net.Dial("tcp", strings.TrimPrefix(os.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT"), "http://"))
	if err != nil {
		return false
	}
	connection.Close()
	return true
}

// eat takes memory, and gives it back before the service is at rest.
func eat(mebibytes int) {
	var eaten [][]byte
	for len(eaten) < mebibytes {
		eaten = append(eaten, bytes.Repeat([]byte{1}, 1<<20))
	}
	runtime.KeepAlive(eaten)
	eaten = nil
	debug.FreeOSMemory()
}

func complain(err error) {
	if !fault("ends-without-a-word") {
		slog.Error("cannot start", "error", err.Error())
	}
}

// untilOtherwise takes SIGTERM otherwise than a service should.
func untilOtherwise() (context.Context, context.CancelFunc, bool) {
	nothing := func() {}
	switch {
	case fault("ignores-sigterm"):
		signal.Ignore(syscall.SIGTERM)
		return context.Background(), nothing, true
	case fault("swallows-sigterm"):
		signal.Notify(make(chan os.Signal, 8), syscall.SIGTERM)
		return context.Background(), nothing, true
	case fault("leaves-sigterm"):
		return context.Background(), nothing, true
	}
	return nil, nil, false
}

func beforeListening() {
	switch {
	case fault("listens-late"):
		time.Sleep(3500 * time.Millisecond)
	case fault("never-listens"):
		time.Sleep(time.Hour)
	}
}

// around puts a fault between the server and its handler.
func around(handler http.Handler) http.Handler {
	var count atomic.Int64
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		busy.Add(1)
		defer busy.Add(-1)
		if r.URL.Path == "/healthz" {
			handler.ServeHTTP(w, r)
			return
		}
		number := count.Add(1)
		if fault("loses-spans") && r.Method == http.MethodGet {
			_, _ = io.Copy(io.Discard, r.Body)
		}
		switch {
		case isStopping.Load():
			answerAndEnd(w)
		case fault("answers-500"):
			http.Error(w, "out of order", http.StatusInternalServerError)
		case fault("answers-500-later") && number > 1:
			http.Error(w, "out of order", http.StatusInternalServerError)
		case fault("answers-404"):
			http.NotFound(w, r)
		case fault("never-answers"):
			<-r.Context().Done()
		case fault("drops-connections"):
			panic(http.ErrAbortHandler)
		case fault("ends-after-first") && number > 1:
			slog.Error("cannot go on")
			os.Exit(3)
		default:
			handler.ServeHTTP(w, r)
		}
	})
}

// busy is how many requests are in their handlers, and answered how many of them have their answer.
var (
	busy, answered atomic.Int64
	isStopping     atomic.Bool
)

// disguised hides the traceparent header from net/http, as a proxy before it does that does not know it.
func disguised(listener net.Listener) net.Listener {
	if fault("hides-trace-context") {
		return maskedListener{listener}
	}
	return listener
}

type maskedListener struct{ net.Listener }

type maskedConnection struct{ net.Conn }

func (l maskedListener) Accept() (net.Conn, error) {
	connection, err := l.Listener.Accept()
	return maskedConnection{connection}, err
}

func (c maskedConnection) Read(into []byte) (int, error) {
	count, err := c.Conn.Read(into)
	copy(into, bytes.ReplaceAll(into[:count], []byte("traceparent:"), []byte("x-tracebase:")))
	return count, err
}

func shutDown(server *http.Server) error {
	switch {
	case fault("cuts-requests"):
		return server.Close()
	case fault("ends-at-once"):
		os.Exit(0)
	case fault("ends-badly"):
		os.Exit(3)
	case fault("panics-at-end"):
		panic("closed twice")
	case fault("loses-spans"):
		isStopping.Store(true)
	}
	return server.Shutdown(context.Background())
}

// answerAndEnd answers, and ends the process with the last answer: the handlers' spans never end.
func answerAndEnd(w http.ResponseWriter) {
	w.Header().Set("Content-Length", "2") // so that the answer is whole before the handler has returned
	_, _ = io.WriteString(w, "{}")
	_ = http.NewResponseController(w).Flush()
	if answered.Add(1) == busy.Load() {
		time.Sleep(20 * time.Millisecond)
		syscall.Exit(0)
	}
	select {}
}

// atEnd is after the last request was answered.
func atEnd() {
	switch {
	case fault("ends-with-1"):
		os.Exit(1)
	case fault("hangs-at-end"):
		time.Sleep(time.Hour)
	}
}

// replaced puts another way to the database in the pool's place.
func replaced(ctx context.Context, t *table, db *sql.DB) (notes, error) {
	switch {
	case fault("one-connection"):
		connection, err := db.Conn(ctx)
		return &table{db: connection, insert: t.insert, choose: t.choose, file: t.file}, err
	case fault("asks-elsewhere"):
		return newWorker(t), nil
	case fault("asks-driver"):
		connection, err := db.Driver().Open(file)
		return &bare{notes: t, connection: connection}, err
	}
	return t, nil
}

// worker asks the database on a goroutine of its own, where no request's context arrives.
type worker struct {
	notes
	jobs chan func()
}

func newWorker(behind notes) *worker {
	w := &worker{notes: behind, jobs: make(chan func())}
	go func() {
		for job := range w.jobs {
			job()
		}
	}()
	return w
}

func (w *worker) do(job func()) {
	done := make(chan struct{})
	w.jobs <- func() { job(); close(done) }
	<-done
}

func (w *worker) add(_ context.Context, text string) (err error) {
	w.do(func() { err = w.notes.add(context.Background(), text) })
	return err
}

func (w *worker) text(_ context.Context, id string) (text string, err error) {
	w.do(func() { text, err = w.notes.text(context.Background(), id) })
	return text, err
}

// bare goes to the driver past database/sql, as a library with a pool of its own does.
type bare struct {
	notes
	connection driver.Conn
}

func (b *bare) add(ctx context.Context, text string) error {
	_, err := b.connection.(driver.ExecerContext).ExecContext(
		ctx, "INSERT INTO note (text) VALUES (?)", []driver.NamedValue{{Ordinal: 1, Value: text}})
	return err
}

func (b *bare) text(ctx context.Context, id string) (string, error) {
	rows, err := b.connection.(driver.QueryerContext).QueryContext(
		ctx, "SELECT text FROM note WHERE id = ?", []driver.NamedValue{{Ordinal: 1, Value: id}})
	if err != nil {
		return "", err
	}
	defer rows.Close()
	row := make([]driver.Value, 1)
	if err := rows.Next(row); err != nil {
		return "", err
	}
	return fmt.Sprint(row[0]), nil
}

// Health.

var (
	isStuck   atomic.Bool
	wasAsked  atomic.Bool
	firstWord atomic.Pointer[string]
)

// judged is what the service says of itself, given how to find out.
func judged(check func() error) error {
	switch {
	case fault("health-blind"):
		return nil
	case fault("health-remembers"):
		if wasAsked.Swap(true) {
			if word := firstWord.Load(); word != nil {
				return errors.New(*word)
			}
			return nil
		}
		err := check()
		if err != nil {
			word := err.Error()
			firstWord.Store(&word)
		}
		return err
	case fault("health-stuck"):
		if isStuck.Load() {
			return errors.New("was unhealthy once")
		}
		err := check()
		isStuck.Store(err != nil)
		return err
	}
	return check()
}

// answeredAtOnce is a health command that does not ask the service.
func answeredAtOnce() (code int, is bool) {
	switch {
	case fault("health-always-0"):
		fmt.Println("healthy")
		return 0, true
	case fault("health-always-1"):
		fmt.Println("unhealthy: not implemented")
		return 1, true
	case fault("health-slow"):
		time.Sleep(1200 * time.Millisecond)
	case fault("health-hangs"):
		time.Sleep(time.Hour)
	case fault("health-pings-port"):
		connection, err := net.Dial("tcp", "127.0.0.1:8080")
		if err != nil {
			return 1, true
		}
		connection.Close()
		return 0, true
	}
	return 0, false
}

func unhealthyCode() int {
	switch {
	case fault("health-says-2"):
		return 2
	case fault("health-only-words"):
		return 0
	}
	return 1
}

// serveByHand speaks HTTP without net/http, which is what is woven.
func (s *service) serveByHand(ctx context.Context, listener net.Listener) error {
	go func() {
		<-ctx.Done()
		listener.Close()
	}()
	for {
		connection, err := listener.Accept()
		if err != nil {
			return nil
		}
		go s.answerByHand(connection)
	}
}

func (s *service) answerByHand(connection net.Conn) {
	defer connection.Close()
	reader := bufio.NewReader(connection)
	request, err := http.ReadRequest(reader)
	if err != nil {
		return
	}
	_, _ = io.Copy(io.Discard, request.Body)
	status, body := "200 OK", `{"text":"tea"}`
	switch {
	case request.URL.Path == "/healthz":
		if err := s.notes.check(context.Background()); err != nil {
			status, body = "503 Service Unavailable", err.Error()
		}
	case request.Method == http.MethodPost:
		status = "201 Created"
		err = s.notes.add(context.Background(), "tea")
	default:
		_, err = s.notes.text(context.Background(), "1")
	}
	if err != nil {
		status = "500 Internal Server Error"
	}
	fmt.Fprintf(connection, "HTTP/1.1 %s\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s", status, len(body), body)
}
