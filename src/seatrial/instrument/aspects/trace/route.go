package trace

import "strings"

// SetRoute records the route template a router matched, and the path it saw.
//
// Routers nest, and each reports when its handler returns, so the innermost
// comes first and wins: it is the most specific. An outer router can only add
// what was cut off before the inner one looked (http.StripPrefix), which shows
// as the inner path being a proper suffix of the outer one.
func (s *Span) SetRoute(route, path string) {
	if route == "" {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return
	}
	if s.route == "" {
		s.route, s.path = route, path
		return
	}
	if cut, ok := strings.CutSuffix(path, s.path); ok && cut != "" {
		s.route, s.path = cut+s.route, path
	}
}

// Route returns the route template recorded so far, or "".
func (s *Span) Route() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.route
}
