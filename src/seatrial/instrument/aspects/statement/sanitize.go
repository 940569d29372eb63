package statement

import "strings"

// scanner reads a statement once, left to right, writing its harmless form.
type scanner struct {
	src     string
	pos     int
	dialect Dialect
	out     strings.Builder
	last    byte // last byte written, 0 at the start
}

func sanitize(src string, d Dialect) string {
	s := scanner{src: src, dialect: d}
	s.out.Grow(len(src))
	for s.pos < len(src) {
		s.step()
	}
	return strings.TrimRight(s.out.String(), " ")
}

func (s *scanner) step() {
	c := s.src[s.pos]
	switch {
	case c <= ' ':
		s.pos++
		s.space()
	case strings.HasPrefix(s.src[s.pos:], "--"), c == '#' && s.dialect == MySQL:
		s.skipPast("\n")
		s.space()
	case strings.HasPrefix(s.src[s.pos:], "/*"):
		s.skipPast("*/")
		s.space()
	case c == '\'':
		s.literal('\'')
	case c == '"':
		if s.dialect == Standard || s.dialect == Postgres {
			s.name('"')
		} else {
			s.literal('"')
		}
	case c == '`':
		s.name('`')
	case c == '$':
		s.dollar()
	case isDigit(c), c == '.' && s.pos+1 < len(s.src) && isDigit(s.src[s.pos+1]) && !isWord(s.last):
		s.number()
	case isLetter(c):
		s.word()
	case (c == '?' || c == ':' || c == '@') && s.pos+1 < len(s.src) && isWord(s.src[s.pos+1]):
		s.placeholder()
	default:
		s.pos++
		s.put(c)
	}
}

func (s *scanner) put(c byte) {
	s.out.WriteByte(c)
	s.last = c
}

func (s *scanner) space() {
	if s.last != 0 && s.last != ' ' {
		s.put(' ')
	}
}

func (s *scanner) skipPast(end string) {
	i := strings.Index(s.src[s.pos:], end)
	if i < 0 {
		s.pos = len(s.src)
		return
	}
	s.pos += i + len(end)
}

// literal writes ? for a quoted value. A backslash before a quote ends the
// value in one dialect and continues it in another; where the dialect is not
// known, everything from there on is hidden.
func (s *scanner) literal(quote byte) {
	escapes := s.dialect == MySQL || s.dialect == Postgres && (s.last == 'E' || s.last == 'e') && s.isPrefix()
	s.put('?')
	for s.pos++; s.pos < len(s.src); s.pos++ {
		switch c := s.src[s.pos]; {
		case c == '\\' && escapes:
			s.pos++
		case c == '\\' && s.dialect == Unknown && s.pos+1 < len(s.src) && s.src[s.pos+1] == quote:
			s.pos = len(s.src)
			return
		case c == quote && s.pos+1 < len(s.src) && s.src[s.pos+1] == quote:
			s.pos++
		case c == quote:
			s.pos++
			return
		}
	}
}

// isPrefix reports whether the last letter stands alone, as E in E'..'.
func (s *scanner) isPrefix() bool {
	text := s.out.String()
	return len(text) < 2 || !isWord(text[len(text)-2])
}

// name copies a quoted identifier.
func (s *scanner) name(quote byte) {
	end := strings.IndexByte(s.src[s.pos+1:], quote)
	if end < 0 { // no closing quote: not an identifier after all
		s.put('?')
		s.pos = len(s.src)
		return
	}
	for i := 0; i < end+2; i++ {
		s.put(s.src[s.pos])
		s.pos++
	}
}

// dollar tells $1 (a placeholder), from $tag$value$tag$ (Postgres).
func (s *scanner) dollar() {
	rest := s.src[s.pos+1:]
	n := 0
	for n < len(rest) && isWord(rest[n]) {
		n++
	}
	if n < len(rest) && rest[n] == '$' && (n == 0 || !isDigit(rest[0])) {
		tag := s.src[s.pos : s.pos+n+2]
		s.put('?')
		s.pos += len(tag)
		s.skipPast(tag)
		return
	}
	s.copyN(n + 1)
}

func (s *scanner) placeholder() {
	n := 1
	for s.pos+n < len(s.src) && isWord(s.src[s.pos+n]) {
		n++
	}
	// "a::int" and "@@x" come here at their second character; ":5" in a slice
	// a[1:5] is a value like any other.
	if s.src[s.pos] == ':' && isDigit(s.src[s.pos+1]) && (isWord(s.last) || s.last == '?') {
		s.pos++
		s.put(':')
		return
	}
	s.copyN(n)
}

func (s *scanner) copyN(n int) {
	for i := 0; i < n; i++ {
		s.put(s.src[s.pos])
		s.pos++
	}
}

func (s *scanner) number() {
	s.put('?')
	for s.pos < len(s.src) {
		c := s.src[s.pos]
		sign := (c == '+' || c == '-') && (s.src[s.pos-1] == 'e' || s.src[s.pos-1] == 'E')
		if !isWord(c) && c != '.' && !sign {
			return
		}
		s.pos++
	}
}

// word copies a keyword or name. A one-letter prefix of a quoted literal (N, X,
// B, U&, E) stays, which tells no value.
func (s *scanner) word() {
	for s.pos < len(s.src) && (isWord(s.src[s.pos]) || s.src[s.pos] == '$') {
		s.put(s.src[s.pos])
		s.pos++
	}
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func isLetter(c byte) bool {
	return c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= 0x80
}

func isWord(c byte) bool { return isLetter(c) || isDigit(c) }
