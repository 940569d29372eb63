package store_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"sync"
	"testing"
	"time"

	"example.com/orders/internal/order"
	"example.com/orders/internal/store"
	"example.com/orders/internal/storetest"
)

func draft(reference string) order.Draft {
	return order.Draft{Reference: reference, Customer: "Zoë Ltd", Currency: "EUR", Items: []order.Item{
		{SKU: "tea", Quantity: 2, UnitPriceCents: 450},
		{SKU: "cup", Quantity: 1, UnitPriceCents: 1200},
	}}
}

func create(t *testing.T, s *store.Store, reference string) order.Order {
	t.Helper()
	created, err := s.Create(t.Context(), draft(reference))
	if err != nil {
		t.Fatal(err)
	}
	return created
}

func get(t *testing.T, s *store.Store, id int64) order.Order {
	t.Helper()
	found, err := s.Get(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestCreatedOrderIsReadBack(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		created := create(t, s, "A-1")
		if created.TotalCents != 2100 || created.Status != order.Pending || time.Since(created.CreatedAt) > time.Minute {
			t.Errorf("created %+v", created)
		}
		if found := get(t, s, created.ID); !reflect.DeepEqual(found, created) {
			t.Errorf("got %+v, want %+v", found, created)
		}
	})
}

func TestTakenReferenceIsADuplicate(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		create(t, s, "A-1")
		_, err := s.Create(t.Context(), draft("A-1"))
		if duplicate, ok := errors.AsType[*order.DuplicateError](err); !ok || duplicate.Reference != "A-1" {
			t.Fatalf("got %v", err)
		}
	})
}

func TestOneOfManyConcurrentCreatesWins(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		const clients = 16
		errs := make([]error, clients)
		var wg sync.WaitGroup
		for i := range clients {
			wg.Go(func() { _, errs[i] = s.Create(t.Context(), draft("A-1")) })
		}
		wg.Wait()
		won := 0
		for _, err := range errs {
			if err == nil {
				won++
			} else if _, ok := errors.AsType[*order.DuplicateError](err); !ok {
				t.Error(err)
			}
		}
		if won != 1 {
			t.Errorf("%d creates succeeded", won)
		}
	})
}

func TestFailedCreateLeavesNothing(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		bad := draft("A-1")
		bad.Items[1].Quantity = 0 // refused by the table, after the order and the first item
		if _, err := s.Create(t.Context(), bad); err == nil {
			t.Fatal("accepted")
		}
		orders, _, err := s.List(t.Context(), store.Filter{Limit: 10})
		if err != nil || len(orders) != 0 {
			t.Fatalf("got %v, %v", orders, err)
		}
		create(t, s, "A-1")
	})
}

func TestUnknownOrderIsNotFound(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		_, getErr := s.Get(t.Context(), 404)
		for name, err := range map[string]error{
			"get":     getErr,
			"replace": s.ReplaceItems(t.Context(), 404, draft("").Items),
			"move":    s.Move(t.Context(), 404, order.Pending, order.Shipped),
			"delete":  s.Delete(t.Context(), 404),
		} {
			if !errors.Is(err, order.ErrNotFound) {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

func TestReplacedItemsChangeTheTotal(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		created := create(t, s, "A-1")
		items := []order.Item{{SKU: "pot", Quantity: 3, UnitPriceCents: 100}}
		if err := s.ReplaceItems(t.Context(), created.ID, items); err != nil {
			t.Fatal(err)
		}
		found := get(t, s, created.ID)
		if !reflect.DeepEqual(found.Items, items) || found.TotalCents != 300 || found.UpdatedAt.Before(created.UpdatedAt) {
			t.Errorf("got %+v", found)
		}
	})
}

func TestOnlyAPendingOrderCanBeChanged(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		id := create(t, s, "A-1").ID
		if err := s.Move(t.Context(), id, order.Pending, order.Shipped); err != nil {
			t.Fatal(err)
		}
		for name, err := range map[string]error{
			"replace": s.ReplaceItems(t.Context(), id, draft("").Items),
			"cancel":  s.Move(t.Context(), id, order.Pending, order.Cancelled),
		} {
			state, ok := errors.AsType[*order.StateError](err)
			if !ok || state.Is != order.Shipped || state.Want != order.Pending {
				t.Errorf("%s: %v", name, err)
			}
		}
		if err := s.Move(t.Context(), id, order.Pending, order.Shipped); err != nil {
			t.Errorf("repeated move: %v", err)
		}
	})
}

func TestOnlyACancelledOrderCanBeDeleted(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		id := create(t, s, "A-1").ID
		if _, ok := errors.AsType[*order.StateError](s.Delete(t.Context(), id)); !ok {
			t.Error("deleted a pending order")
		}
		if err := s.Move(t.Context(), id, order.Pending, order.Cancelled); err != nil {
			t.Fatal(err)
		}
		if err := s.Delete(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Get(t.Context(), id); !errors.Is(err, order.ErrNotFound) {
			t.Errorf("got %v", err)
		}
	})
}

func TestPagesHoldEveryOrderOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		var want []int64
		for i := range 5 {
			want = append([]int64{create(t, s, fmt.Sprintf("A-%d", i)).ID}, want...)
		}
		var got []int64
		filter := store.Filter{Limit: 2}
		for pages := 1; ; pages++ {
			orders, next, err := s.List(t.Context(), filter)
			if err != nil {
				t.Fatal(err)
			}
			for _, o := range orders {
				if o.Items != nil {
					t.Errorf("order %d has items", o.ID)
				}
				got = append(got, o.ID)
			}
			if filter.Before = next; next == 0 {
				if pages != 3 {
					t.Errorf("%d pages", pages)
				}
				break
			}
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
	})
}

func TestListFiltersByStatus(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		create(t, s, "A-1")
		id := create(t, s, "A-2").ID
		if err := s.Move(t.Context(), id, order.Pending, order.Cancelled); err != nil {
			t.Fatal(err)
		}
		status := order.Cancelled
		orders, next, err := s.List(t.Context(), store.Filter{Status: &status, Limit: 10})
		if err != nil || next != 0 || len(orders) != 1 || orders[0].ID != id {
			t.Fatalf("got %v, %d, %v", orders, next, err)
		}
	})
}

func TestEndedContextStopsEveryCall(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		id := create(t, s, "A-1").ID
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, createErr := s.Create(ctx, draft("A-2"))
		_, getErr := s.Get(ctx, id)
		_, _, listErr := s.List(ctx, store.Filter{Limit: 1})
		for name, err := range map[string]error{
			"create": createErr, "get": getErr, "list": listErr,
			"replace": s.ReplaceItems(ctx, id, draft("").Items),
			"move":    s.Move(ctx, id, order.Pending, order.Shipped),
			"delete":  s.Delete(ctx, id),
		} {
			if !errors.Is(err, context.Canceled) {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}
