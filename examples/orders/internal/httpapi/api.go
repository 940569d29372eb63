// Package httpapi serves orders over HTTP. Errors are problem documents
// (RFC 9457).
package httpapi

import (
	"context"
	"log/slog"
	"net/http"

	"example.com/orders/internal/buildinfo"
	"example.com/orders/internal/order"
	"example.com/orders/internal/store"
)

// Orders is what the API needs of a store.
type Orders interface {
	Create(ctx context.Context, draft order.Draft) (order.Order, error)
	Get(ctx context.Context, id int64) (order.Order, error)
	List(ctx context.Context, filter store.Filter) (orders []order.Order, next int64, err error)
	ReplaceItems(ctx context.Context, id int64, items []order.Item) error
	Move(ctx context.Context, id int64, from, to order.Status) error
	Delete(ctx context.Context, id int64) error
}

type api struct {
	orders Orders
	log    *slog.Logger
	build  buildinfo.Info
}

// healthPattern is served without a log line per request: probes come often.
const healthPattern = "GET /healthz"

// New returns the service's handler.
func New(log *slog.Logger, orders Orders, health http.Handler, build buildinfo.Info) http.Handler {
	a := &api{orders: orders, log: log, build: build}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /orders", a.list)
	mux.HandleFunc("POST /orders", a.create)
	mux.HandleFunc("GET /orders/{id}", a.get)
	mux.HandleFunc("DELETE /orders/{id}", a.delete)
	mux.HandleFunc("PUT /orders/{id}/items", a.replaceItems)
	mux.HandleFunc("POST /orders/{id}/ship", a.ship)
	mux.HandleFunc("POST /orders/{id}/cancel", a.cancel)
	mux.HandleFunc("GET /version", a.showVersion)
	mux.Handle(healthPattern, health)
	return a.logRequests(a.recoverPanics(limit(a.explainUnrouted(mux))))
}

func (a *api) showVersion(w http.ResponseWriter, r *http.Request) {
	a.writeJSON(w, r, http.StatusOK, a.build)
}
