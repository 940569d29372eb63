package statement

import "strings"

const maxSummary = 255

// summarize reads sanitized text. It names the first table only: a summary is
// a span name, and must be one of few.
func summarize(text string) (operation, summary string) {
	words := strings.FieldsFunc(flat(text), func(r rune) bool { return r == ' ' || r == ',' || r == ';' })
	if len(words) == 0 {
		return "", ""
	}
	first, rest := keyword(words[0]), words[1:]
	if first == "" {
		return "", ""
	}
	if first == "WITH" {
		// The statement a WITH clause serves is the first verb after it.
		for i, w := range rest {
			switch verb := keyword(w); verb {
			case "SELECT", "INSERT", "UPDATE", "DELETE", "MERGE":
				return describeVerb(verb, rest[i+1:])
			}
		}
	}
	return describeVerb(first, rest)
}

func describeVerb(verb string, rest []string) (operation, summary string) {
	summary = verb
	if target := targetOf(verb, rest); target != "" && len(verb)+1+len(target) <= maxSummary {
		summary += " " + target
	}
	return verb, summary
}

// flat empties all parentheses, so that the tables of subqueries, which may
// come first, are not taken for the statement's own.
func flat(text string) string {
	var out strings.Builder
	depth := 0
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '(':
			if depth == 0 {
				out.WriteByte('(')
			}
			depth++
		case c == ')':
			if depth > 0 {
				depth--
			}
			if depth == 0 {
				out.WriteString(") ")
			}
		case depth == 0:
			out.WriteByte(c)
		}
	}
	return out.String()
}

func targetOf(verb string, rest []string) string {
	switch verb {
	case "SELECT", "DELETE":
		return after(rest, "FROM")
	case "INSERT", "REPLACE", "MERGE":
		return after(rest, "INTO")
	case "UPDATE", "TRUNCATE", "COPY":
		for _, w := range rest {
			if k := keyword(w); k != "ONLY" && k != "TABLE" && k != "OR" {
				return table(w)
			}
		}
	case "CREATE", "DROP", "ALTER":
		return object(rest)
	}
	return ""
}

func after(words []string, mark string) string {
	for i, w := range words {
		if keyword(w) == mark && i+1 < len(words) {
			next := words[i+1]
			if keyword(next) == "ONLY" && i+2 < len(words) {
				next = words[i+2]
			}
			return table(next)
		}
	}
	return ""
}

// object names what a definition statement defines: "TABLE orders".
func object(words []string) string {
	for i, w := range words {
		switch k := keyword(w); k {
		case "TABLE", "INDEX", "VIEW", "SCHEMA", "SEQUENCE", "TYPE", "FUNCTION", "DATABASE", "EXTENSION", "TRIGGER":
			for _, name := range words[i+1:] {
				switch keyword(name) {
				case "IF", "NOT", "EXISTS", "CONCURRENTLY", "ONLY":
					continue
				}
				if t := table(name); t != "" {
					return k + " " + t
				}
				return k
			}
			return k
		}
	}
	return ""
}

// table strips quotes and a column list; a subquery or a value has no name.
func table(w string) string {
	if i := strings.IndexByte(w, '('); i >= 0 {
		w = w[:i]
	}
	w = strings.NewReplacer(`"`, "", "`", "", "[", "", "]", "").Replace(w)
	if w == "" || strings.ContainsAny(w, "?$:@=*'") {
		return ""
	}
	return w
}

func keyword(w string) string {
	for i := 0; i < len(w); i++ {
		if c := w[i]; (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') {
			return ""
		}
	}
	return strings.ToUpper(w)
}
