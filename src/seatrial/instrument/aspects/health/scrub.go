package health

import (
	"net/url"
	"os"
	"regexp"
	"strings"
	"sync"
	"unicode"
)

const (
	hidden = "…"
	// longestError keeps an answer to the one line that Docker shows (4096 bytes of output).
	longestError = 300
	// shortestSecret: hiding shorter values everywhere would leave nothing to read.
	shortestSecret = 4
)

// patterns is compiled with the first error: start-up must not pay for it.
var patterns struct {
	once                    sync.Once
	address, pair, name, at *regexp.Regexp
}

func compile() {
	patterns.address = regexp.MustCompile(`([A-Za-z][A-Za-z0-9+.-]*://)\S*@`)
	patterns.at = regexp.MustCompile(`\S+:\S*@(\w+\()`) // user:password@tcp(host), MySQL
	patterns.pair = regexp.MustCompile(`(?i)(pass(?:word|wd|phrase|file)?|pwd|secret|token|sslpassword|api_?key|access_?key)(\s*[=:]\s*)("[^"]*"?|'(?:[^'\\]|\\.)*'?|[^\s;&,)]+)`)
	patterns.name = regexp.MustCompile(`(?i)pass|pwd|secret|token|key|credential`)
}

// scrub makes one short line of an error's text and hides what may be a
// secret: whoever may look at a container's state may read it. Drivers quote
// whole data source names in errors.
func scrub(text string) string {
	patterns.once.Do(compile)
	text = strings.Join(strings.FieldsFunc(text, func(r rune) bool {
		return unicode.IsSpace(r) || !unicode.IsPrint(r)
	}), " ")
	for _, secret := range secrets(os.Environ()) {
		text = strings.ReplaceAll(text, secret, hidden)
	}
	text = patterns.address.ReplaceAllString(text, "${1}"+hidden+"@")
	text = patterns.at.ReplaceAllString(text, hidden+"@${1}")
	text = patterns.pair.ReplaceAllString(text, "${1}${2}"+hidden)
	if runes := []rune(text); len(runes) > longestError {
		text = string(runes[:longestError]) + hidden
	}
	return text
}

// secrets are the values in the environment that must not be told, in each
// spelling an error may quote them in.
func secrets(environment []string) []string {
	var found []string
	add := func(value string) {
		if len(value) >= shortestSecret {
			found = append(found, value, url.QueryEscape(value), url.PathEscape(value))
		}
	}
	for _, entry := range environment {
		name, value, _ := strings.Cut(entry, "=")
		if parsed, err := url.Parse(value); err == nil && parsed.User != nil {
			password, _ := parsed.User.Password()
			add(password)
		} else if patterns.name.MatchString(name) && !strings.HasPrefix(value, "/") {
			add(value) // a path is where a secret lies, not the secret
		}
	}
	return found
}
