// A service that behaves as it is told, for tests of the trial. TRIAL_MODE is a comma-separated list:
// crash, late, ignore-sigterm, exit-3, loopback, silent (no spans), hang (listens, never answers),
// chatty, identifiers and noisy (what it says differs each time), two-ports, debug-port (a second
// one, which answers 404 to all), no-sqlite; ignore-flags and flag-package are about unknown flags, ignore-health
// about the known one; needs-configuration ends when DATABASE_URL is missing.
//
// About its surroundings: writes, needs-writes (a file in its home), needs-collector,
// awaits-collector (answers nothing before), hungry (300 MiB), gulps (the same, and lets go), needs-redis
// (asks the one at REDIS). About health: health-blind (never sees the database missing), health-hangs, health-stuck (once unhealthy, always), health-late. About the end: forget-requests (does
// not wait for Shutdown), exit-now, lose-spans. About answers: links (a page of them), login (401 to all),
// json-logs, one-by-one (no connection is kept open). wrapped: all that in a process below.
package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"runtime/debug"
	"strings"
	"sync"
	"syscall"
	"time"
)

const database = "/tmp/trial.db"

const page = `<html><a href="/orders">Orders</a> <a href="about?x=1#top">About</a> <a href="/logout">Leave</a>
<a href="https://example.com/">Elsewhere</a> <a href="/orders/1/delete">Delete</a> <a href="mailto:a@b">Mail</a></html>`

func mode(name string) bool {
	for _, one := range strings.Split(os.Getenv("TRIAL_MODE"), ",") {
		if one == name {
			return true
		}
	}
	return false
}

// wrap runs the service in a process below, as a shell script would.
func wrap() {
	inner := exec.Command(os.Args[0], os.Args[1:]...)
	inner.Env = append(os.Environ(), "TRIAL_INNER=1")
	inner.Stdout, inner.Stderr = os.Stdout, os.Stderr
	if err := inner.Start(); err != nil {
		panic(err)
	}
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM)
	go func() {
		<-stop
		inner.Process.Signal(syscall.SIGTERM)
	}()
	inner.Wait()
	os.Exit(inner.ProcessState.ExitCode())
}

func main() {
	if mode("wrapped") && os.Getenv("TRIAL_INNER") == "" {
		wrap()
	}
	if mode("needs-configuration") && os.Getenv("DATABASE_URL") == "" {
		fmt.Fprintln(os.Stderr, time.Now().Format(time.RFC3339Nano), "DATABASE_URL is not set")
		os.Exit(1)
	}
	if mode("flag-package") {
		flag.Parse()
	} else if len(os.Args) > 1 && !mode("ignore-flags") {
		if os.Args[1] == "--health-check" && !mode("ignore-health") {
			os.Exit(healthCheck())
		}
		fmt.Fprintln(os.Stderr, "unknown argument", os.Args[1])
		os.Exit(2)
	}
	prepare()
	if mode("crash") {
		fmt.Println("reading the configuration")
		if mode("identifiers") {
			fmt.Printf("{\"instance\":\"%x-%x-4%x\"}\n", random(4), random(2), random(2))
		}
		if mode("noisy") {
			fmt.Println(strings.Map(func(r rune) rune { return r%26 + 'a' }, string(random(12))))
		}
		fmt.Fprintln(os.Stderr, "panic: no configuration")
		os.Exit(7)
	}
	os.Exit(serve())
}

