package order

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
)

func acceptable() Draft {
	return Draft{Reference: "A-1", Customer: "Zoë Ltd", Currency: "EUR", Items: []Item{
		{SKU: "tea", Quantity: 2, UnitPriceCents: 450},
		{SKU: "cup", Quantity: 1, UnitPriceCents: 1200},
	}}
}

func TestAcceptableDraftIsValid(t *testing.T) {
	if err := acceptable().Validate(); err != nil {
		t.Fatal(err)
	}
}

func TestValidateNamesTheField(t *testing.T) {
	for name, test := range map[string]struct {
		spoil func(*Draft)
		field string
	}{
		"no reference":        {func(d *Draft) { d.Reference = "" }, "reference"},
		"reference with path": {func(d *Draft) { d.Reference = "../x" }, "reference"},
		"long reference":      {func(d *Draft) { d.Reference = strings.Repeat("a", 65) }, "reference"},
		"no customer":         {func(d *Draft) { d.Customer = "" }, "customer"},
		"padded customer":     {func(d *Draft) { d.Customer = "Zoë " }, "customer"},
		"customer with NUL":   {func(d *Draft) { d.Customer = "Z\x00" }, "customer"},
		"customer not UTF-8":  {func(d *Draft) { d.Customer = "Z\xff" }, "customer"},
		"long customer":       {func(d *Draft) { d.Customer = strings.Repeat("é", 201) }, "customer"},
		"lower-case currency": {func(d *Draft) { d.Currency = "eur" }, "currency"},
		"no items":            {func(d *Draft) { d.Items = nil }, "items"},
		"too many items":      {func(d *Draft) { d.Items = make([]Item, MaxItems+1) }, "items"},
		"no sku":              {func(d *Draft) { d.Items[1].SKU = "" }, "items[1].sku"},
		"repeated sku":        {func(d *Draft) { d.Items[1].SKU = "tea" }, "items[1].sku"},
		"zero quantity":       {func(d *Draft) { d.Items[0].Quantity = 0 }, "items[0].quantity"},
		"huge quantity":       {func(d *Draft) { d.Items[0].Quantity = MaxQuantity + 1 }, "items[0].quantity"},
		"negative price":      {func(d *Draft) { d.Items[0].UnitPriceCents = -1 }, "items[0].unit_price_cents"},
		"huge price":          {func(d *Draft) { d.Items[0].UnitPriceCents = MaxUnitPriceCents + 1 }, "items[0].unit_price_cents"},
	} {
		t.Run(name, func(t *testing.T) {
			draft := acceptable()
			test.spoil(&draft)
			invalid, ok := errors.AsType[*InvalidError](draft.Validate())
			if !ok || len(invalid.Fields) != 1 || invalid.Fields[0].Field != test.field {
				t.Fatalf("got %v, want one error in %s", invalid, test.field)
			}
			if !strings.HasPrefix(invalid.Error(), "invalid order: "+test.field+" ") {
				t.Errorf("message: %s", invalid)
			}
		})
	}
}

func TestEverythingWrongIsReportedAtOnce(t *testing.T) {
	invalid, ok := errors.AsType[*InvalidError](Draft{Items: []Item{{}}}.Validate())
	if !ok || len(invalid.Fields) != 5 {
		t.Fatalf("got %v", invalid)
	}
}

func TestLargestOrderDoesNotOverflow(t *testing.T) {
	items := make([]Item, MaxItems)
	for i := range items {
		items[i] = Item{Quantity: MaxQuantity, UnitPriceCents: MaxUnitPriceCents}
	}
	if got, want := TotalCents(items), int64(MaxItems)*MaxQuantity*MaxUnitPriceCents; got != want || got < 0 {
		t.Fatalf("got %d, want %d", got, want)
	}
}

func TestStatusSurvivesJSON(t *testing.T) {
	want := []Status{Pending, Shipped, Cancelled}
	text, err := json.Marshal(want)
	if err != nil || string(text) != `["pending","shipped","cancelled"]` {
		t.Fatalf("got %s, %v", text, err)
	}
	var got []Status
	if err := json.Unmarshal(text, &got); err != nil || !reflect.DeepEqual(got, want) {
		t.Fatalf("got %v, %v", got, err)
	}
}

func TestUnknownStatusIsRefused(t *testing.T) {
	var status Status
	if err := json.Unmarshal([]byte(`"lost"`), &status); err == nil {
		t.Fatal("accepted")
	}
	if got := Status(9).String(); got != "Status(9)" {
		t.Fatalf("got %s", got)
	}
}

func TestErrorsSayWhatToDo(t *testing.T) {
	for _, test := range []struct {
		err  error
		want string
	}{
		{&StateError{Is: Shipped, Want: Pending}, "the order is shipped; only a pending order can be changed in this way"},
		{&DuplicateError{Reference: "A-1"}, `an order with reference "A-1" exists already`},
	} {
		if test.err.Error() != test.want {
			t.Errorf("got %s", test.err)
		}
	}
}
