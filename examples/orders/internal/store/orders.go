package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"

	"example.com/orders/internal/order"
)

// Create stores a draft and its items in one transaction. It returns
// *order.DuplicateError when the reference is taken.
func (s *Store) Create(ctx context.Context, draft order.Draft) (order.Order, error) {
	now := s.timestamp()
	created := order.Order{
		Reference: draft.Reference, Customer: draft.Customer, Currency: draft.Currency,
		Status: order.Pending, TotalCents: order.TotalCents(draft.Items),
		CreatedAt: now, UpdatedAt: now, Items: draft.Items,
	}
	err := s.inTx(ctx, func(tx *sql.Tx) error {
		err := tx.QueryRowContext(ctx, `
			INSERT INTO orders (reference, customer, currency, status, total_cents, created_at, updated_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7)
			ON CONFLICT (reference) DO NOTHING
			RETURNING id`,
			created.Reference, created.Customer, created.Currency, created.Status.String(),
			created.TotalCents, created.CreatedAt, created.UpdatedAt).Scan(&created.ID)
		if errors.Is(err, sql.ErrNoRows) {
			return &order.DuplicateError{Reference: draft.Reference}
		}
		if err != nil {
			return fmt.Errorf("insert order: %w", err)
		}
		return insertItems(ctx, tx, created.ID, draft.Items)
	})
	if err != nil {
		return order.Order{}, err
	}
	return created, nil
}

// ReplaceItems gives a pending order other items, and the total they add up to.
func (s *Store) ReplaceItems(ctx context.Context, id int64, items []order.Item) error {
	return s.inTx(ctx, func(tx *sql.Tx) error {
		// First, because it locks the order against a concurrent change.
		result, err := tx.ExecContext(ctx,
			"UPDATE orders SET total_cents = $1, updated_at = $2 WHERE id = $3 AND status = $4",
			order.TotalCents(items), s.timestamp(), id, order.Pending.String())
		if err != nil {
			return fmt.Errorf("update order: %w", err)
		}
		if err := requireChange(ctx, tx, result, id, order.Pending); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, "DELETE FROM order_items WHERE order_id = $1", id); err != nil {
			return fmt.Errorf("delete items: %w", err)
		}
		return insertItems(ctx, tx, id, items)
	})
}

// Move changes an order's status from one value to another. It returns
// *order.StateError when the order is in neither the first nor the last, and
// nil when it was moved already, so that a client may repeat the request.
func (s *Store) Move(ctx context.Context, id int64, from, to order.Status) error {
	return s.inTx(ctx, func(tx *sql.Tx) error {
		result, err := tx.ExecContext(ctx,
			"UPDATE orders SET status = $1, updated_at = $2 WHERE id = $3 AND status = $4",
			to.String(), s.timestamp(), id, from.String())
		if err != nil {
			return fmt.Errorf("update status: %w", err)
		}
		err = requireChange(ctx, tx, result, id, from)
		if state, ok := errors.AsType[*order.StateError](err); ok && state.Is == to {
			return nil
		}
		return err
	})
}

// Delete removes a cancelled order with its items.
func (s *Store) Delete(ctx context.Context, id int64) error {
	return s.inTx(ctx, func(tx *sql.Tx) error {
		result, err := tx.ExecContext(ctx, "DELETE FROM orders WHERE id = $1 AND status = $2", id, order.Cancelled.String())
		if err != nil {
			return fmt.Errorf("delete order: %w", err)
		}
		return requireChange(ctx, tx, result, id, order.Cancelled)
	})
}

