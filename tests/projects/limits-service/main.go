// What docs/limitations.md says of weaving, as a service that does it. /slow answers at once and ends its body later.
package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"
)

var self string

func main() {
	if os.Getenv("STOPS_AT_ONCE") != "" {
		stopAtOnce()
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	lines, err := net.Listen("tcp", "127.0.0.1:0")
	check(err)
	web, err := net.Listen("tcp", "127.0.0.1:0")
	check(err)
	go serveLines(lines)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /slow", slow)
	mux.HandleFunc("GET /found", func(_ http.ResponseWriter, r *http.Request) { ask(r.Context()) })
	mux.HandleFunc("GET /lost", lost)
	mux.HandleFunc("GET /log", logs)
	mux.HandleFunc("POST /panic", func(http.ResponseWriter, *http.Request) {
		go func() { panic("in a goroutine of its own") }()
		time.Sleep(time.Minute)
	})
	self = web.Addr().String()
	fmt.Printf("web %s lines %s\n", web.Addr(), lines.Addr())
	server := &http.Server{Handler: mux}
	go func() {
		<-ctx.Done()
		_ = server.Close()
	}()
	if err := server.Serve(web); err != http.ErrServerClosed {
		check(err)
	}
}

// stopAtOnce handles SIGTERM, and no longer does a moment later, as a service that wants a second one to kill it.
func stopAtOnce() {
	asked := make(chan os.Signal, 1)
	signal.Notify(asked, syscall.SIGTERM)
	fmt.Println("web - lines -")
	for waiting := true; waiting; {
		select {
		case <-asked:
			waiting = false
		default: // awake, so as to be faster than whoever else listens
		}
	}
	signal.Stop(asked)
	time.Sleep(200 * time.Millisecond) // it cleans up
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func slow(w http.ResponseWriter, _ *http.Request) {
	w.WriteHeader(http.StatusOK)
	w.(http.Flusher).Flush()
	time.Sleep(300 * time.Millisecond)
	fmt.Fprintln(w, "the end")
}

func ask(ctx context.Context) {
	request, err := http.NewRequestWithContext(ctx, "GET", "http://"+self+"/slow", nil)
	check(err)
	response, err := http.DefaultClient.Do(request)
	check(err)
	defer response.Body.Close()
	_, err = io.Copy(io.Discard, response.Body)
	check(err)
}

// lost starts a goroutine and gives it nothing of the request.
func lost(http.ResponseWriter, *http.Request) {
	done := make(chan bool)
	go func() {
		defer close(done)
		ask(context.Background())
	}()
	<-done
}

func logs(_ http.ResponseWriter, r *http.Request) {
	fmt.Fprintln(os.Stderr, "by a logger of its own")
	logger := slog.New(slog.NewJSONHandler(os.Stderr, nil))
	logger.InfoContext(r.Context(), "plain")
	logger.WithGroup("order").InfoContext(r.Context(), "grouped", "id", 7)
}

// serveLines is a server that does not go through net/http.
func serveLines(listener net.Listener) {
	for {
		connection, err := listener.Accept()
		if err != nil {
			return
		}
		go func() {
			defer connection.Close()
			for lines := bufio.NewScanner(connection); lines.Scan(); {
				fmt.Fprintln(connection, lines.Text())
			}
		}()
	}
}
