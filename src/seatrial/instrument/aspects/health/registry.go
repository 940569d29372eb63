package health

import (
	"context"
	"database/sql"
	"fmt"
	"sync"
	"time"

	weave "seatrial.dev/weave/sql"
)

// dependency is what is checked beside listeners: a database or a target of
// the settings.
type dependency struct {
	kind  string
	line  *line
	check func(context.Context) error
	// overdue says why there is no answer after so long.
	overdue func(since time.Duration) string
}

// store is one open database: a *sql.DB or a pgx pool.
type store struct {
	key    any
	system string
	dependency
}

// stores holds them in the order of their opening. The references are strong:
// a *sql.DB and a pool each have a goroutine that keeps them alive until Close.
var stores struct {
	mu   sync.Mutex
	open []*store
}

// Opened is woven into database/sql.OpenDB, which sql.Open ends in.
func Opened(db *sql.DB) {
	if db == nil || isServicesOwn() {
		return
	}
	system := weave.System(db)
	if system == "other_sql" {
		system = "database"
	}
	d := &database{db: db, isSQLite: system == "sqlite"}
	keep(&store{db, system, dependency{"database", &line{}, d.check, d.overdue}})
}

// Closed is woven into (*sql.DB).Close.
func Closed(db *sql.DB) { forget(db) }

// PoolOpened is woven into pgxpool.NewWithConfig. ping takes a connection of
// the pool and asks the database; inUse tells how many are taken of how many.
func PoolOpened(pool any, ping func(context.Context) error, inUse func() (used, limit int)) {
	if pool == nil || isServicesOwn() {
		return
	}
	p := &pgxPool{ping, inUse}
	keep(&store{pool, "postgresql", dependency{"database", &line{}, p.check, p.overdue}})
}

// PoolClosed is woven into (*pgxpool.Pool).Close.
func PoolClosed(pool any) { forget(pool) }

func keep(s *store) {
	stores.mu.Lock()
	defer stores.mu.Unlock()
	stores.open = append(stores.open, s)
}

func forget(key any) {
	stores.mu.Lock()
	defer stores.mu.Unlock()
	for i, s := range stores.open {
		if s.key == key {
			stores.open = append(stores.open[:i:i], stores.open[i+1:]...)
			return
		}
	}
}

// openStores returns the open databases and their names: of two of one system,
// the second is "postgresql-2". Names follow what is open now, so that a
// handle that only served a migration at the start leaves no gap.
func openStores() (names []string, open []*store) {
	stores.mu.Lock()
	defer stores.mu.Unlock()
	count := map[string]int{}
	for _, s := range stores.open {
		count[s.system]++
		name := s.system
		if n := count[s.system]; n > 1 {
			name = fmt.Sprintf("%s-%d", name, n)
		}
		names = append(names, name)
	}
	return names, append(open, stores.open...)
}