// prepare needs, or takes, what the mode says of the surroundings.
func prepare() {
	const state = "/home/nonroot/state"
	if mode("writes") || mode("needs-writes") {
		err := os.WriteFile(state, []byte("state"), 0o600)
		if err != nil && mode("needs-writes") {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(6)
		}
	}
	if mode("needs-collector") || mode("awaits-collector") {
		address := strings.TrimPrefix(os.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT"), "http://")
		if _, err := net.Dial("tcp", address); err != nil {
			if mode("awaits-collector") {
				isWaiting = true
				return
			}
			fmt.Fprintln(os.Stderr, "no collector:", err)
			os.Exit(9)
		}
	}
	if mode("needs-redis") {
		if _, err := askRedis(); err != nil {
			fmt.Fprintln(os.Stderr, "no redis:", err)
			os.Exit(8)
		}
	}
	if mode("hungry") || mode("gulps") {
		for len(eaten) < 300 {
			piece := make([]byte, 1<<20)
			for at := range piece {
				piece[at] = 1
			}
			eaten = append(eaten, piece)
		}
		if mode("gulps") {
			eaten = nil
			debug.FreeOSMemory()
		}
	}
}

var (
	eaten     [][]byte
	isWaiting bool
)

func askRedis() (string, error) {
	connection, err := net.DialTimeout("tcp", os.Getenv("REDIS"), time.Second)
	if err != nil {
		return "", err
	}
	defer connection.Close()
	fmt.Fprint(connection, "PING\r\n")
	answer := make([]byte, 64)
	count, err := connection.Read(answer)
	return string(answer[:count]), err
}

func random(count int) []byte {
	bytes := make([]byte, count)
	if _, err := rand.Read(bytes); err != nil {
		panic(err)
	}
	return bytes
}

func healthCheck() int {
	if mode("health-hangs") {
		time.Sleep(time.Hour)
	}
	client := http.Client{Timeout: 2 * time.Second}
	answer, err := client.Get("http://127.0.0.1:8080/healthz")
	if err != nil {
		fmt.Fprintln(os.Stderr, "unhealthy:", err)
		return 1
	}
	answer.Body.Close()
	if answer.StatusCode != 200 {
		fmt.Fprintln(os.Stderr, "unhealthy:", answer.Status)
		return 1
	}
	fmt.Println("healthy")
	return 0
}

func serve() int {
	if !mode("no-sqlite") {
		file, err := os.Create(database)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer file.Close()
		file.WriteString("SQLite format 3\x00")
	}
	if mode("chatty") {
		for number := 0; number < 5000; number++ {
			fmt.Println("line", number)
		}
	}
	stop, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer cancel()
	if mode("ignore-sigterm") {
		signal.Ignore(syscall.SIGTERM)
		stop = context.Background()
	}
	if mode("late") {
		time.Sleep(700 * time.Millisecond)
	}
	address := ":8080"
	if mode("loopback") {
		address = "127.0.0.1:8080"
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	if mode("hang") {
		<-stop.Done()
		return 0
	}
	if mode("debug-port") {
		go func() { _ = http.ListenAndServe(":6060", http.NotFoundHandler()) }()
	}
	if mode("two-ports") {
		other, _ := net.Listen("tcp", ":7070")
		go func() {
			for {
				connection, err := other.Accept()
				if err != nil {
					return
				}
				connection.Close()
			}
		}()
	}
	began, stuck := time.Now(), false
	http.HandleFunc("/healthz", func(w http.ResponseWriter, r *http.Request) {
		if mode("health-late") && time.Since(began) < 300*time.Millisecond {
			http.Error(w, "starting", 503)
			return
		}
		if mode("health-blind") {
			return
		}
		if _, err := os.Stat(database); stuck || (err != nil && !mode("no-sqlite")) {
			stuck = mode("health-stuck")
			http.Error(w, fmt.Sprint(err), 503)
			return
		}
		if mode("needs-redis") {
			if _, err := askRedis(); err != nil {
				http.Error(w, err.Error(), 503)
			}
		}
	})
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		started := time.Now()
		if isWaiting {
			<-stop.Done()
		}
		if mode("one-by-one") {
			w.Header().Set("Connection", "close")
		}
		if mode("login") {
			http.Error(w, "who are you?", 401)
			return
		}
		if mode("json-logs") {
			fmt.Printf("{\"level\":\"INFO\",\"msg\":\"asked\",\"path\":%q}\n", r.URL.Path)
		}
		if mode("needs-redis") {
			said, _ := askRedis()
			fmt.Fprint(w, said)
			return
		}
		if mode("links") && r.URL.Path == "/" {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			fmt.Fprint(w, page)
			return
		}
		if r.URL.Path == "/auth" && r.Header.Get("Authorization") != "Bearer x" {
			http.Error(w, "who are you?", 401)
			return
		}
		var body bytes.Buffer
		body.ReadFrom(r.Body)
		fmt.Fprintf(w, "%s %s %s", r.Method, r.URL, body.String())
		recordSpans(r, started)
	})
	server := &http.Server{}
	down := make(chan struct{})
	go func() {
		<-stop.Done()
		if mode("exit-now") {
			os.Exit(0)
		}
		server.Shutdown(context.Background())
		close(down)
	}()
	go func() {
		for range time.Tick(50 * time.Millisecond) {
			if !mode("late-spans") && !(mode("lose-spans") && stop.Err() != nil) {
				export()
			}
		}
	}()
	fmt.Println("listening on", listener.Addr())
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	if !mode("forget-requests") {
		<-down
	}
	if !mode("lose-spans") {
		export()
	}
	fmt.Println("stopped")
	if mode("exit-3") {
		return 3
	}
	return 0
}

