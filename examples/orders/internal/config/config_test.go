package config

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func environment(vars map[string]string) func(string) string {
	return func(name string) string { return vars[name] }
}

func TestDefaultsNeedNoEnvironment(t *testing.T) {
	cfg, err := Load(environment(nil))
	if err != nil {
		t.Fatal(err)
	}
	if got := cfg.Listen.Address(); got != ":8080" {
		t.Errorf("address %q", got)
	}
	if got, want := cfg.Database.String(), "sqlite "+filepath.Join(os.TempDir(), "orders.db"); got != want {
		t.Errorf("database %q, want %q", got, want)
	}
	if cfg.LogLevel != slog.LevelInfo {
		t.Errorf("level %s", cfg.LogLevel)
	}
}

func TestSettingsAreRead(t *testing.T) {
	for text, level := range map[string]slog.Level{
		"debug": slog.LevelDebug, "INFO": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError,
	} {
		cfg, err := Load(environment(map[string]string{
			"HOST": "127.0.0.1", "PORT": "9000", "LOG_LEVEL": text, "DATABASE_URL": "postgres://u:secret@db/orders",
		}))
		if err != nil {
			t.Fatal(err)
		}
		if cfg.Listen.Address() != "127.0.0.1:9000" || cfg.LogLevel != level || cfg.Database.String() != "postgres" {
			t.Errorf("got %+v", cfg)
		}
	}
}

func TestEveryWrongSettingIsNamed(t *testing.T) {
	_, err := Load(environment(map[string]string{
		"HOST": "localhost:80", "PORT": "70000", "LOG_LEVEL": "loud", "DATABASE_URL": "mysql://u:secret@db/orders",
	}))
	if err == nil {
		t.Fatal("accepted")
	}
	for _, name := range []string{"HOST=", "PORT=", "LOG_LEVEL=", "DATABASE_URL:"} {
		if !strings.Contains(err.Error(), name) {
			t.Errorf("%q is not in %q", name, err)
		}
	}
	if strings.Contains(err.Error(), "secret") {
		t.Errorf("leaks the password: %s", err)
	}
}

func TestPortMustBeANumberInRange(t *testing.T) {
	for _, port := range []string{"0", "-1", "65536", "http", "80 ", "8080/tcp"} {
		if _, err := LoadListen(environment(map[string]string{"PORT": port})); err == nil {
			t.Errorf("accepted %q", port)
		}
	}
}

func TestLoopbackAddressReachesTheListener(t *testing.T) {
	for host, want := range map[string]string{
		"":          "127.0.0.1:8080",
		"0.0.0.0":   "127.0.0.1:8080",
		"::":        "[::1]:8080",
		"::1":       "[::1]:8080",
		"10.1.2.3":  "10.1.2.3:8080",
		"localhost": "localhost:8080",
	} {
		listen, err := LoadListen(environment(map[string]string{"HOST": host}))
		if err != nil {
			t.Fatal(err)
		}
		if got := listen.LoopbackAddress(); got != want {
			t.Errorf("HOST=%q: got %s, want %s", host, got, want)
		}
	}
}
