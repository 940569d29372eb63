package httpapi

import (
	"fmt"
	"net/http"

	"example.com/orders/internal/order"
)

// page is a part of a listing; NextCursor asks for the part after it.
type page struct {
	Orders     []order.Order `json:"orders"`
	NextCursor int64         `json:"next_cursor,omitempty"`
}

func (a *api) list(w http.ResponseWriter, r *http.Request) {
	filter, err := parseFilter(r.URL.Query())
	if err != nil {
		a.fail(w, r, err)
		return
	}
	orders, next, err := a.orders.List(r.Context(), filter)
	if err != nil {
		a.fail(w, r, err)
		return
	}
	a.writeJSON(w, r, http.StatusOK, page{Orders: orders, NextCursor: next})
}

func (a *api) create(w http.ResponseWriter, r *http.Request) {
	var draft order.Draft
	if err := decode(r, &draft); err != nil {
		a.fail(w, r, err)
		return
	}
	if err := draft.Validate(); err != nil {
		a.fail(w, r, err)
		return
	}
	created, err := a.orders.Create(r.Context(), draft)
	if err != nil {
		a.fail(w, r, err)
		return
	}
	a.log.InfoContext(r.Context(), "order created", "order_id", created.ID,
		"items", len(created.Items), "total_cents", created.TotalCents, "currency", created.Currency)
	w.Header().Set("Location", fmt.Sprintf("/orders/%d", created.ID))
	a.writeJSON(w, r, http.StatusCreated, created)
}

func (a *api) get(w http.ResponseWriter, r *http.Request) {
	id, err := pathID(r)
	if err != nil {
		a.fail(w, r, err)
		return
	}
	a.show(w, r, id)
}

func (a *api) replaceItems(w http.ResponseWriter, r *http.Request) {
	id, err := pathID(r)
	if err != nil {
		a.fail(w, r, err)
		return
	}
	var body struct {
		Items []order.Item `json:"items"`
	}
	if err := decode(r, &body); err != nil {
		a.fail(w, r, err)
		return
	}
	if err := order.ValidateItems(body.Items); err != nil {
		a.fail(w, r, err)
		return
	}
	if err := a.orders.ReplaceItems(r.Context(), id, body.Items); err != nil {
		a.fail(w, r, err)
		return
	}
	a.log.InfoContext(r.Context(), "order items replaced", "order_id", id, "items", len(body.Items))
	a.show(w, r, id)
}

func (a *api) ship(w http.ResponseWriter, r *http.Request) { a.move(w, r, order.Shipped) }

func (a *api) cancel(w http.ResponseWriter, r *http.Request) { a.move(w, r, order.Cancelled) }

// move takes a pending order to a final status.
func (a *api) move(w http.ResponseWriter, r *http.Request, to order.Status) {
	id, err := pathID(r)
	if err != nil {
		a.fail(w, r, err)
		return
	}
	if err := a.orders.Move(r.Context(), id, order.Pending, to); err != nil {
		a.fail(w, r, err)
		return
	}
	a.log.InfoContext(r.Context(), "order moved", "order_id", id, "status", to.String())
	a.show(w, r, id)
}

func (a *api) delete(w http.ResponseWriter, r *http.Request) {
	id, err := pathID(r)
	if err != nil {
		a.fail(w, r, err)
		return
	}
	if err := a.orders.Delete(r.Context(), id); err != nil {
		a.fail(w, r, err)
		return
	}
	a.log.InfoContext(r.Context(), "order deleted", "order_id", id)
	w.WriteHeader(http.StatusNoContent)
}

func (a *api) show(w http.ResponseWriter, r *http.Request, id int64) {
	found, err := a.orders.Get(r.Context(), id)
	if err != nil {
		a.fail(w, r, err)
		return
	}
	a.writeJSON(w, r, http.StatusOK, found)
}
