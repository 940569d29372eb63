package main

import (
	"context"
	"net/http"
	"time"
)

func audited(w http.ResponseWriter, r *http.Request) {
	// r.Context() ends with the request; what it carries, the span included, may live on.
	go audit(context.WithoutCancel(r.Context()), r.URL.Path)
	w.WriteHeader(http.StatusAccepted)
}

//seatrial:span
func audit(ctx context.Context, path string) {
	time.Sleep(50 * time.Millisecond) // long after the answer
	annotate(ctx, "audit.path", path)
}
