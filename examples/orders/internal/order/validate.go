package order

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Limits of an acceptable order.
const (
	MaxItems          = 100
	MaxQuantity       = 1_000
	MaxUnitPriceCents = 100_000_000
	MaxCustomerRunes  = 200
)

var (
	identifier = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)
	currency   = regexp.MustCompile(`^[A-Z]{3}$`)
)

const identifierRule = "must be 1 to 64 letters, digits, dots, dashes or underscores, a letter or digit first"

// FieldError is one thing wrong with a request. Field is a path into its JSON.
type FieldError struct {
	Field   string `json:"field"`
	Message string `json:"message"`
}

// InvalidError holds everything wrong with a request, in the order of its fields.
type InvalidError struct{ Fields []FieldError }

func (e *InvalidError) Error() string {
	parts := make([]string, len(e.Fields))
	for i, f := range e.Fields {
		parts[i] = f.Field + " " + f.Message
	}
	return "invalid order: " + strings.Join(parts, "; ")
}

func (e *InvalidError) add(field, format string, args ...any) {
	e.Fields = append(e.Fields, FieldError{Field: field, Message: fmt.Sprintf(format, args...)})
}

func (e *InvalidError) orNil() error {
	if len(e.Fields) == 0 {
		return nil
	}
	return e
}

// Validate returns nil or an *InvalidError.
func (d Draft) Validate() error {
	var invalid InvalidError
	if !identifier.MatchString(d.Reference) {
		invalid.add("reference", identifierRule)
	}
	if !isName(d.Customer) {
		invalid.add("customer", "must be 1 to %d printable characters, without space at either end", MaxCustomerRunes)
	}
	if !currency.MatchString(d.Currency) {
		invalid.add("currency", "must be a three-letter code such as EUR")
	}
	invalid.addItems(d.Items)
	return invalid.orNil()
}

// ValidateItems returns nil or an *InvalidError.
func ValidateItems(items []Item) error {
	var invalid InvalidError
	invalid.addItems(items)
	return invalid.orNil()
}

func (e *InvalidError) addItems(items []Item) {
	if len(items) == 0 || len(items) > MaxItems {
		e.add("items", "must hold 1 to %d items", MaxItems)
		return
	}
	first := make(map[string]int, len(items))
	for i, item := range items {
		at := fmt.Sprintf("items[%d].", i)
		if !identifier.MatchString(item.SKU) {
			e.add(at+"sku", identifierRule)
		} else if j, seen := first[item.SKU]; seen {
			e.add(at+"sku", "repeats items[%d].sku: add up the quantities", j)
		} else {
			first[item.SKU] = i
		}
		if item.Quantity < 1 || item.Quantity > MaxQuantity {
			e.add(at+"quantity", "must be 1 to %d", MaxQuantity)
		}
		if item.UnitPriceCents < 0 || item.UnitPriceCents > MaxUnitPriceCents {
			e.add(at+"unit_price_cents", "must be 0 to %d", MaxUnitPriceCents)
		}
	}
}

// isName also keeps NUL out, which PostgreSQL refuses to store.
func isName(s string) bool {
	return s != "" && s == strings.TrimSpace(s) && utf8.ValidString(s) &&
		utf8.RuneCountInString(s) <= MaxCustomerRunes &&
		strings.IndexFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) < 0
}
