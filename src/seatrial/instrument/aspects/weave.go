// Package weave traces Go services, and checks their health, without an edit to
// their source: its aspects are woven into the standard library's own functions
// at compile time by Orchestrion, and into a few routers and pgx where a service
// uses them.
//
// The module requires nothing but the standard library, so a woven service is
// built from exactly the modules its own go.mod names. Each package holds one
// concern, its hooks in Go and its aspects in orchestrion.yml:
//
//	trace      spans, context, W3C Trace Context, sampling
//	gls        the goroutine's current span, for calls without a context
//	http       net/http server, client and mux
//	router     chi, gorilla/mux, gin, echo: the route a request matched
//	sql        database/sql, any driver
//	pgx        github.com/jackc/pgx/v5's own Conn and Pool
//	statement  statement text without values
//	slog       log/slog and log: trace_id and span_id in each line
//	otlp       OTLP/HTTP protobuf export, OTEL_* configuration
//	start      main.main, os.Exit and signals
//	manual     //seatrial:span and the other directives in a service's own source
//	health     --health-check: what the service holds, asked over a socket
//	stamp      the proof, in the binary, that it was woven
//
// A module that wants these aspects has a file orchestrion.tool.go which
// imports this package, next to its go.mod.
package weave
