package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"example.com/orders/internal/storetest"
)

// asServer makes the test binary be the server, so that signals and exit
// codes are those of a real process.
const asServer = "ORDERS_TEST_AS_SERVER"

func TestMain(m *testing.M) {
	if os.Getenv(asServer) != "" {
		main()
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// output is a buffer that a running server may write while a test reads.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// settings returns an environment with a free loopback port and a new database.
func settings(t *testing.T) map[string]string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	_, port, err := net.SplitHostPort(listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return map[string]string{
		"HOST": "127.0.0.1", "PORT": port,
		"DATABASE_URL": storetest.SQLiteURL(filepath.Join(t.TempDir(), "orders.db")),
	}
}

func environment(vars map[string]string) func(string) string {
	return func(name string) string { return vars[name] }
}

// runWith runs the program in this process.
func runWith(t *testing.T, vars map[string]string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = run(t.Context(), args, environment(vars), &out, &errs)
	return code, out.String(), errs.String()
}

func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if holds() {
			return
		}
	}
	t.Fatalf("not within 20 s: %s", what)
}

// start runs the server in this process until the test ends; stop ends it
// earlier and returns its exit code.
func start(t *testing.T, vars map[string]string) (stop func() int) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var out, errs output
	exited := make(chan int, 1)
	go func() { exited <- run(ctx, nil, environment(vars), &out, &errs) }()
	stop = sync.OnceValue(func() int {
		cancel()
		return <-exited
	})
	t.Cleanup(func() { stop() })
	eventually(t, "listening", func() bool { return strings.Contains(out.String(), `"msg":"listening"`) })
	return stop
}

func TestHealthCheckFollowsTheServer(t *testing.T) {
	vars := settings(t)
	code, stdout, stderr := runWith(t, vars, "--health-check")
	if code != 1 || stdout != "" || !strings.Contains(stderr, "connection refused") {
		t.Fatalf("before: %d %q %q", code, stdout, stderr)
	}
	stop := start(t, vars)
	code, stdout, stderr = runWith(t, vars, "--health-check")
	if code != 0 || !strings.HasPrefix(stdout, "healthy: ") || strings.Count(stdout, "\n") != 1 || stderr != "" {
		t.Fatalf("running: %d %q %q", code, stdout, stderr)
	}
	file := strings.TrimPrefix(vars["DATABASE_URL"], "sqlite://")
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	code, stdout, stderr = runWith(t, vars, "--health-check")
	if code != 1 || stdout != "" || stderr != "unhealthy: database file is gone\n" {
		t.Fatalf("without its file: %d %q %q", code, stdout, stderr)
	}
	if _, err := os.Stat(file); err == nil {
		t.Error("the file was recreated")
	}
	if code := stop(); code != 0 {
		t.Fatalf("stopped with %d", code)
	}
}

func TestHealthCheckGivesUpOnAHungServer(t *testing.T) {
	vars := settings(t)
	listener, err := net.Listen("tcp", "127.0.0.1:"+vars["PORT"]) // accepts, never answers
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	start := time.Now()
	code, _, stderr := runWith(t, vars, "--health-check")
	if took := time.Since(start); code != 1 || took > healthCheckTimeout+time.Second || !strings.Contains(stderr, "did not answer within 3s") {
		t.Fatalf("%d after %s: %q", code, took, stderr)
	}
}

func TestHealthCheckTrustsOnlyAHealthReport(t *testing.T) {
	for name, test := range map[string]struct {
		status int
		body   string
		want   string
	}{
		"other page":   {200, "<html>", "without a health report"},
		"other JSON":   {200, `{"ok": true}`, "without a health report"},
		"redirect":     {302, "", "without a health report"},
		"says it ails": {200, `{"status": "unhealthy"}`, "unhealthy: unhealthy"},
		"error":        {503, `{"status": "unhealthy", "reason": "database file is gone"}`, "unhealthy: database file is gone"},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Location", "/elsewhere")
				w.WriteHeader(test.status)
				_, _ = io.WriteString(w, test.body)
			}))
			defer server.Close()
			_, port, err := net.SplitHostPort(server.Listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			code, stdout, stderr := runWith(t, map[string]string{"PORT": port}, "--health-check")
			if code != 1 || stdout != "" || !strings.Contains(stderr, test.want) {
				t.Fatalf("%d %q %q", code, stdout, stderr)
			}
		})
	}
}