// Get returns an order with its items: one statement, so that both are of the
// same moment.
func (s *Store) Get(ctx context.Context, id int64) (order.Order, error) {
	rows, err := s.db.QueryContext(ctx, `
		SELECT `+orderColumns+`, i.sku, i.quantity, i.unit_price_cents
		FROM orders o JOIN order_items i ON i.order_id = o.id
		WHERE o.id = $1 ORDER BY i.line`, id)
	if err != nil {
		return order.Order{}, fmt.Errorf("select order: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var found order.Order
	var items []order.Item
	for rows.Next() {
		var item order.Item
		if err := scanOrder(rows, &found, &item.SKU, &item.Quantity, &item.UnitPriceCents); err != nil {
			return order.Order{}, err
		}
		items = append(items, item)
	}
	if err := rows.Err(); err != nil {
		return order.Order{}, fmt.Errorf("select order: %w", err)
	}
	if len(items) == 0 { // an order has at least one
		return order.Order{}, order.ErrNotFound
	}
	found.Items = items
	return found, nil
}

// Filter chooses a page of orders, newest first.
type Filter struct {
	Status *order.Status // nil: any
	Before int64         // only orders with a smaller id; 0: from the newest
	Limit  int
}

// List returns up to filter.Limit orders without their items, and the Before
// of the next page, 0 after the last.
func (s *Store) List(ctx context.Context, filter Filter) ([]order.Order, int64, error) {
	before, status := filter.Before, ""
	if before == 0 {
		before = math.MaxInt64
	}
	if filter.Status != nil {
		status = filter.Status.String()
	}
	rows, err := s.db.QueryContext(ctx, `
		SELECT `+orderColumns+` FROM orders o
		WHERE o.id < $1 AND ($2 = '' OR o.status = $2)
		ORDER BY o.id DESC LIMIT $3`, before, status, filter.Limit+1)
	if err != nil {
		return nil, 0, fmt.Errorf("select orders: %w", err)
	}
	defer func() { _ = rows.Close() }()
	orders := make([]order.Order, 0, filter.Limit+1)
	for rows.Next() {
		var o order.Order
		if err := scanOrder(rows, &o); err != nil {
			return nil, 0, err
		}
		orders = append(orders, o)
	}
	if err := rows.Err(); err != nil {
		return nil, 0, fmt.Errorf("select orders: %w", err)
	}
	if len(orders) <= filter.Limit {
		return orders, 0, nil
	}
	orders = orders[:filter.Limit] // the extra one only showed that there is more
	return orders, orders[filter.Limit-1].ID, nil
}

const orderColumns = "o.id, o.reference, o.customer, o.currency, o.status, o.total_cents, o.created_at, o.updated_at"

func scanOrder(rows *sql.Rows, o *order.Order, more ...any) error {
	var status string
	into := append([]any{&o.ID, &o.Reference, &o.Customer, &o.Currency, &status, &o.TotalCents, &o.CreatedAt, &o.UpdatedAt}, more...)
	if err := rows.Scan(into...); err != nil {
		return fmt.Errorf("scan order: %w", err)
	}
	o.CreatedAt, o.UpdatedAt = o.CreatedAt.UTC(), o.UpdatedAt.UTC()
	return o.Status.UnmarshalText([]byte(status))
}

func insertItems(ctx context.Context, tx *sql.Tx, id int64, items []order.Item) error {
	for line, item := range items {
		if _, err := tx.ExecContext(ctx, `
			INSERT INTO order_items (order_id, line, sku, quantity, unit_price_cents)
			VALUES ($1, $2, $3, $4, $5)`, id, line, item.SKU, item.Quantity, item.UnitPriceCents); err != nil {
			return fmt.Errorf("insert item %d: %w", line, err)
		}
	}
	return nil
}

// requireChange explains a conditional statement that touched no row.
func requireChange(ctx context.Context, tx *sql.Tx, result sql.Result, id int64, want order.Status) error {
	changed, err := result.RowsAffected()
	if err != nil || changed > 0 {
		return err
	}
	var text string
	err = tx.QueryRowContext(ctx, "SELECT status FROM orders WHERE id = $1", id).Scan(&text)
	if errors.Is(err, sql.ErrNoRows) {
		return order.ErrNotFound
	}
	if err != nil {
		return fmt.Errorf("select status: %w", err)
	}
	is, err := order.ParseStatus(text)
	if err != nil {
		return err
	}
	return &order.StateError{Is: is, Want: want}
}
