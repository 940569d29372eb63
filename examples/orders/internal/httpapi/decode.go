package httpapi

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"example.com/orders/internal/order"
	"example.com/orders/internal/store"
)

const (
	defaultPageSize = 20
	maxPageSize     = 100
)

// decode reads one JSON value, without unknown fields, as the whole body.
func decode(r *http.Request, into any) error {
	mediaType, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || mediaType != "application/json" {
		return &requestError{http.StatusUnsupportedMediaType, "Content-Type must be application/json"}
	}
	decoder := json.NewDecoder(r.Body)
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		return bodyError(err)
	}
	switch _, err := decoder.Token(); {
	case errors.Is(err, io.EOF):
		return nil
	case isTooLarge(err):
		return bodyError(err)
	default:
		return &requestError{http.StatusBadRequest, "the body holds more than one JSON value"}
	}
}

func bodyError(err error) error {
	if isTooLarge(err) {
		return &requestError{http.StatusRequestEntityTooLarge, fmt.Sprintf("the body is over %d bytes", maxBodyBytes)}
	}
	if mistyped, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return &requestError{http.StatusBadRequest, fmt.Sprintf("field %q cannot be a JSON %s", mistyped.Field, mistyped.Value)}
	}
	if errors.Is(err, io.EOF) {
		return &requestError{http.StatusBadRequest, "the body is empty"}
	}
	return &requestError{http.StatusBadRequest, "the body is not the expected JSON: " + strings.TrimPrefix(err.Error(), "json: ")}
}

func isTooLarge(err error) bool {
	_, ok := errors.AsType[*http.MaxBytesError](err)
	return ok
}

func pathID(r *http.Request) (int64, error) {
	id, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
	if err != nil || id < 1 {
		return 0, &requestError{http.StatusBadRequest, "the order id must be a positive integer"}
	}
	return id, nil
}

// parseFilter reads ?status=, ?limit= and ?cursor= (a page's next_cursor).
func parseFilter(query url.Values) (store.Filter, error) {
	filter := store.Filter{Limit: defaultPageSize}
	if text := query.Get("status"); text != "" {
		status, err := order.ParseStatus(text)
		if err != nil {
			return store.Filter{}, &requestError{http.StatusBadRequest, err.Error()}
		}
		filter.Status = &status
	}
	if text := query.Get("limit"); text != "" {
		limit, err := strconv.Atoi(text)
		if err != nil || limit < 1 || limit > maxPageSize {
			return store.Filter{}, &requestError{http.StatusBadRequest, fmt.Sprintf("limit must be 1 to %d", maxPageSize)}
		}
		filter.Limit = limit
	}
	if text := query.Get("cursor"); text != "" {
		before, err := strconv.ParseInt(text, 10, 64)
		if err != nil || before < 1 {
			return store.Filter{}, &requestError{http.StatusBadRequest, "cursor must be the next_cursor of a page"}
		}
		filter.Before = before
	}
	return filter, nil
}
