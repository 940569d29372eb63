// Package statement turns the text of a database statement into what a span
// may say about it: the text without literal values, the operation, and a
// short summary. Values must never leave the process: a literal in a statement
// may be somebody's name or password.
package statement

import "sync"

// Dialect says how quotes are read. Reading them wrongly would leak what
// stands between them, so Unknown always takes the reading that hides more.
type Dialect uint8

// The dialects that differ in quoting.
const (
	Unknown  Dialect = iota
	Standard         // "x" is a name, \ is not an escape
	Postgres         // as Standard, and E'..\'..' and $tag$..$tag$
	MySQL            // "x" is a value, \ is an escape
)

// Statement is what may be said about one statement.
type Statement struct {
	// Text has each literal replaced by ?, comments removed and white space
	// folded; placeholders stay as they were written.
	Text string
	// Operation is the leading keyword in upper case, or "".
	Operation string
	// Summary is the operation and its table ("SELECT orders"), or "".
	Summary string
}

const (
	// maxLength is how much of a statement is read; more is cut.
	maxLength = 8192
	// maxCached bounds the cache. Statements with values glued in are each
	// seen once and fill it; from then on they are simply computed.
	maxCached = 512
)

type cacheKey struct {
	text    string
	dialect Dialect
}

var (
	cacheMu sync.RWMutex
	cache   = map[cacheKey]Statement{}
)

// Describe returns what may be said about the statement text. Results are
// cached: services run few different statements, many times.
func Describe(text string, d Dialect) Statement {
	key := cacheKey{text, d}
	cacheMu.RLock()
	s, ok := cache[key]
	cacheMu.RUnlock()
	if ok {
		return s
	}
	s = describe(text, d)
	if len(text) <= maxLength {
		cacheMu.Lock()
		if len(cache) < maxCached {
			cache[key] = s
		}
		cacheMu.Unlock()
	}
	return s
}

func describe(text string, d Dialect) Statement {
	if len(text) > maxLength {
		text = text[:maxLength]
	}
	clean := sanitize(text, d)
	op, summary := summarize(clean)
	return Statement{Text: clean, Operation: op, Summary: summary}
}
