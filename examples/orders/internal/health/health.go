// Package health answers whether the service can do its work now.
package health

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"time"
)

// Timeout is how long the service's dependencies have to answer. It is shorter
// than the health check's own patience, so that the check can still say why.
const Timeout = 2 * time.Second

// What a report says.
const (
	Healthy   = "healthy"
	Unhealthy = "unhealthy"
)

// Report is the answer's body.
type Report struct {
	Status string `json:"status"` // Healthy or Unhealthy
	Reason string `json:"reason,omitempty"`
}

// Handler answers 200 when check returns nil and 503 otherwise. The reason in
// the answer is check's error text; what that error wraps is only logged.
// Probes come every few seconds, so only a change of health is logged.
type Handler struct {
	check func(context.Context) error
	log   *slog.Logger

	mu        sync.Mutex
	unhealthy bool
}

// New returns a handler that asks check on each request.
func New(log *slog.Logger, check func(context.Context) error) *Handler {
	return &Handler{check: check, log: log}
}

func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), Timeout)
	defer cancel()
	err := h.check(ctx)
	if r.Context().Err() != nil {
		return // the prober hung up: that says nothing about the service
	}
	h.note(r.Context(), err)

	report, status := Report{Status: Healthy}, http.StatusOK
	if err != nil {
		report, status = Report{Status: Unhealthy, Reason: err.Error()}, http.StatusServiceUnavailable
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(report) // the prober may have gone
}

func (h *Handler) note(ctx context.Context, err error) {
	h.mu.Lock()
	changed := h.unhealthy != (err != nil)
	h.unhealthy = err != nil
	h.mu.Unlock()
	if !changed {
		return
	}
	if err == nil {
		h.log.InfoContext(ctx, "healthy again")
		return
	}
	h.log.WarnContext(ctx, "unhealthy", "reason", err.Error(), "cause", errors.Unwrap(err))
}
