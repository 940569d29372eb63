package sql

import (
	"database/sql"
	"database/sql/driver"
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
	{"bun/driver/pgdriver", system{"postgresql", statement.Postgres}},
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

const (
	other       = "other_sql"
	deepestWrap = 3
)

var driverType = reflect.TypeFor[driver.Driver]()

var (
	drivers      sync.Map // reflect.Type -> system
	driverFields sync.Map // reflect.Type of a struct -> int
)

// System returns db.system.name of the database behind db; "other_sql" when
// its driver does not tell.
func System(db *sql.DB) string { return systemOf(db).name }

// systemOf looks at the driver's type, and at that of a driver that it wraps
// (otelsql, sqlmw). What hides it altogether is other_sql, whose literals are
// read with the most caution.
func systemOf(db *sql.DB) system {
	if db == nil || db.Driver() == nil {
		return system{name: other}
	}
	v := reflect.ValueOf(db.Driver())
	found := systemOfType(v.Type())
	for depth := 0; found.name == other && depth < deepestWrap; depth++ {
		if v = wrapped(v); !v.IsValid() {
			break
		}
		found = systemOfType(v.Type())
	}
	return found
}

// wrapped returns the driver that a driver holds in a field. Only types are
// looked at, which reflection allows of fields that are not exported, too.
func wrapped(v reflect.Value) reflect.Value {
	for v.Kind() == reflect.Pointer && !v.IsNil() {
		v = v.Elem()
	}
	if v.Kind() != reflect.Struct {
		return reflect.Value{}
	}
	i := driverField(v.Type())
	if i < 0 || v.Field(i).IsNil() {
		return reflect.Value{}
	}
	return v.Field(i).Elem()
}

// driverField returns the first field of a struct that holds a driver, or -1.
func driverField(t reflect.Type) int {
	if known, ok := driverFields.Load(t); ok {
		if i, ok := known.(int); ok {
			return i
		}
	}
	found := -1
	for i := t.NumField() - 1; i >= 0; i-- {
		if f := t.Field(i).Type; f.Kind() == reflect.Interface && f.Implements(driverType) {
			found = i
		}
	}
	driverFields.Store(t, found)
	return found
}

// systemOfType remembers its answers: a process has one or two drivers.
func systemOfType(t reflect.Type) system {
	if known, ok := drivers.Load(t); ok {
		if s, ok := known.(system); ok {
			return s
		}
	}
	s := systemOfPath(t)
	drivers.Store(t, s)
	return s
}

func systemOfPath(t reflect.Type) system {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	path := strings.ToLower(t.PkgPath())
	for _, known := range systems {
		if strings.Contains(path, known.part) {
			return known.system
		}
	}
	return system{name: other}
}
