package httpapi

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"example.com/orders/internal/buildinfo"
	"example.com/orders/internal/health"
	"example.com/orders/internal/order"
	"example.com/orders/internal/store"
	"example.com/orders/internal/storetest"
)

const acceptable = `{"reference": "A-1", "customer": "Zoë", "currency": "EUR",
	"items": [{"sku": "tea", "quantity": 2, "unit_price_cents": 450}, {"sku": "cup", "quantity": 1, "unit_price_cents": 1200}]}`

func handlerOn(s *store.Store) http.Handler {
	log := slog.New(slog.DiscardHandler)
	return New(log, s, health.New(log, s.Check), buildinfo.Info{Version: "v1.2.3", Go: "go1"})
}

// call sends a JSON request and decodes the answer into the wanted type.
func call[T any](t *testing.T, h http.Handler, method, target, body string, wantStatus int) (answer T) {
	t.Helper()
	response := send(t, h, method, target, body)
	if response.Code != wantStatus {
		t.Fatalf("%s %s: got %d, want %d: %s", method, target, response.Code, wantStatus, response.Body)
	}
	wantType := "application/json"
	if wantStatus >= 400 {
		wantType = "application/problem+json"
	}
	if got := response.Header().Get("Content-Type"); got != wantType {
		t.Errorf("%s %s: Content-Type %q, want %q", method, target, got, wantType)
	}
	if err := json.Unmarshal(response.Body.Bytes(), &answer); err != nil {
		t.Fatal(err)
	}
	return answer
}

func send(t *testing.T, h http.Handler, method, target, body string) *httptest.ResponseRecorder {
	t.Helper()
	request := httptest.NewRequestWithContext(t.Context(), method, target, strings.NewReader(body))
	if body != "" {
		request.Header.Set("Content-Type", "application/json; charset=utf-8")
	}
	recorder := httptest.NewRecorder()
	h.ServeHTTP(recorder, request)
	return recorder
}

func TestOrderGoesThroughItsLife(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		h := handlerOn(s)
		response := send(t, h, "POST", "/orders", acceptable)
		if response.Code != http.StatusCreated {
			t.Fatalf("create: %d %s", response.Code, response.Body)
		}
		path := response.Header().Get("Location")
		found := call[order.Order](t, h, "GET", path, "", 200)
		if found.TotalCents != 2100 || len(found.Items) != 2 || path != fmt.Sprintf("/orders/%d", found.ID) {
			t.Fatalf("got %+v at %s", found, path)
		}
		replaced := call[order.Order](t, h, "PUT", path+"/items", `{"items": [{"sku": "pot", "quantity": 1, "unit_price_cents": 5}]}`, 200)
		if replaced.TotalCents != 5 || len(replaced.Items) != 1 {
			t.Fatalf("got %+v", replaced)
		}
		for range 2 { // a client may repeat it
			if moved := call[order.Order](t, h, "POST", path+"/cancel", "", 200); moved.Status != order.Cancelled {
				t.Fatalf("got %+v", moved)
			}
		}
		call[problem](t, h, "POST", path+"/ship", "", 409)
		if response := send(t, h, "DELETE", path, ""); response.Code != 204 || response.Body.Len() != 0 {
			t.Fatalf("delete: %d %s", response.Code, response.Body)
		}
		call[problem](t, h, "GET", path, "", 404)
	})
}

func TestTakenReferenceIsAConflict(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		h := handlerOn(s)
		call[order.Order](t, h, "POST", "/orders", acceptable, 201)
		got := call[problem](t, h, "POST", "/orders", acceptable, 409)
		if want := `an order with reference "A-1" exists already`; got.Detail != want || got.Title != "Conflict" {
			t.Errorf("got %+v", got)
		}
	})
}

func TestShippedOrderStays(t *testing.T) {
	h := handlerOn(storetest.SQLite(t))
	created := call[order.Order](t, h, "POST", "/orders", acceptable, 201)
	path := fmt.Sprintf("/orders/%d", created.ID)
	call[order.Order](t, h, "POST", path+"/ship", "", 200)
	call[problem](t, h, "POST", path+"/cancel", "", 409)
	call[problem](t, h, "DELETE", path, "", 409)
	call[problem](t, h, "PUT", path+"/items", `{"items": [{"sku": "pot", "quantity": 1, "unit_price_cents": 5}]}`, 409)
}

