package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os/signal"
	"syscall"
	"time"

	"example.com/orders/internal/buildinfo"
	"example.com/orders/internal/config"
	"example.com/orders/internal/health"
	"example.com/orders/internal/httpapi"
	"example.com/orders/internal/store"
)

const (
	startTimeout = 30 * time.Second
	// drainTimeout stays under the ten seconds that docker stop grants.
	drainTimeout = 8 * time.Second
)

// serve runs until ctx ends or a signal asks it to stop; then it finishes the
// requests in flight and closes the database.
func serve(ctx context.Context, getenv func(string) string, stdout io.Writer) error {
	cfg, err := config.Load(getenv)
	if err != nil {
		return err
	}
	log := slog.New(slog.NewJSONHandler(stdout, &slog.HandlerOptions{Level: cfg.LogLevel}))
	slog.SetDefault(log)

	ctx, stop := signal.NotifyContext(ctx, syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	orders, err := openStore(ctx, cfg.Database)
	if err != nil {
		if ctx.Err() != nil {
			return nil // asked to stop before it was ready
		}
		return err
	}
	build := buildinfo.Current(version)
	err = serveHTTP(ctx, cfg.Listen.Address(), httpapi.New(log, orders, health.New(log, orders.Check), build), func(address string) {
		log.InfoContext(ctx, "listening", "address", address, "database", cfg.Database.String(), "version", build.Version)
	})
	err = errors.Join(err, orders.Close())
	if err == nil {
		log.InfoContext(context.WithoutCancel(ctx), "stopped")
	}
	return err
}

func openStore(ctx context.Context, source store.Source) (*store.Store, error) {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	return store.Open(ctx, source)
}

// serveHTTP returns nil when ctx ended and all requests were answered.
func serveHTTP(ctx context.Context, address string, handler http.Handler, ready func(address string)) error {
	var listenConfig net.ListenConfig
	listener, err := listenConfig.Listen(ctx, "tcp", address)
	if err != nil {
		return err
	}
	server := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      15 * time.Second,
		IdleTimeout:       60 * time.Second,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(slog.Default().Handler(), slog.LevelWarn),
	}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	ready(listener.Addr().String())

	select {
	case err := <-failed:
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
	}
	// Requests do not see ctx end: they are to be finished, not cancelled.
	slog.InfoContext(ctx, "stopping", "in_flight_limit", drainTimeout.String())
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTimeout)
	defer cancel()
	if err := server.Shutdown(drain); err != nil {
		return errors.Join(fmt.Errorf("requests still running after %s: %w", drainTimeout, err), server.Close())
	}
	return nil
}
