package health

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func probe(t *testing.T, h http.Handler) (int, Report) {
	t.Helper()
	recorder := httptest.NewRecorder()
	h.ServeHTTP(recorder, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/healthz", nil))
	var report Report
	if err := json.Unmarshal(recorder.Body.Bytes(), &report); err != nil {
		t.Fatal(err)
	}
	if got := recorder.Header().Get("Cache-Control"); got != "no-store" {
		t.Errorf("Cache-Control %q", got)
	}
	return recorder.Code, report
}

func TestOnlyChangesOfHealthAreLogged(t *testing.T) {
	var logged bytes.Buffer
	var state error
	h := New(slog.New(slog.NewTextHandler(&logged, nil)), func(context.Context) error { return state })
	for _, state = range []error{nil, nil, errors.New("first"), errors.New("second"), nil, nil} {
		probe(t, h)
	}
	if got := strings.Count(logged.String(), "\n"); got != 2 {
		t.Fatalf("%d lines:\n%s", got, &logged)
	}
}

func TestTheCauseIsLoggedAndNotShown(t *testing.T) {
	var logged bytes.Buffer
	h := New(slog.New(slog.NewTextHandler(&logged, nil)), func(context.Context) error { return publicError{} })
	status, report := probe(t, h)
	if status != http.StatusServiceUnavailable || report != (Report{Status: Unhealthy, Reason: "database is down"}) {
		t.Fatalf("got %d %+v", status, report)
	}
	if !strings.Contains(logged.String(), "host db-7") {
		t.Errorf("cause is not in the log: %s", &logged)
	}
}

type publicError struct{}

func (publicError) Error() string { return "database is down" }
func (publicError) Unwrap() error { return errors.New("host db-7 refused user orders") }

func TestHungCheckEndsAtTheDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := New(slog.New(slog.DiscardHandler), func(ctx context.Context) error {
			<-ctx.Done()
			return fmt.Errorf("hung: %w", ctx.Err())
		})
		start := time.Now()
		status, report := probe(t, h)
		if status != http.StatusServiceUnavailable || report.Status != Unhealthy {
			t.Fatalf("got %d %+v", status, report)
		}
		if took := time.Since(start); took != Timeout {
			t.Errorf("took %s", took)
		}
	})
}

func TestProberThatHangsUpChangesNothing(t *testing.T) {
	var logged bytes.Buffer
	h := New(slog.New(slog.NewTextHandler(&logged, nil)), func(ctx context.Context) error { return ctx.Err() })
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(ctx, http.MethodGet, "/healthz", nil))
	if logged.Len() != 0 {
		t.Fatalf("logged %s", &logged)
	}
}
