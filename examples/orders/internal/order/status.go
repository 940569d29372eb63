package order

import "fmt"

//go:generate go tool stringer -type=Status -linecomment

// Status is where an order is in its life. The text after each constant is
// what clients and the database see; go generate turns it into String.
type Status uint8

const (
	Pending   Status = iota // pending
	Shipped                 // shipped
	Cancelled               // cancelled
)

// ParseStatus returns the status with that text.
func ParseStatus(text string) (Status, error) {
	for s := Pending; s <= Cancelled; s++ {
		if s.String() == text {
			return s, nil
		}
	}
	return 0, fmt.Errorf("unknown status %q: want %s, %s or %s", text, Pending, Shipped, Cancelled)
}

// MarshalText writes the status as its text (JSON uses it).
func (s Status) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText accepts what MarshalText writes.
func (s *Status) UnmarshalText(text []byte) error {
	parsed, err := ParseStatus(string(text))
	if err != nil {
		return err
	}
	*s = parsed
	return nil
}