func TestPagesFollowTheirCursor(t *testing.T) {
	h := handlerOn(storetest.SQLite(t))
	for i := range 3 {
		call[order.Order](t, h, "POST", "/orders", strings.Replace(acceptable, "A-1", fmt.Sprintf("A-%d", i), 1), 201)
	}
	first := call[page](t, h, "GET", "/orders?limit=2&status=pending", "", 200)
	if len(first.Orders) != 2 || first.Orders[0].Reference != "A-2" || first.NextCursor == 0 {
		t.Fatalf("got %+v", first)
	}
	second := call[page](t, h, "GET", fmt.Sprintf("/orders?limit=2&cursor=%d", first.NextCursor), "", 200)
	if len(second.Orders) != 1 || second.Orders[0].Reference != "A-0" || second.NextCursor != 0 {
		t.Fatalf("got %+v", second)
	}
	if got := send(t, h, "GET", "/orders?status=shipped", "").Body.String(); got != `{"orders":[]}`+"\n" {
		t.Errorf("empty page: %s", got)
	}
}

func TestBadRequestsAreRefused(t *testing.T) {
	h := handlerOn(storetest.SQLite(t))
	for _, target := range []string{
		"GET /orders?limit=0", "GET /orders?limit=101", "GET /orders?limit=x", "GET /orders?cursor=0", "GET /orders?status=lost",
		"GET /orders/x", "GET /orders/0", "GET /orders/-1", "GET /orders/99999999999999999999",
		"DELETE /orders/x", "PUT /orders/x/items", "POST /orders/x/ship",
	} {
		method, path, _ := strings.Cut(target, " ")
		if got := call[problem](t, h, method, path, "", 400); got.Detail == "" {
			t.Errorf("%s: no detail", target)
		}
	}
}

func TestInvalidBodiesAreExplained(t *testing.T) {
	h := handlerOn(storetest.SQLite(t))
	files, err := filepath.Glob("testdata/invalid/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var test struct {
				Body    string  `json:"body"`
				Problem problem `json:"problem"`
			}
			if err := json.Unmarshal(text, &test); err != nil {
				t.Fatal(err)
			}
			request := httptest.NewRequestWithContext(t.Context(), "POST", "/orders", strings.NewReader(test.Body))
			request.Header.Set("Content-Type", "application/json")
			recorder := httptest.NewRecorder()
			h.ServeHTTP(recorder, request)
			var got problem
			if err := json.Unmarshal(recorder.Body.Bytes(), &got); err != nil {
				t.Fatal(err)
			}
			if recorder.Code != test.Problem.Status || !reflect.DeepEqual(got, test.Problem) {
				t.Errorf("got %d %s", recorder.Code, recorder.Body)
			}
		})
	}
}

func TestInvalidItemsAreExplained(t *testing.T) {
	h := handlerOn(storetest.SQLite(t))
	if got := call[problem](t, h, "PUT", "/orders/1/items", `{"items": []}`, 422); len(got.Errors) != 1 {
		t.Errorf("got %+v", got)
	}
	call[problem](t, h, "PUT", "/orders/1/items", `{"item": []}`, 400)
	call[problem](t, h, "PUT", "/orders/1/items", `{"items": [{"sku": "pot", "quantity": 1, "unit_price_cents": 5}]}`, 404)
}

func TestBodyOverTheLimitIsRefused(t *testing.T) {
	h := handlerOn(storetest.SQLite(t))
	padding := strings.Repeat(" ", maxBodyBytes)
	call[problem](t, h, "POST", "/orders", padding+acceptable, 413)
	call[problem](t, h, "POST", "/orders", acceptable+padding, 413)
}

func TestOtherMediaTypesAreRefused(t *testing.T) {
	h := handlerOn(storetest.SQLite(t))
	request := httptest.NewRequestWithContext(t.Context(), "POST", "/orders", strings.NewReader(acceptable))
	request.Header.Set("Content-Type", "text/plain")
	recorder := httptest.NewRecorder()
	h.ServeHTTP(recorder, request)
	if recorder.Code != 415 {
		t.Fatalf("got %d", recorder.Code)
	}
}

func TestUnroutedRequestsAreProblems(t *testing.T) {
	h := handlerOn(storetest.SQLite(t))
	call[problem](t, h, "GET", "/nowhere", "", 404)
	response := send(t, h, "PATCH", "/orders/1", "")
	if response.Code != 405 || response.Header().Get("Allow") != "DELETE, GET, HEAD" {
		t.Errorf("got %d, Allow %q", response.Code, response.Header().Get("Allow"))
	}
}

func TestVersionAndHealth(t *testing.T) {
	h := handlerOn(storetest.SQLite(t))
	if got := call[buildinfo.Info](t, h, "GET", "/version", "", 200); got.Version != "v1.2.3" {
		t.Errorf("got %+v", got)
	}
	if got := call[health.Report](t, h, "GET", "/healthz", "", 200); got.Status != health.Healthy {
		t.Errorf("got %+v", got)
	}
}

