package trace

import (
	"context"
	"testing"
)

func TestUnderAMutedSpanNothingIsTraced(t *testing.T) {
	Enable(Settings{Sampler: Sampler{Ratio: 1}})
	defer Disable()
	ctx := With(context.Background(), Muted())
	if s, ok := Current(ctx); ok || s != nil {
		t.Error("traced by its context")
	}
	if FromContext(ctx) != nil {
		t.Error("a muted span shows")
	}
	slot := any(nil)
	goroutineGet, goroutineSet = func() any { return slot }, func(v any) { slot = v }
	defer func() { goroutineGet, goroutineSet = nil, nil }()
	s := Muted()
	s.Enter()
	if _, ok := Current(context.Background()); ok {
		t.Error("traced without a context")
	}
	s.Leave()
	if _, ok := Current(context.Background()); !ok {
		t.Error("the next request of the goroutine is muted too")
	}
}

func TestOnlyTheTokenMarksAProbe(t *testing.T) {
	header := map[string][]string{}
	MarkProbe(header)() // tracing is off
	if len(header) != 0 {
		t.Error("marked although nothing would take the mark off")
	}
	Enable(Settings{})
	defer Disable()
	done := MarkProbe(header)
	if TakeProbe(map[string][]string{HeaderProbe: {""}}) || TakeProbe(map[string][]string{HeaderProbe: {"1"}}) || TakeProbe(nil) {
		t.Error("guessed")
	}
	token := header[HeaderProbe]
	if !TakeProbe(header) || len(header) != 0 {
		t.Error("not recognised, or still shown")
	}
	done()
	if TakeProbe(map[string][]string{HeaderProbe: token}) {
		t.Error("no probe is under way")
	}
}
