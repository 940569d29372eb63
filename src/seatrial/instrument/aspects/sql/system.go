package sql

import (
	"database/sql"
	"reflect"
	"strings"
	"sync"

	"seatrial.dev/weave/statement"
)

// system is what the driver's Go type tells about the database.
type system struct {
	name    string // db.system.name of the semantic conventions
	dialect statement.Dialect
}

// systems is matched in order against the driver type's import path.
var systems = []struct {
	part string
	system
}{
	{"jackc/pgx", system{"postgresql", statement.Postgres}},
	{"lib/pq", system{"postgresql", statement.Postgres}},
	{"cockroach", system{"cockroachdb", statement.Postgres}},
	{"mysql", system{"mysql", statement.MySQL}},
	{"mariadb", system{"mariadb", statement.MySQL}},
	{"sqlite", system{"sqlite", statement.Standard}},
	{"libsql", system{"sqlite", statement.Standard}},
	{"mssql", system{"microsoft.sql_server", statement.Standard}},
	{"go-ora", system{"oracle.db", statement.Standard}},
	{"godror", system{"oracle.db", statement.Standard}},
	{"clickhouse", system{"clickhouse", statement.MySQL}},
	{"trino", system{"trino", statement.Standard}},
	{"go-hdb", system{"sap.hana", statement.Standard}},
}

// drivers remembers the answer by driver type; a process has one or two.
var drivers sync.Map // reflect.Type -> system

// System returns db.system.name of the database behind db; "other_sql" when
// its driver does not tell.
func System(db *sql.DB) string { return systemOf(db).name }

// systemOf looks at the driver's type. A driver that wraps another hides it:
// the answer is then other_sql, whose literals are read with the most caution.
func systemOf(db *sql.DB) system {
	if db == nil || db.Driver() == nil {
		return system{name: "other_sql"}
	}
	t := reflect.TypeOf(db.Driver())
	if known, ok := drivers.Load(t); ok {
		if s, ok := known.(system); ok {
			return s
		}
	}
	s := systemOfType(t)
	drivers.Store(t, s)
	return s
}

func systemOfType(t reflect.Type) system {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	path := strings.ToLower(t.PkgPath())
	for _, known := range systems {
		if strings.Contains(path, known.part) {
			return known.system
		}
	}
	return system{name: "other_sql"}
}
