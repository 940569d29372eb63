package health

import (
	"os"
	"strings"
	"testing"
	"time"
)

func TestSettings(t *testing.T) {
	c := parseSettings("flag=woven&timeout=2s&http=%2Fa&http=%2Fb&informational=redis&listener=optional&check.redis=%24REDIS_URL")
	if len(c.problems) != 0 || c.timeout != 2*time.Second || len(c.paths) != 2 || !c.isInformational("redis") ||
		c.isInformational("postgresql") || !c.listenerOptional || c.named[0].value != "$REDIS_URL" {
		t.Errorf("%+v", c)
	}
	if c := parseSettings(""); len(c.problems) != 0 || c.timeout != defaultTimeout {
		t.Errorf("%+v", c)
	}
}

func TestWrongSettingsAreTold(t *testing.T) {
	for text, want := range map[string]string{
		"timeout=soon": "timeout", "timeout=-1s": "timeout", "timeout=1h": "timeout", "http=ready": "http", "flag=mine": "flag",
		"listener=no": "listener", "colour=red": "colour: no such setting", "check.=x": "check.", "a=%zz": "not a URL query",
	} {
		c := reset(t, text)
		accepting(t)
		r := examine(c, false)
		if r.Status != Unhealthy {
			t.Errorf("%s: %s", text, r)
		}
		contains(t, find(t, r, "settings").Error, want)
		if live := examine(c, true); live.Status != Healthy {
			t.Errorf("%s: restarted for ever: %s", text, live)
		}
	}
}

func TestInformationalNameThatNothingHasIsTold(t *testing.T) {
	c := reset(t, "informational=postgres")
	accepting(t)
	r := examine(c, false)
	if got := find(t, r, "postgres"); r.Status != Healthy || got.Status != Skipped {
		t.Errorf("%s", r)
	}
}

func TestOnlyTheFirstArgumentAsksForAProbe(t *testing.T) {
	for words, want := range map[string]string{
		"server --health-check": formLine, "server -health-check": formLine, "server --health-check=json more": formJSON,
		"server --health-check=live": formLive, "server --health-check=all": "all",
	} {
		if form, ok := probeForm(strings.Fields(words)); !ok || form != want {
			t.Errorf("%s: %q %v", words, form, ok)
		}
	}
	for _, words := range []string{"", "--health-check", "server serve --health-check", "server health-check", "server --health-checks", "server -- --health-check"} {
		if form, ok := probeForm(strings.Fields(words)); ok {
			t.Errorf("%s: %q", words, form)
		}
	}
}

func TestErrorsAreShortAndHoldNoSecret(t *testing.T) {
	for name, value := range map[string]string{
		"DATABASE_URL": "postgres://app:s%40cret@db/shop", "DB_PASSWORD": "correct horse", "API_TOKEN": "tok-123", "KEY_FILE": "/run/secrets/key",
	} {
		t.Setenv(name, value)
	}
	for text, want := range map[string]string{
		"parse \"postgres://app:pw/with@at@db:x/shop\": invalid port": "parse \"postgres://…@db:x/shop\": invalid port",
		"app:pw@tcp(db:3306)/shop: no route":                          "…@tcp(db:3306)/shop: no route",
		"cannot parse `host=db password='a b' user=app`":              "cannot parse `host=db password=… user=app`",
		"bad option sslpassword=abc&x=1":                              "bad option sslpassword=…&x=1",
		"denied for correct horse":                                    "denied for …",
		"denied for s@cret, tok-123":                                  "denied for …, …",
		"open /run/secrets/key:\n\tno such file":                      "open /run/secrets/key: no such file",
		"pq: password authentication failed for user \"app\"":         "pq: password authentication failed for user \"app\"",
		strings.Repeat("x", 400):                                      strings.Repeat("x", longestError) + hidden,
	} {
		if got := scrub(text); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	if len(secrets(os.Environ())) < 9 {
		t.Error("a secret of the environment is unknown")
	}
}
