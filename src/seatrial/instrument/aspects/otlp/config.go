package otlp

import (
	"net/url"
	"strconv"
	"strings"
	"time"

	"seatrial.dev/weave/trace"
)

// Config is what the OTEL_* variables ask for.
type Config struct {
	Disabled bool   // OTEL_SDK_DISABLED
	Exporter string // "otlp", "console" or "none"

	Endpoint    string // full URL of the traces endpoint
	Explicit    bool   // somebody set the endpoint; only then are failures worth a line
	Headers     map[string]string
	Timeout     time.Duration
	Gzip        bool
	CAFile      string
	CertFile    string
	KeyFile     string
	Unsupported string // why spans cannot be exported as asked, or ""

	QueueSize int           // spans held at most
	BatchSize int           // spans per request
	Delay     time.Duration // longest wait before a request

	Sampler               trace.Sampler
	TraceContext, Baggage bool
}

// ReadConfig reads the environment through getenv (OpenTelemetry
// specification: sdk-environment-variables, protocol/exporter). A value that
// cannot be read counts as unset, as the specification demands.
func ReadConfig(getenv func(string) string) Config {
	env := environment(getenv)
	c := Config{
		Disabled:  strings.EqualFold(env.get("OTEL_SDK_DISABLED"), "true"),
		Exporter:  exporterName(env.get("OTEL_TRACES_EXPORTER")),
		Headers:   parsePairs(env.signal("HEADERS")),
		Timeout:   env.millis(10*time.Second, "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "OTEL_EXPORTER_OTLP_TIMEOUT"),
		Gzip:      env.signal("COMPRESSION") == "gzip",
		CAFile:    env.signal("CERTIFICATE"),
		CertFile:  env.signal("CLIENT_CERTIFICATE"),
		KeyFile:   env.signal("CLIENT_KEY"),
		QueueSize: env.count("OTEL_BSP_MAX_QUEUE_SIZE", 2048),
		BatchSize: env.count("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", 512),
		Delay:     env.millis(5*time.Second, "OTEL_BSP_SCHEDULE_DELAY"),
	}
	c.BatchSize = least(c.BatchSize, c.QueueSize)
	c.Endpoint, c.Explicit = env.endpoint()
	if u, err := url.Parse(c.Endpoint); err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		c.Unsupported = "the OTLP endpoint is not an http:// or https:// URL"
	}
	// Collectors read protobuf wherever they read JSON, so only gRPC is out.
	if env.signal("PROTOCOL") == "grpc" {
		c.Unsupported = "OTLP over gRPC is not built in; use http/protobuf (port 4318 on most collectors)"
	}
	ratio, err := strconv.ParseFloat(env.get("OTEL_TRACES_SAMPLER_ARG"), 64)
	if err != nil {
		ratio = 1
	}
	c.Sampler = trace.ParseSampler(env.get("OTEL_TRACES_SAMPLER"), ratio)
	c.TraceContext, c.Baggage = propagators(env.get("OTEL_PROPAGATORS"))
	return c
}

type environment func(string) string

func (e environment) get(name string) string { return strings.TrimSpace(e(name)) }

// signal reads the variable for traces, else the one for all signals.
func (e environment) signal(suffix string) string {
	if v := e.get("OTEL_EXPORTER_OTLP_TRACES_" + suffix); v != "" {
		return v
	}
	return e.get("OTEL_EXPORTER_OTLP_" + suffix)
}

// endpoint appends v1/traces to the common endpoint, and nothing to the one
// for traces, as the specification has it.
func (e environment) endpoint() (address string, explicit bool) {
	if v := e.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"); v != "" {
		return v, true
	}
	if v := e.get("OTEL_EXPORTER_OTLP_ENDPOINT"); v != "" {
		return strings.TrimRight(v, "/") + "/v1/traces", true
	}
	return "http://localhost:4318/v1/traces", false
}

func (e environment) count(name string, fallback int) int {
	if n, err := strconv.Atoi(e.get(name)); err == nil && n > 0 {
		return n
	}
	return fallback
}

func (e environment) millis(fallback time.Duration, names ...string) time.Duration {
	for _, name := range names {
		if n, err := strconv.Atoi(e.get(name)); err == nil && n > 0 {
			return time.Duration(n) * time.Millisecond
		}
	}
	return fallback
}

func exporterName(v string) string {
	for _, name := range strings.Split(v, ",") {
		switch name = strings.TrimSpace(name); name {
		case "none", "console", "otlp":
			return name
		}
	}
	return "otlp"
}

func propagators(v string) (traceContext, baggage bool) {
	if v == "" {
		return true, true
	}
	for _, name := range strings.Split(v, ",") {
		switch strings.TrimSpace(name) {
		case "tracecontext":
			traceContext = true
		case "baggage":
			baggage = true
		}
	}
	return traceContext, baggage
}

// parsePairs reads "a=1,b=2" with percent-encoded values (W3C Baggage form).
func parsePairs(v string) map[string]string {
	pairs := map[string]string{}
	for _, item := range strings.Split(v, ",") {
		key, value, ok := strings.Cut(item, "=")
		key = strings.TrimSpace(key)
		if !ok || key == "" {
			continue
		}
		value = strings.TrimSpace(value)
		if plain, err := url.PathUnescape(value); err == nil {
			value = plain
		}
		pairs[key] = value
	}
	return pairs
}

// number is what least and most compare; the built-in min and max need a newer
// language version than this module may ask of a service (go.mod).
type number interface{ ~int | ~int64 }

func least[T number](a, b T) T {
	if a < b {
		return a
	}
	return b
}

func most[T number](a, b T) T {
	if a > b {
		return a
	}
	return b
}
