// Package order holds what an order is and which orders are acceptable. It
// knows neither HTTP nor SQL.
package order

import (
	"errors"
	"fmt"
	"time"
)

// Order is a stored order. Items is empty in listings.
type Order struct {
	ID         int64     `json:"id"`
	Reference  string    `json:"reference"`
	Customer   string    `json:"customer"`
	Currency   string    `json:"currency"`
	Status     Status    `json:"status"`
	TotalCents int64     `json:"total_cents"`
	CreatedAt  time.Time `json:"created_at"`
	UpdatedAt  time.Time `json:"updated_at"`
	Items      []Item    `json:"items,omitempty"`
}

// Item is one line of an order.
type Item struct {
	SKU            string `json:"sku"`
	Quantity       int64  `json:"quantity"`
	UnitPriceCents int64  `json:"unit_price_cents"`
}

// Draft is an order as a client asks for it. Reference is the client's own
// name for the order; it is unique, so a repeated request creates nothing.
type Draft struct {
	Reference string `json:"reference"`
	Customer  string `json:"customer"`
	Currency  string `json:"currency"`
	Items     []Item `json:"items"`
}

// TotalCents adds up the lines. The limits in validate.go keep it far from
// overflow.
func TotalCents(items []Item) int64 {
	var total int64
	for _, item := range items {
		total += item.Quantity * item.UnitPriceCents
	}
	return total
}

// ErrNotFound says that no order has the asked identifier.
var ErrNotFound = errors.New("no such order")

// DuplicateError says that the reference is taken.
type DuplicateError struct{ Reference string }

func (e *DuplicateError) Error() string {
	return fmt.Sprintf("an order with reference %q exists already", e.Reference)
}

// StateError says that an order's status does not allow the change.
type StateError struct{ Is, Want Status }

func (e *StateError) Error() string {
	return fmt.Sprintf("the order is %s; only a %s order can be changed in this way", e.Is, e.Want)
}
