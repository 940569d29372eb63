// Package start turns tracing on when main.main begins, and sees to it that
// spans leave the process before it ends, however it ends.
package start

import (
	"os"
	"strings"
	"sync/atomic"
	"time"

	"seatrial.dev/weave/health"
	"seatrial.dev/weave/otlp"
	"seatrial.dev/weave/stamp"
	"seatrial.dev/weave/trace"
)

// flushLimit bounds how much later than without us the process may end.
const flushLimit = 2 * time.Second

// flusher is a sink that holds spans back.
type flusher interface {
	trace.Sink
	Flush(limit time.Duration)
}

// active is nil while there is nothing to flush: os.Exit may be called before
// main.main, or in a program that is not traced.
var active atomic.Pointer[flusher]

// Main is woven in as the first statement of main.main; mark is the stamp. It
// does not return when the program was started to probe a running service.
func Main(mark string) {
	stamp.Set(mark)
	health.Main()
	if isHealthCheck(os.Args) {
		return
	}
	config := otlp.ReadConfig(os.Getenv)
	if config.Disabled {
		return
	}
	settings := trace.Settings{
		Sampler:      config.Sampler,
		TraceContext: config.TraceContext,
		Baggage:      config.Baggage,
	}
	var out flusher
	switch config.Exporter {
	case "console":
		out = otlp.NewConsole(os.Stdout)
	case "otlp":
		out = otlp.NewExporter(config, otlp.Resource(os.Getenv), os.Stderr)
	}
	if out != nil {
		settings.Sink = out
		active.Store(&out)
		watchSignals()
	}
	trace.Enable(settings)
}

// Exit is woven into os.Exit, and deferred in main.main: both ends of a
// program that ends of its own accord.
func Exit() {
	if out := active.Load(); out != nil {
		(*out).Flush(flushLimit)
	}
}

// isHealthCheck tells a probe of the service from the service, where the
// service itself answers to the flag. A probe runs every few seconds for a few
// milliseconds: its spans would be noise, and its exit code must not wait for
// a collector.
func isHealthCheck(args []string) bool {
	for i, arg := range args {
		if i == 0 {
			continue // the program's own name
		}
		name, _, _ := strings.Cut(strings.TrimLeft(arg, "-"), "=")
		if strings.HasPrefix(arg, "-") && (name == "health-check" || name == "healthcheck") {
			return true
		}
	}
	return false
}