var (
	lock    sync.Mutex
	pending [][]byte
	serial  uint64
)

// field writes a length-delimited protobuf field.
func field(number int, content []byte) []byte {
	return append(binary.AppendUvarint(binary.AppendUvarint(nil, uint64(number<<3|2)), uint64(len(content))), content...)
}

func fixed64(number int, value uint64) []byte {
	return binary.LittleEndian.AppendUint64(binary.AppendUvarint(nil, uint64(number<<3|1)), value)
}

func attribute(key, value string) []byte {
	return field(9, append(field(1, []byte(key)), field(2, field(1, []byte(value)))...))
}

func recordSpans(r *http.Request, started time.Time) {
	parts := strings.Split(r.Header.Get("traceparent"), "-")
	if mode("silent") || len(parts) != 4 {
		return
	}
	trace, _ := hex.DecodeString(parts[1])
	parent, _ := hex.DecodeString(parts[2])
	lock.Lock()
	defer lock.Unlock()
	serial += 2
	server := binary.BigEndian.AppendUint64(nil, serial)
	child := binary.BigEndian.AppendUint64(nil, serial+1)
	span := func(id, parent []byte, name string, kind byte, extra []byte) {
		var content []byte
		content = append(content, field(1, trace)...)
		content = append(content, field(2, id)...)
		content = append(content, field(4, parent)...)
		content = append(content, field(5, []byte(name))...)
		content = append(content, 6<<3, kind)
		content = append(content, fixed64(7, uint64(started.UnixNano()))...)
		content = append(content, fixed64(8, uint64(time.Now().UnixNano()))...)
		content = append(content, extra...)
		pending = append(pending, field(2, content))
	}
	span(child, server, "SELECT", 3, attribute("db.system.name", "sqlite"))
	span(server, parent, r.Method+" /", 2, attribute("http.request.method", r.Method))
	fmt.Printf("msg=answered trace_id=%s\n", parts[1])
}

func export() {
	lock.Lock()
	spans := bytes.Join(pending, nil)
	pending = nil
	lock.Unlock()
	if len(spans) == 0 {
		return
	}
	service := field(1, append(field(1, []byte("service.name")), field(2, field(1, []byte(os.Getenv("OTEL_SERVICE_NAME"))))...))
	scope := field(1, field(1, []byte("by-hand")))
	request := field(1, append(field(1, service), field(2, append(scope, spans...))...))
	answer, err := http.Post(os.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT")+"/v1/traces", "application/x-protobuf", bytes.NewReader(request))
	if err != nil {
		fmt.Fprintln(os.Stderr, "export:", err)
		return
	}
	answer.Body.Close()
}
