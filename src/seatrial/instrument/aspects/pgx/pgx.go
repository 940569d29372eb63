// Package pgx holds the hooks woven into github.com/jackc/pgx/v5, for services
// that use its own Conn and Pool rather than database/sql. It does not import
// pgx: the aspects' templates are compiled inside it.
package pgx

import (
	"context"

	"seatrial.dev/weave/sql"
	"seatrial.dev/weave/statement"
	"seatrial.dev/weave/trace"
)

// Server is where a connection leads.
type Server struct {
	Host     string
	Port     uint16
	Database string
}

const batchName = "BATCH"

// Begin starts the span of a Query or Exec. Under database/sql there is one
// already: it then only learns the server. The results are nil when there is
// nothing to trace.
func Begin(ctx context.Context, host string, port uint16, database, query string) (*trace.Span, context.Context) {
	at := Server{host, port, database}
	parent, ok := begin(ctx, at)
	if !ok {
		return nil, nil
	}
	st := statement.Describe(query, statement.Postgres)
	if st.Text == "" { // "-- ping": the pool's own liveness check
		return nil, nil
	}
	if parent == nil && isMark(st.Operation) {
		return nil, nil
	}
	s := start(trace.LayerPgx, parent, at, st.Summary)
	s.Text("db.query.text", st.Text)
	s.Text("db.query.summary", st.Summary)
	s.Text("db.operation.name", st.Operation)
	if st.Summary == "" {
		s.SetName("QUERY")
	}
	return s, trace.With(ctx, s)
}

// BeginBatch starts the span of SendBatch, which lasts until the results are
// closed.
func BeginBatch(ctx context.Context, host string, port uint16, database string, size int) (*trace.Span, context.Context) {
	at := Server{host, port, database}
	parent, ok := begin(ctx, at)
	if !ok || size == 0 {
		return nil, nil
	}
	s := start(trace.LayerBatch, parent, at, batchName)
	s.Text("db.operation.name", batchName)
	s.Int("db.operation.batch.size", int64(size))
	return s, trace.With(ctx, s)
}

// BeginCopy starts the span of CopyFrom.
func BeginCopy(ctx context.Context, host string, port uint16, database string, table []string) (*trace.Span, context.Context) {
	at := Server{host, port, database}
	parent, ok := begin(ctx, at)
	if !ok {
		return nil, nil
	}
	name := "COPY"
	for i, part := range table {
		if i == 0 {
			name += " " + part
		} else {
			name += "." + part
		}
	}
	s := start(trace.LayerPgx, parent, at, name)
	s.Text("db.operation.name", "COPY")
	s.Text("db.query.summary", name)
	return s, trace.With(ctx, s)
}

// End finishes a span begun here.
func End(s *trace.Span, err error) { sql.End(s, err) }

// EndRows finishes the span of the Query whose rows are closed, found in the
// context the rows kept. Rows read out of a batch carry the batch's span,
// which goes on.
func EndRows(ctx context.Context, err error) {
	if s := trace.FromContext(ctx); s != nil && s.Layer == trace.LayerPgx {
		sql.End(s, err)
	}
}

// EndBatch finishes the span of the batch whose results are closed.
func EndBatch(ctx context.Context, err error) {
	if s := trace.FromContext(ctx); s != nil && s.Layer == trace.LayerBatch {
		sql.End(s, err)
	}
}

func begin(ctx context.Context, at Server) (parent *trace.Span, ok bool) {
	parent, ok = trace.Current(ctx)
	if ok && parent != nil && parent.Layer.IsDatabase() {
		locate(parent, at)
		return nil, false
	}
	return parent, ok
}

func start(layer trace.Layer, parent *trace.Span, at Server, name string) *trace.Span {
	s := trace.Start(trace.Client, layer, name, parent)
	s.Text("db.system.name", "postgresql")
	locate(s, at)
	return s
}

func locate(s *trace.Span, at Server) {
	s.Text("server.address", at.Host)
	if at.Port != 0 {
		s.Int("server.port", int64(at.Port))
	}
	s.Text("db.namespace", at.Database)
}

// isMark tells transaction marks, which alone would be a trace saying nothing.
func isMark(operation string) bool {
	switch operation {
	case "BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE":
		return true
	}
	return false
}
