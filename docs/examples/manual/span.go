package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
)

var errUnknown = errors.New("no such order")

// price is one step of a request that no library call shows.
//
//seatrial:span
func price(ctx context.Context, id string) (int, error) {
	if id == "0" {
		return 0, errUnknown
	}
	annotate(ctx, "order.lines", 2)
	annotate(ctx, "order.id", id)
	return 900, nil
}

// annotate records a value on the span that ctx works under. Without weaving it does nothing.
//
//seatrial:attribute
func annotate(ctx context.Context, key string, value any) {}

func showOrder(w http.ResponseWriter, r *http.Request) {
	cents, err := price(r.Context(), r.PathValue("id"))
	if err != nil {
		http.Error(w, err.Error(), http.StatusNotFound)
		return
	}
	annotate(r.Context(), "order.total_cents", cents)
	fmt.Fprintln(w, cents)
}
