package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"example.com/orders/internal/order"
	"example.com/orders/internal/store"
)

// problem is an error as clients see it (RFC 9457); Errors is our extension.
type problem struct {
	Type   string             `json:"type"`
	Title  string             `json:"title"`
	Status int                `json:"status"`
	Detail string             `json:"detail,omitempty"`
	Errors []order.FieldError `json:"errors,omitempty"`
}

// statusClientGone is for the log: nobody is left to read it.
const statusClientGone = 499

// requestError is a request that cannot be understood.
type requestError struct {
	status int
	detail string
}

func (e *requestError) Error() string { return e.detail }

// fail answers with what err means to the client. What is our fault is logged
// with its cause and not explained.
func (a *api) fail(w http.ResponseWriter, r *http.Request, err error) {
	if errors.Is(r.Context().Err(), context.Canceled) {
		w.WriteHeader(statusClientGone)
		return
	}
	p := problemFor(err)
	if p.Status >= http.StatusInternalServerError {
		a.log.ErrorContext(r.Context(), "request failed", "error", err.Error())
	}
	if p.Status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "5")
	}
	a.writeProblem(w, r, p)
}

func problemFor(err error) problem {
	if bad, ok := errors.AsType[*requestError](err); ok {
		return problem{Status: bad.status, Detail: bad.detail}
	}
	if invalid, ok := errors.AsType[*order.InvalidError](err); ok {
		return problem{Status: http.StatusUnprocessableEntity, Detail: "the order is not acceptable", Errors: invalid.Fields}
	}
	if duplicate, ok := errors.AsType[*order.DuplicateError](err); ok {
		return problem{Status: http.StatusConflict, Detail: duplicate.Error()}
	}
	if state, ok := errors.AsType[*order.StateError](err); ok {
		return problem{Status: http.StatusConflict, Detail: state.Error()}
	}
	if errors.Is(err, order.ErrNotFound) {
		return problem{Status: http.StatusNotFound, Detail: "no such order"}
	}
	if store.IsUnavailable(err) {
		return problem{Status: http.StatusServiceUnavailable, Detail: "the database is not available: try again later"}
	}
	return problem{Status: http.StatusInternalServerError}
}

func (a *api) writeProblem(w http.ResponseWriter, r *http.Request, p problem) {
	p.Type, p.Title = "about:blank", http.StatusText(p.Status)
	a.write(w, r, p.Status, "application/problem+json", p)
}

func (a *api) writeJSON(w http.ResponseWriter, r *http.Request, status int, value any) {
	a.write(w, r, status, "application/json", value)
}

func (a *api) write(w http.ResponseWriter, r *http.Request, status int, contentType string, value any) {
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	if err := json.NewEncoder(w).Encode(value); err != nil {
		a.log.DebugContext(r.Context(), "response not written", "error", err.Error())
	}
}