func TestUsage(t *testing.T) {
	for _, test := range []struct {
		args []string
		code int
		want string // on stderr
	}{
		{[]string{"--nope"}, 2, "usage: server"},
		{[]string{"serve"}, 2, `unexpected argument: "serve"`},
		{[]string{"--help"}, 0, "usage: server"},
	} {
		code, stdout, stderr := runWith(t, nil, test.args...)
		if code != test.code || stdout != "" || !strings.Contains(stderr, test.want) {
			t.Errorf("%v: %d %q %q", test.args, code, stdout, stderr)
		}
	}
}

func TestVersionIsPrinted(t *testing.T) {
	code, stdout, _ := runWith(t, nil, "--version")
	if code != 0 || !strings.HasPrefix(stdout, "orders ") || strings.Count(stdout, "\n") != 1 {
		t.Fatalf("%d %q", code, stdout)
	}
}

func TestServerThatCannotStartSaysWhy(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }()
	_, takenPort, err := net.SplitHostPort(taken.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct{ variable, value, want string }{
		"port taken":     {"PORT", takenPort, "address already in use"},
		"port wrong":     {"PORT", "http", "PORT="},
		"no directory":   {"DATABASE_URL", "sqlite:///no/such/directory/orders.db", "no such file or directory"},
		"other database": {"DATABASE_URL", "mysql://db/orders", "DATABASE_URL"},
	} {
		t.Run(name, func(t *testing.T) {
			vars := settings(t)
			vars[test.variable] = test.value
			if code, _, stderr := runWith(t, vars); code != 1 || !strings.Contains(stderr, test.want) {
				t.Fatalf("%d %q", code, stderr)
			}
		})
	}
}

// process starts the test binary as the server.
func process(t *testing.T, vars map[string]string) (cmd *exec.Cmd, stdout *output) {
	t.Helper()
	cmd = exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), asServer+"=1")
	for name, value := range vars {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	stdout = &output{}
	cmd.Stdout, cmd.Stderr = stdout, os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	return cmd, stdout
}

func TestSignalDrainsTheRequestInFlight(t *testing.T) {
	for _, signal := range []os.Signal{syscall.SIGTERM, syscall.SIGINT} {
		t.Run(signal.String(), func(t *testing.T) {
			vars := settings(t)
			server, stdout := process(t, vars)
			eventually(t, "listening", func() bool { return strings.Contains(stdout.String(), `"msg":"listening"`) })

			body := `{"reference": "A-1", "customer": "Zoë", "currency": "EUR", "items": [{"sku": "tea", "quantity": 1, "unit_price_cents": 450}]}`
			conn, err := net.Dial("tcp", "127.0.0.1:"+vars["PORT"])
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = conn.Close() }()
			// 100-continue shows that the handler is reading the body.
			if _, err := fmt.Fprintf(conn, "POST /orders HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\nExpect: 100-continue\r\n\r\n", len(body)); err != nil {
				t.Fatal(err)
			}
			answers := bufio.NewReader(conn)
			if line, err := answers.ReadString('\n'); err != nil || !strings.Contains(line, "100 Continue") {
				t.Fatalf("%q %v", line, err)
			}
			if _, err := answers.ReadString('\n'); err != nil {
				t.Fatal(err)
			}
			if err := server.Process.Signal(signal); err != nil {
				t.Fatal(err)
			}
			eventually(t, "stopping", func() bool { return strings.Contains(stdout.String(), `"msg":"stopping"`) })
			if _, err := io.WriteString(conn, body); err != nil {
				t.Fatal(err)
			}
			response, err := http.ReadResponse(answers, nil)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = response.Body.Close() }()
			if response.StatusCode != http.StatusCreated {
				t.Errorf("the request in flight got %s", response.Status)
			}
			if err := server.Wait(); err != nil {
				t.Errorf("exit: %v", err)
			}
			if !strings.Contains(stdout.String(), `"msg":"stopped"`) {
				t.Errorf("log: %s", stdout)
			}
		})
	}
}

func TestSignalBeforeReadyIsACleanExit(t *testing.T) {
	vars := settings(t)
	vars["DATABASE_URL"] = "postgres://u@127.0.0.1:1/orders?sslmode=disable" // nobody there: waits
	server, stdout := process(t, vars)
	eventually(t, "waiting", func() bool { return strings.Contains(stdout.String(), "database is not ready") })
	if err := server.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := server.Wait(); err != nil {
		t.Fatal(err)
	}
}

func TestFailureIsTheProcesssExitCode(t *testing.T) {
	vars := settings(t)
	vars["PORT"] = "0"
	server, _ := process(t, vars)
	err := server.Wait()
	exit, ok := err.(*exec.ExitError)
	if !ok || exit.ExitCode() != 1 {
		t.Fatalf("got %v", err)
	}
}