// recordingHandler keeps each record with the context it was logged with.
type recordingHandler struct {
	slog.Handler
	contexts *[]context.Context
}

func (h recordingHandler) Handle(ctx context.Context, record slog.Record) error {
	*h.contexts = append(*h.contexts, ctx)
	return h.Handler.Handle(ctx, record)
}

type contextKey struct{}

func TestEveryLineHasItsRequestsContextAndHealthHasNone(t *testing.T) {
	var contexts []context.Context
	var lines bytes.Buffer
	log := slog.New(recordingHandler{slog.NewJSONHandler(&lines, nil), &contexts})
	s := storetest.SQLite(t)
	h := New(log, s, health.New(log, s.Check), buildinfo.Info{})
	for _, path := range []string{"/orders", "/healthz", "/orders/1", "/nowhere"} {
		method, body := "GET", ""
		if path == "/orders" {
			method, body = "POST", acceptable
		}
		request := httptest.NewRequestWithContext(context.WithValue(t.Context(), contextKey{}, path), method, path, strings.NewReader(body))
		request.Header.Set("Content-Type", "application/json")
		h.ServeHTTP(httptest.NewRecorder(), request)
	}
	var from []any
	for _, ctx := range contexts {
		from = append(from, ctx.Value(contextKey{}))
	}
	if want := []any{"/orders", "/orders", "/orders/1", "/nowhere"}; !reflect.DeepEqual(from, want) {
		t.Fatalf("got %v, want %v:\n%s", from, want, &lines)
	}
	if !strings.Contains(lines.String(), `"route":"GET /orders/{id}"`) {
		t.Errorf("no route in\n%s", &lines)
	}
}

// failing is a store whose every call ends with err, or with a panic.
type failing struct {
	Orders
	err error
}

func (f failing) Get(context.Context, int64) (order.Order, error) {
	if f.err == nil {
		panic("boom")
	}
	return order.Order{}, f.err
}

func (f failing) List(context.Context, store.Filter) ([]order.Order, int64, error) {
	return nil, 0, f.err
}

func TestOurFaultsAreLoggedAndNotExplained(t *testing.T) {
	for name, test := range map[string]struct {
		err    error
		status int
	}{
		"unknown error": {errors.New("host db-7 said no"), 500},
		"deadline":      {fmt.Errorf("db-7: %w", context.DeadlineExceeded), 503},
		"panic":         {nil, 500},
	} {
		t.Run(name, func(t *testing.T) {
			var lines bytes.Buffer
			log := slog.New(slog.NewJSONHandler(&lines, nil))
			h := New(log, failing{err: test.err}, http.NotFoundHandler(), buildinfo.Info{})
			response := send(t, h, "GET", "/orders/1", "")
			if response.Code != test.status || strings.Contains(response.Body.String(), "db-7") {
				t.Errorf("got %d %s", response.Code, response.Body)
			}
			if (test.status == 503) != (response.Header().Get("Retry-After") != "") {
				t.Errorf("Retry-After %q", response.Header().Get("Retry-After"))
			}
			if !strings.Contains(lines.String(), "db-7") && !strings.Contains(lines.String(), "boom") {
				t.Errorf("the cause is not in the log: %s", &lines)
			}
		})
	}
}

func TestAbortedHandlerStaysAborted(t *testing.T) {
	a := &api{log: slog.New(slog.DiscardHandler)}
	h := a.recoverPanics(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }))
	defer func() {
		if recover() != http.ErrAbortHandler {
			t.Error("swallowed")
		}
	}()
	send(t, h, "GET", "/", "")
}

func TestClientThatLeftIsNotAServerError(t *testing.T) {
	var lines bytes.Buffer
	log := slog.New(slog.NewJSONHandler(&lines, nil))
	h := New(log, failing{err: context.Canceled}, http.NotFoundHandler(), buildinfo.Info{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(ctx, "GET", "/orders", nil))
	if got := lines.String(); !strings.Contains(got, `"status":499`) || strings.Contains(got, "ERROR") {
		t.Errorf("got %s", got)
	}
}

func TestConnectionIsReachableThroughTheRecorder(t *testing.T) {
	a := &api{log: slog.New(slog.DiscardHandler)}
	server := httptest.NewServer(a.logRequests(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusEarlyHints) // not the answer yet
		if err := http.NewResponseController(w).Flush(); err != nil {
			t.Error(err)
		}
	})))
	defer server.Close()
	response, err := http.Get(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	if _, err := io.Copy(io.Discard, response.Body); err != nil || response.StatusCode != 200 {
		t.Errorf("got %d, %v", response.StatusCode, err)
	}
}
