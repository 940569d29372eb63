package main

import "context"

// expireCarts runs on its own, under no request: its span begins a trace.
//
//seatrial:span name:"expire carts" job.name:carts
func expireCarts(ctx context.Context) error {
	return removeCarts(ctx)
}

//seatrial:span
func removeCarts(_ context.Context) error { return nil }

func sweep() {
	_ = expireCarts(context.Background())
}
