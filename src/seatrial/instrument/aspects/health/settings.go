package health

import (
	"net/url"
	"sort"
	"strings"
	"sync"
	"time"
)

// settings is set by the linker (-X seatrial.dev/weave/health.settings=…), in
// the form of a URL's query:
//
//	flag           "service": the service has the flag itself, and this package does nothing at all
//	timeout        how long a check may take, such as 4s
//	http           a path to GET on the service's own listener; repeated
//	informational  the name of a check that is told and does not count; repeated
//	listener       "optional": the service is healthy without one
//	check.NAME     tcp://host:port, http://… or https://…; $VAR and ${VAR} stand for the environment
var settings string

const (
	// defaultTimeout leaves a second of the image's five for the probe to say why.
	defaultTimeout = 4 * time.Second
	longestTimeout = 5 * time.Minute
)

// config is what settings say; problems, what is wrong with them.
type config struct {
	timeout          time.Duration
	paths            []string
	lines            []*line // one for each path
	informational    []string
	listenerOptional bool
	named            []named
	problems         []string
}

// named is a check of the settings; value is not expanded yet.
type named struct {
	name, value string
	line        *line
}

// isServicesOwn does not parse: a hook asks it, maybe before net/url is ready.
func isServicesOwn() bool {
	return strings.Contains("&"+settings+"&", "&flag=service&")
}

var configured struct {
	once sync.Once
	config
}

// current returns the settings of this program, parsed once.
func current() *config {
	configured.once.Do(func() { configured.config = parseSettings(settings) })
	return &configured.config
}

// parseSettings never fails: what it does not understand becomes a problem,
// which the health check tells, and the service runs.
func parseSettings(text string) config {
	c := config{timeout: defaultTimeout}
	values, err := url.ParseQuery(text)
	if err != nil {
		c.problems = append(c.problems, "the settings are not a URL query")
	}
	keys := make([]string, 0, len(values))
	for key := range values {
		keys = append(keys, key)
	}
	sort.Strings(keys)
	for _, key := range keys {
		if problem := c.set(key, values[key]); problem != "" {
			c.problems = append(c.problems, problem)
		}
	}
	return c
}

// set takes one setting and returns what is wrong with it, or "".
func (c *config) set(key string, values []string) (problem string) {
	value := values[len(values)-1]
	switch {
	case key == "flag":
		if value != "woven" && value != "service" {
			return "flag: woven or service"
		}
	case key == "timeout":
		limit, err := time.ParseDuration(value)
		if err != nil || limit <= 0 || limit > longestTimeout {
			return "timeout: a duration such as 4s, at most 5m"
		}
		c.timeout = limit
	case key == "http":
		for _, path := range values {
			if !strings.HasPrefix(path, "/") {
				return "http: a path begins with /"
			}
		}
		c.paths = values
		for range values {
			c.lines = append(c.lines, &line{})
		}
	case key == "informational":
		c.informational = values
	case key == "listener":
		if value != "required" && value != "optional" {
			return "listener: required or optional"
		}
		c.listenerOptional = value == "optional"
	case strings.HasPrefix(key, "check.") && key != "check.":
		c.named = append(c.named, named{strings.TrimPrefix(key, "check."), value, &line{}})
	default:
		return key + ": no such setting"
	}
	return ""
}

func (c *config) isInformational(name string) bool {
	for _, listed := range c.informational {
		if listed == name {
			return true
		}
	}
	return false
}
