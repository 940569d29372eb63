package otlp

import (
	"strings"
	"unicode/utf8"
)

// validUTF8 replaces invalid bytes: a protobuf string must be UTF-8, and one
// bad user agent would make a collector refuse the whole batch.
func validUTF8(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}
