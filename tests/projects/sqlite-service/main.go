// A service with a SQLite database, some of whose requests need it, and not all of those through database/sql.
//
//	PRAGMAS     such as journal_mode=wal,locking_mode=exclusive
//	SOURCE      another name of the database for what goes past database/sql; "-": nothing does
//	BACKGROUND  how often it writes on its own, such as 5ms
package main

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"log"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"time"

	_ "modernc.org/sqlite"
)

const file = "/tmp/items.db"

type service struct {
	db   *sql.DB
	lock sync.Mutex
	bare driver.Conn // guarded by lock
	kept string      // guarded by lock
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	s := open(ctx)
	server := &http.Server{Addr: ":8080", Handler: s.handler()}
	go func() { log.Print(server.ListenAndServe()) }()
	<-ctx.Done()
	_ = server.Shutdown(context.Background())
}

func open(ctx context.Context) *service {
	db, err := sql.Open("sqlite", file)
	check(err)
	db.SetMaxOpenConns(1)
	for _, pragma := range strings.Split(os.Getenv("PRAGMAS"), ",") {
		check(db.QueryRowContext(ctx, "PRAGMA "+pragma).Scan(new(string)))
	}
	_, err = db.ExecContext(ctx, "CREATE TABLE IF NOT EXISTS item (name TEXT)")
	check(err)
	_, err = db.ExecContext(ctx, "INSERT INTO item (name) VALUES ('start')") // only then is the file kept locked
	check(err)
	s := &service{db: db}
	source := os.Getenv("SOURCE")
	if source == "" {
		source = file
	}
	if source != "-" {
		s.bare, err = db.Driver().Open(source)
		check(err)
		_, err = s.count(ctx) // what it needs is read by now
		check(err)
	}
	if every, err := time.ParseDuration(os.Getenv("BACKGROUND")); err == nil {
		go func() {
			for range time.Tick(every) {
				_, _ = db.ExecContext(ctx, "INSERT INTO item (name) VALUES ('tea')")
			}
		}()
	}
	return s
}

func (s *service) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/nothing", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "nothing") })
	mux.HandleFunc("/clock", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, time.Now().UnixNano()) })
	mux.HandleFunc("/error", func(w http.ResponseWriter, r *http.Request) {
		http.Error(w, "out of order", http.StatusInternalServerError)
	})
	mux.HandleFunc("/past", s.past)
	mux.HandleFunc("/quiet", s.quiet)
	mux.HandleFunc("/once", s.once)
	mux.HandleFunc("/add", s.add)
	mux.HandleFunc("/login", func(w http.ResponseWriter, r *http.Request) {
		s.lock.Lock()
		defer s.lock.Unlock()
		if _, err := s.count(r.Context()); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		http.Error(w, "who are you?", http.StatusUnauthorized)
	})
	return mux
}

// count asks the driver past database/sql, as a library with a pool of its own does.
func (s *service) count(ctx context.Context) (any, error) {
	rows, err := s.bare.(driver.QueryerContext).QueryContext(ctx, "SELECT count(*) FROM item WHERE name = 'coffee'", nil)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	row := make([]driver.Value, 1)
	err = rows.Next(row)
	return row[0], err
}

func (s *service) past(w http.ResponseWriter, r *http.Request) {
	s.lock.Lock()
	defer s.lock.Unlock()
	count, err := s.count(r.Context())
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	fmt.Fprint(w, count)
}

// quiet answers with what it has when the database does not answer.
func (s *service) quiet(w http.ResponseWriter, r *http.Request) {
	s.lock.Lock()
	defer s.lock.Unlock()
	count, _ := s.count(r.Context())
	fmt.Fprint(w, count)
}

// once asks for the first answer only.
func (s *service) once(w http.ResponseWriter, r *http.Request) {
	s.lock.Lock()
	defer s.lock.Unlock()
	if s.kept == "" {
		count, err := s.count(r.Context())
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		s.kept = fmt.Sprint(count)
	}
	fmt.Fprint(w, s.kept)
}

func (s *service) add(w http.ResponseWriter, r *http.Request) {
	s.lock.Lock()
	defer s.lock.Unlock()
	_, err := s.bare.(driver.ExecerContext).ExecContext(r.Context(), "INSERT INTO item (name) VALUES ('coffee')", nil)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.WriteHeader(http.StatusCreated)
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
