// Package config reads the service's settings from the environment.
package config

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"regexp"
	"strconv"
	"strings"

	"example.com/orders/internal/store"
)

// Config is everything the server needs to start.
type Config struct {
	Listen   Listen
	Database store.Source
	LogLevel slog.Level
}

// Listen is where the server listens; an empty Host means all interfaces.
type Listen struct {
	Host string
	Port uint16
}

// Load reads and checks all settings; its error names each wrong variable.
func Load(getenv func(string) string) (Config, error) {
	listen, err := LoadListen(getenv)
	errs := []error{err}
	database, err := loadDatabase(getenv)
	errs = append(errs, err)
	level, err := loadLevel(getenv)
	errs = append(errs, err)
	return Config{Listen: listen, Database: database, LogLevel: level}, errors.Join(errs...)
}

// LoadListen reads only HOST and PORT, which is all that a health check needs.
func LoadListen(getenv func(string) string) (Listen, error) {
	host, err := loadHost(getenv)
	errs := []error{err}
	text := cmp.Or(getenv("PORT"), "8080")
	port, err := strconv.ParseUint(text, 10, 16)
	if err != nil || port == 0 {
		errs = append(errs, fmt.Errorf("PORT=%q: must be a number from 1 to 65535", text))
	}
	return Listen{Host: host, Port: uint16(port)}, errors.Join(errs...)
}

// Address is what to listen on.
func (l Listen) Address() string { return l.join(l.Host) }

// LoopbackAddress is where a process of the same host reaches the server: over
// loopback, unless it listens on one other address only.
func (l Listen) LoopbackAddress() string {
	addr, err := netip.ParseAddr(l.Host)
	switch {
	case l.Host == "":
		return l.join("127.0.0.1")
	case err != nil || !addr.IsUnspecified():
		return l.join(l.Host)
	case addr.Is4():
		return l.join("127.0.0.1")
	default:
		return l.join("::1")
	}
}

func (l Listen) join(host string) string {
	return net.JoinHostPort(host, strconv.Itoa(int(l.Port)))
}

var hostname = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$`)

func loadHost(getenv func(string) string) (string, error) {
	host := getenv("HOST")
	if _, err := netip.ParseAddr(host); host == "" || err == nil || hostname.MatchString(host) {
		return host, nil
	}
	return "", fmt.Errorf("HOST=%q: must be an IP address or a host name, without port", host)
}

func loadDatabase(getenv func(string) string) (store.Source, error) {
	raw := getenv("DATABASE_URL")
	if raw == "" {
		return store.DefaultSource(), nil
	}
	source, err := store.ParseSource(raw)
	if err != nil {
		return store.Source{}, fmt.Errorf("DATABASE_URL: %w", err)
	}
	return source, nil
}

func loadLevel(getenv func(string) string) (slog.Level, error) {
	text := cmp.Or(getenv("LOG_LEVEL"), "info")
	switch strings.ToLower(text) {
	case "debug":
		return slog.LevelDebug, nil
	case "info":
		return slog.LevelInfo, nil
	case "warn":
		return slog.LevelWarn, nil
	case "error":
		return slog.LevelError, nil
	}
	return 0, fmt.Errorf("LOG_LEVEL=%q: must be debug, info, warn or error", text)
}
