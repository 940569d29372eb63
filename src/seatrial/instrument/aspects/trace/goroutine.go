package trace

// The goroutine-local slot is a field that the gls aspect adds to the
// runtime's own goroutine record. It exists for calls that are given no
// context: db.Query, slog.Info, log.Printf. Unwoven, both accessors are nil
// and only contexts link spans.

import _ "unsafe" // for go:linkname

//go:linkname goroutineGet __seatrial_goroutine_get.V1
var goroutineGet func() any

//go:linkname goroutineSet __seatrial_goroutine_set.V1
var goroutineSet func(any)

func onGoroutine() *Span {
	if goroutineGet == nil {
		return nil
	}
	s, _ := goroutineGet().(*Span)
	if s == nil || s.Ended() {
		return nil
	}
	return s
}

// Enter makes s the goroutine's span until Leave, which must be called on the
// same goroutine.
func (s *Span) Enter() {
	if goroutineSet == nil {
		return
	}
	s.outer = onGoroutine()
	goroutineSet(s)
}

// Leave gives the goroutine back the span it had before Enter.
func (s *Span) Leave() {
	if goroutineSet == nil {
		return
	}
	if s.outer == nil {
		goroutineSet(nil)
		return
	}
	goroutineSet(s.outer)
	s.outer = nil
}
