package health

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// Status is the state of the service or of one check.
type Status string

// The states. A check may be Skipped; a service is one of the others.
const (
	Healthy   Status = "healthy"
	Unhealthy Status = "unhealthy"
	Starting  Status = "starting"
	Skipped   Status = "skipped"
)

// Check is the result of one.
type Check struct {
	Name          string  `json:"name"`
	Kind          string  `json:"kind"` // process, listener, database, http, tcp or settings
	Status        Status  `json:"status"`
	LatencyMS     float64 `json:"latency_ms"`
	Error         string  `json:"error,omitempty"`
	Informational bool    `json:"informational,omitempty"`
}

// Report is the answer to a probe.
type Report struct {
	Status Status  `json:"status"`
	Checks []Check `json:"checks"`
}

// judge makes a report of checks: what is informational is told and does not
// count.
func judge(checks []Check) Report {
	r := Report{Status: Healthy, Checks: checks}
	for _, c := range checks {
		switch {
		case c.Informational:
		case c.Status == Unhealthy:
			r.Status = Unhealthy
		case c.Status == Starting && r.Status == Healthy:
			r.Status = Starting
		}
	}
	return r
}

// dead is the report of a probe that found nobody to ask.
func dead(why string) Report {
	return Report{Unhealthy, []Check{{Name: "process", Kind: "process", Status: Unhealthy, Error: why}}}
}

func (r Report) json() []byte {
	text, err := json.Marshal(r)
	if err != nil {
		return []byte(`{"status":"unhealthy","checks":[]}`)
	}
	return text
}

// String says the status and why in one line: first what decided it.
func (r Report) String() string {
	var deciding, others []string
	for _, c := range r.Checks {
		switch {
		case c.Kind == "process" && len(r.Checks) > 1:
		case c.Status == r.Status && !c.Informational:
			deciding = append(deciding, c.String())
		case c.Status != Healthy || r.Status == Healthy:
			others = append(others, c.String())
		}
	}
	return string(r.Status) + ": " + strings.Join(append(deciding, others...), ", ")
}

func (c Check) String() string {
	words := c.Name
	switch {
	case c.Status == Skipped:
		words += " skipped (" + c.Error + ")"
	case c.Status != Healthy && (c.Kind == "process" || c.Name == "listener"):
		words = c.Error
	case c.Status != Healthy:
		words += ": " + c.Error
	case c.Kind != "process":
		words = fmt.Sprintf("%s %.1f ms", words, c.LatencyMS)
	}
	if c.Informational && c.Status != Skipped {
		words = "informational " + words
	}
	return words
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
