// Package sql holds the hooks woven into database/sql itself, above the
// driver: every driver is covered however it was opened, and none is wrapped,
// so none loses an optional interface.
package sql

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"strings"

	"seatrial.dev/weave/statement"
	"seatrial.dev/weave/trace"
)

const opPrepare = "PREPARE"

// operation names what a method of database/sql does.
func operation(method string) string {
	switch method {
	case "QueryContext":
		return "QUERY"
	case "ExecContext":
		return "EXEC"
	case "PrepareContext":
		return opPrepare
	case "PingContext":
		return "PING"
	case "BeginTx":
		return "BEGIN"
	default: // Commit, Rollback
		return strings.ToUpper(method)
	}
}

// Begin starts the span of one call of the service to database/sql and returns
// it with the context for everything below. method is the method's name, query
// its statement or "". Both results are nil when there is nothing to trace:
// inside another such call (database/sql calls itself, and the driver below
// may be traced too), and for what would be a trace of its own without saying
// anything: pings and transaction marks outside every request.
func Begin(ctx context.Context, db *sql.DB, method, query string) (*trace.Span, context.Context) {
	if ctx == nil { // the call will panic, as it would without us
		return nil, nil
	}
	parent, ok := trace.Current(ctx)
	if !ok || parent != nil && parent.Layer.IsDatabase() {
		return nil, nil
	}
	op := operation(method)
	if parent == nil && (query == "" || op == opPrepare) {
		return nil, nil
	}
	s := trace.Start(trace.Client, trace.LayerSQL, op, parent)
	if s.Sampled() {
		describe(s, db, op, query)
	}
	return s, trace.With(ctx, s)
}

func describe(s *trace.Span, db *sql.DB, op, query string) {
	system := systemOf(db)
	s.Text("db.system.name", system.name)
	if query == "" {
		s.Text("db.operation.name", op)
		return
	}
	st := statement.Describe(query, system.dialect)
	s.Text("db.query.text", st.Text)
	s.Text("db.query.summary", st.Summary)
	name := st.Summary
	switch {
	case op == opPrepare:
		s.Text("db.operation.name", opPrepare)
		name = opPrepare + " " + st.Summary
	case st.Operation != "":
		s.Text("db.operation.name", st.Operation)
	default:
		name = op
	}
	s.SetName(name)
}

// End finishes the span. The error's text is left out, because databases quote
// values in it; its type and SQLSTATE say what went wrong.
func End(s *trace.Span, err error) {
	if err != nil && !errors.Is(err, sql.ErrNoRows) && !errors.Is(err, driver.ErrSkip) {
		Fail(s, err)
	}
	s.End()
}

// Fail records a database error on the span.
func Fail(s *trace.Span, err error) {
	kind := fmt.Sprintf("%T", err)
	var coded interface{ SQLState() string }
	if errors.As(err, &coded) && coded.SQLState() != "" {
		kind = coded.SQLState()
		s.Text("db.response.status_code", kind)
	}
	switch {
	case errors.Is(err, context.Canceled):
		kind = "context.Canceled"
	case errors.Is(err, context.DeadlineExceeded):
		kind = "context.DeadlineExceeded"
	}
	s.Fail(kind, "")
}
