package store

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestSourcesAreParsed(t *testing.T) {
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for raw, want := range map[string]Source{
		"sqlite:///tmp/orders.db":              {sqliteDialect, "/tmp/orders.db"},
		"sqlite:///tmp/with%20space.db":        {sqliteDialect, "/tmp/with space.db"},
		"sqlite:orders.db":                     {sqliteDialect, filepath.Join(here, "orders.db")},
		"sqlite:/var/orders.db":                {sqliteDialect, "/var/orders.db"},
		"postgres://u:p@db:5432/orders":        {postgresDialect, "postgres://u:p@db:5432/orders"},
		"postgresql://u@/orders?host=/run/dir": {postgresDialect, "postgresql://u@/orders?host=/run/dir"},
	} {
		if got, err := ParseSource(raw); err != nil || got != want {
			t.Errorf("%s: got %+v, %v", raw, got, err)
		}
	}
}

func TestWrongSourcesAreRefusedWithoutTheirPassword(t *testing.T) {
	for raw, want := range map[string]string{
		"":                                "must begin with",
		"/tmp/orders.db":                  "must begin with",
		"mysql://u:hunter2@db/orders":     "must begin with",
		"sqlite:":                         "must name a file",
		"sqlite:///":                      "must name a file",
		"sqlite:///tmp/":                  "must name a file",
		"sqlite://tmp/orders.db":          "three slashes",
		"sqlite::memory:":                 "plain file path",
		"sqlite:///tmp/o.db?mode=ro":      "plain file path",
		"sqlite:///tmp/%zz":               "invalid URL escape",
		"postgres://u:hun%ter2@db/orders": "percent-encoded",
		"postgres://u:hunter2@db:port/x":  "percent-encoded",
		"postgres://u:hunter2@db/x?sslmode=bogus": "sslmode",
	} {
		_, err := ParseSource(raw)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", raw, err, want)
			continue
		}
		if strings.Contains(err.Error(), "ter2") {
			t.Errorf("leaks the password: %s", err)
		}
	}
}
