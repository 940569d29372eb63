package statement

import "strings"

const maxSummary = 255

// summarize reads sanitized text. It names the first table only: a summary is
// a span name, and must be one of few.
func summarize(text string) (operation, summary string) {
	words := strings.FieldsFunc(text, func(r rune) bool {
		return r == ' ' || r == ',' || r == ';' || r == ')'
	})
	if len(words) == 0 {
		return "", ""
	}
	first := keyword(words[0])
	if first == "" {
		return "", ""
	}
	start := 0
	if first == "WITH" {
		if i := mainVerb(text, words); i > 0 {
			start = i
			first = keyword(words[i])
		}
	}
	target := targetOf(first, words[start+1:])
	summary = first
	if target != "" {
		summary += " " + target
	}
	if len(summary) > maxSummary {
		summary = first
	}
	return first, summary
}

// mainVerb finds the statement a WITH clause serves: the first verb outside
// all parentheses.
func mainVerb(text string, words []string) int {
	depth, from := 0, 0
	for i, w := range words {
		at := strings.Index(text[from:], w)
		if at < 0 {
			return 0
		}
		depth += strings.Count(text[from:from+at], "(") - strings.Count(text[from:from+at], ")")
		from += at
		if depth == 0 && i > 0 {
			switch keyword(w) {
			case "SELECT", "INSERT", "UPDATE", "DELETE", "MERGE":
				return i
			}
		}
		depth += strings.Count(w, "(") - strings.Count(w, ")")
		from += len(w)
	}
	return 0
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
	for i := range len(w) {
		if c := w[i]; (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') {
			return ""
		}
	}
	return strings.ToUpper(w)
}
