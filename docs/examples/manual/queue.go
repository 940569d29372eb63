package main

import (
	"context"
	"net/http"
)

// message is what goes over the queue: most brokers have headers for it.
type message struct {
	headers map[string]string
	order   string
}

var queue = make(chan message, 16)

// inject writes the trace context into the headers: traceparent, tracestate, baggage.
//
//seatrial:inject
func inject(ctx context.Context, headers map[string]string) {}

// extract returns ctx under the span that the message was sent under.
//
//seatrial:extract
func extract(ctx context.Context, headers map[string]string) context.Context { return ctx }

//seatrial:span name:"send orders" kind:producer messaging.destination.name:orders
func publish(ctx context.Context, order string) {
	headers := map[string]string{}
	inject(ctx, headers)
	queue <- message{headers, order}
}

func consume() {
	for m := range queue {
		process(extract(context.Background(), m.headers), m.order)
	}
}

//seatrial:span name:"process orders" kind:consumer messaging.destination.name:orders
func process(ctx context.Context, order string) {
	annotate(ctx, "order.id", order)
}

func publishOrder(w http.ResponseWriter, r *http.Request) {
	publish(r.Context(), r.FormValue("id"))
	w.WriteHeader(http.StatusAccepted)
}
