package main

import (
	"context"
	"net/http"
)

// ping is asked every second: neither the request nor what it does is traced.
//
//seatrial:skip
func ping(w http.ResponseWriter, r *http.Request) {
	_, _ = price(r.Context(), "1")
	w.WriteHeader(http.StatusNoContent)
}

func warm(w http.ResponseWriter, r *http.Request) {
	fill(r.Context())
	w.WriteHeader(http.StatusNoContent)
}

// fill works within a request that is traced; what fill does is not.
//
//seatrial:skip
func fill(ctx context.Context) {
	for _, id := range []string{"1", "2", "3"} {
		_, _ = price(ctx, id)
	}
}
