package httpapi

import (
	"context"
	"log/slog"
	"net/http"
	"runtime/debug"
	"time"
)

const (
	// requestTimeout bounds what a request may wait for the database.
	requestTimeout = 5 * time.Second
	maxBodyBytes   = 64 << 10
)

// logRequests gives the request its deadline and writes one line when it is
// done. It makes the only copy of the request, so that the pattern which the
// mux finds is visible here.
func (a *api) logRequests(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		ctx, cancel := context.WithTimeout(r.Context(), requestTimeout)
		defer cancel()
		r = r.WithContext(ctx)
		recorder := &statusRecorder{ResponseWriter: w}
		next.ServeHTTP(recorder, r)
		if r.Pattern == healthPattern {
			return
		}
		level := slog.LevelInfo
		if recorder.status >= 500 {
			level = slog.LevelError
		}
		a.log.LogAttrs(ctx, level, "request",
			slog.String("method", r.Method),
			slog.String("route", r.Pattern),
			slog.String("path", r.URL.Path),
			slog.Int("status", recorder.status),
			slog.Int64("bytes", recorder.bytes),
			slog.Float64("duration_ms", float64(time.Since(start).Microseconds())/1000))
	})
}

func (a *api) recoverPanics(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			switch reason := recover(); reason {
			case nil:
			case http.ErrAbortHandler: // a handler's way to drop the connection
				panic(reason)
			default:
				a.log.ErrorContext(r.Context(), "panic", "reason", reason, "stack", string(debug.Stack()))
				a.writeProblem(w, r, problem{Status: http.StatusInternalServerError})
			}
		}()
		next.ServeHTTP(w, r)
	})
}

func limit(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, maxBodyBytes)
		next.ServeHTTP(w, r)
	})
}

// explainUnrouted turns the mux's plain-text 404 and 405 into problems. A
// catch-all route would not do: it would hide which methods a path allows.
func (a *api) explainUnrouted(mux *http.ServeMux) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		unrouted, pattern := mux.Handler(r)
		if pattern != "" {
			mux.ServeHTTP(w, r)
			return
		}
		answer := &statusRecorder{ResponseWriter: discard{http.Header{}}}
		unrouted.ServeHTTP(answer, r)
		p := problem{Status: answer.status, Detail: "no such path"}
		if allow := answer.Header().Get("Allow"); allow != "" {
			w.Header().Set("Allow", allow)
			p.Detail = "this path allows " + allow
		}
		a.writeProblem(w, r, p)
	})
}

// statusRecorder remembers what was answered.
type statusRecorder struct {
	http.ResponseWriter
	status int
	bytes  int64
}

func (s *statusRecorder) WriteHeader(status int) {
	if s.status == 0 && status >= 200 { // 1xx is not the answer yet
		s.status = status
	}
	s.ResponseWriter.WriteHeader(status)
}

func (s *statusRecorder) Write(p []byte) (int, error) {
	if s.status == 0 {
		s.status = http.StatusOK
	}
	n, err := s.ResponseWriter.Write(p)
	s.bytes += int64(n)
	return n, err
}

// Unwrap lets http.ResponseController find the connection.
func (s *statusRecorder) Unwrap() http.ResponseWriter { return s.ResponseWriter }

// discard keeps headers and drops the rest.
type discard struct{ header http.Header }

func (d discard) Header() http.Header         { return d.header }
func (d discard) Write(p []byte) (int, error) { return len(p), nil }
func (d discard) WriteHeader(int)             {}
