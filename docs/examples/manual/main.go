// The examples of docs/manual-instrumentation.md as one service: it needs no module, and is compiled and run
// plain and woven by tests/integration/test_docs_manual.py.
package main

import (
	"context"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"

	"example.com/manual/internal/shapes"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	lines, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	web, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	go consume()
	go serveLines(lines)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /orders/{id}", showOrder)
	mux.HandleFunc("POST /orders", publishOrder)
	mux.HandleFunc("GET /audited", audited)
	mux.HandleFunc("GET /ping", ping)
	mux.HandleFunc("GET /warm", warm)
	mux.HandleFunc("GET /log", logs)
	mux.HandleFunc("GET /shapes", shapes.Serve)
	mux.HandleFunc("POST /expire", func(http.ResponseWriter, *http.Request) { go sweep() })
	fmt.Printf("web %s lines %s\n", web.Addr(), lines.Addr())
	server := &http.Server{Handler: mux}
	go func() {
		<-ctx.Done()
		_ = server.Close()
	}()
	if err := server.Serve(web); err != http.ErrServerClosed {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
