// Package shapes holds functions of every shape that a span may be put around; the page shows none of them.
package shapes

import (
	"context"
	"errors"
	"net/http"
)

type shop struct{ name string }

//seatrial:span name:"a method" shop.kind:'corner shop'
func (s *shop) open(context.Context) string { return s.name }

//seatrial:span name:generic
func first[T any](_ context.Context, all ...T) (one T, err error) {
	if len(all) == 0 {
		return one, errors.New("none")
	}
	return all[0], nil
}

//seatrial:span name:'late error'
func late(ctx context.Context) (int, error) {
	err := errors.New("late")
	defer func() { err = nil }()
	return 7, err
}

type box[T any] struct{}

//seatrial:span name:boxed
func (box[T]) put(context.Context, T) {}

//seatrial:span name:bare
func bare() {}

// Serve calls all of them.
func Serve(w http.ResponseWriter, r *http.Request) {
	//seatrial:span name:literal
	step := func(ctx context.Context) {
		(&shop{"a"}).open(ctx)
		_, _ = first(ctx, 1, 2)
		_, _ = first[string](ctx)
		_, _ = late(ctx)
		bare()
		box[string]{}.put(ctx, "x")
	}
	step(r.Context())
	done := make(chan bool)
	//seatrial:span name:spawned
	go func(ctx context.Context) {
		defer close(done)
		panicking(ctx)
	}(r.Context())
	<-done
	w.WriteHeader(http.StatusNoContent)
}

func panicking(ctx context.Context) {
	defer func() { _ = recover() }()
	//seatrial:span name:panicked
	step := func(context.Context) { panic("for the recover above") }
	step(ctx)
}
