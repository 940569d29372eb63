// Command server keeps notes: a small service as it should be, for tests of what the trial notices.
// Settings: DATABASE_URL (PostgreSQL; a SQLite file otherwise) and FAULT, which names one way in which
// this service is wrong (faults.go). Nothing is wrong while FAULT is not set.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite"
)

const longestCheck = time.Second

type service struct{ notes notes }

func main() {
	if len(os.Args) > 1 {
		if os.Args[1] == "--health-check" {
			os.Exit(healthCheck())
		}
		fmt.Fprintln(os.Stderr, "usage: server [--health-check]")
		os.Exit(2)
	}
	slog.SetDefault(slog.New(newHandler(os.Stdout)))
	beforeStart()
	ctx, stop := untilStopped()
	defer stop()
	kept, err := open(ctx)
	if err != nil {
		complain(err)
		os.Exit(1)
	}
	if err := (&service{notes: kept}).serve(ctx); err != nil {
		slog.Error("cannot serve", "error", err.Error())
		os.Exit(1)
	}
	slog.Info("stopped")
	atEnd()
}

func newHandler(out io.Writer) slog.Handler {
	if fault("logs-text") {
		return slog.NewTextHandler(out, nil)
	}
	return slog.NewJSONHandler(out, nil)
}

func untilStopped() (context.Context, context.CancelFunc) {
	if ctx, stop, is := untilOtherwise(); is {
		return ctx, stop
	}
	return signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
}

func (s *service) serve(ctx context.Context) error {
	beforeListening()
	listener, err := net.Listen("tcp", address())
	if err != nil {
		return err
	}
	slog.Info("listening", "address", listener.Addr().String())
	if fault("answers-by-hand") {
		return s.serveByHand(ctx, listener)
	}
	server := &http.Server{Handler: around(s.handler())}
	down := make(chan error, 1)
	go func() {
		<-ctx.Done()
		down <- shutDown(server)
	}()
	if err := server.Serve(disguised(listener)); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	if fault("forgets-requests") {
		return nil
	}
	return <-down
}

func address() string {
	if fault("loopback-only") {
		return "127.0.0.1:8080"
	}
	return ":8080"
}

func (s *service) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /notes", s.add)
	mux.HandleFunc("GET /notes/{id}", s.show)
	mux.HandleFunc("GET /healthz", s.health)
	return mux
}

func (s *service) add(w http.ResponseWriter, r *http.Request) {
	var note struct{ Text string }
	if err := json.NewDecoder(r.Body).Decode(&note); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if err := s.notes.add(r.Context(), note.Text); err != nil {
		fail(w, r, err)
		return
	}
	say(r, "note added")
	w.WriteHeader(http.StatusCreated)
}

func (s *service) show(w http.ResponseWriter, r *http.Request) {
	text, err := s.notes.text(r.Context(), r.PathValue("id"))
	if err != nil {
		fail(w, r, err)
		return
	}
	say(r, "note shown")
	_ = json.NewEncoder(w).Encode(map[string]string{"text": text})
}

func say(r *http.Request, words string) {
	if fault("logs-no-trace") {
		go slog.Info(words, "path", r.URL.Path)
		return
	}
	slog.InfoContext(r.Context(), words, "path", r.URL.Path)
}

func fail(w http.ResponseWriter, r *http.Request, err error) {
	slog.ErrorContext(r.Context(), "the database did not answer", "error", err.Error())
	http.Error(w, "the database did not answer", http.StatusInternalServerError)
}

func (s *service) health(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), longestCheck)
	defer cancel()
	if err := judged(func() error { return s.notes.check(ctx) }); err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
	}
}

func healthCheck() int {
	if code, is := answeredAtOnce(); is {
		return code
	}
	client := http.Client{Timeout: longestCheck + time.Second}
	answer, err := client.Get("http://127.0.0.1:8080/healthz")
	if err != nil {
		fmt.Println("unhealthy:", err)
		return 1
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		words, _ := io.ReadAll(io.LimitReader(answer.Body, 200))
		fmt.Println("unhealthy:", strings.TrimSpace(string(words)))
		return unhealthyCode()
	}
	fmt.Println("healthy")
	return 0
}
