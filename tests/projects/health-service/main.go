// A service without a health flag of its own, that holds what its environment names:
//
//	POOL, SQL  PostgreSQL through pgxpool, and through database/sql; at most three connections each
//	SQLITE     a file
//	DELAY      how long it prepares before it listens, such as 2s
//	TLS        an address that it listens at with TLS, beside ADDRESS
//
// /hold takes every connection of both PostgreSQL pools until /release; /touch asks each database.
package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"database/sql"
	"log"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	_ "github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite"
)

const mostConnections = 3

type service struct {
	pool        *pgxpool.Pool
	sql, sqlite *sql.DB
	release     []func()
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	s := open(ctx)
	if delay, err := time.ParseDuration(os.Getenv("DELAY")); err == nil {
		time.Sleep(delay)
	}
	address := os.Getenv("ADDRESS")
	if address == "" {
		address = ":8080"
	}
	server := &http.Server{Handler: s.handler()}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		log.Fatal(err)
	}
	slog.Info("listening", "address", listener.Addr().String())
	if secure := os.Getenv("TLS"); secure != "" {
		go serveTLS(secure, server.Handler)
	}
	go func() { _ = server.Serve(listener) }()
	<-ctx.Done()
	_ = server.Shutdown(context.Background())
}

func open(ctx context.Context) *service {
	s := &service{}
	var err error
	if url := os.Getenv("POOL"); url != "" {
		config, err := pgxpool.ParseConfig(url)
		if err != nil {
			log.Fatal(err)
		}
		config.MaxConns = mostConnections
		if s.pool, err = pgxpool.NewWithConfig(ctx, config); err != nil {
			log.Fatal(err)
		}
	}
	if url := os.Getenv("SQL"); url != "" {
		if s.sql, err = sql.Open("pgx", url); err != nil {
			log.Fatal(err)
		}
		s.sql.SetMaxOpenConns(mostConnections)
	}
	if file := os.Getenv("SQLITE"); file != "" {
		if s.sqlite, err = sql.Open("sqlite", file); err != nil {
			log.Fatal(err)
		}
		if _, err := s.sqlite.ExecContext(ctx, "CREATE TABLE IF NOT EXISTS item (name TEXT)"); err != nil {
			log.Fatal(err)
		}
	}
	return s
}

func (s *service) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/hold", s.hold)
	mux.HandleFunc("/release", func(http.ResponseWriter, *http.Request) {
		for _, release := range s.release {
			release()
		}
		s.release = nil
	})
	mux.HandleFunc("/touch", s.touch)
	mux.HandleFunc("/ready", s.touch)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		slog.InfoContext(r.Context(), "request", "path", r.URL.Path)
		mux.ServeHTTP(w, r)
	})
}

func (s *service) hold(w http.ResponseWriter, r *http.Request) {
	for i := 0; i < mostConnections; i++ {
		if s.pool != nil {
			conn, err := s.pool.Acquire(r.Context())
			if err != nil {
				http.Error(w, err.Error(), http.StatusInternalServerError)
				return
			}
			s.release = append(s.release, conn.Release)
		}
		if s.sql != nil {
			conn, err := s.sql.Conn(r.Context())
			if err != nil {
				http.Error(w, err.Error(), http.StatusInternalServerError)
				return
			}
			s.release = append(s.release, func() { _ = conn.Close() })
		}
	}
}

func (s *service) touch(w http.ResponseWriter, r *http.Request) {
	var one int
	var err error
	if s.pool != nil {
		err = s.pool.QueryRow(r.Context(), "SELECT 1").Scan(&one)
	}
	for _, db := range []*sql.DB{s.sql, s.sqlite} {
		if db != nil && err == nil {
			err = db.QueryRowContext(r.Context(), "SELECT 1").Scan(&one)
		}
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
	}
}

func serveTLS(address string, handler http.Handler) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		log.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		log.Fatal(err)
	}
	pair := tls.Certificate{Certificate: [][]byte{certificate}, PrivateKey: key}
	server := &http.Server{Addr: address, Handler: handler, TLSConfig: &tls.Config{Certificates: []tls.Certificate{pair}}}
	_ = server.ListenAndServeTLS("", "")
}
