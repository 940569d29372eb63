package otlp

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"sync"
	"time"

	"seatrial.dev/weave/trace"
)

const (
	// firstPause and longestPause bound how long a missing collector is left
	// alone: spans made meanwhile wait in the queue, and fall out of it.
	firstPause   = 5 * time.Second
	longestPause = time.Minute
)

// Exporter batches spans and sends them from one goroutine, which starts with
// the first span: a program that makes none pays nothing. It implements
// trace.Sink.
type Exporter struct {
	config   Config
	resource []trace.Attr
	send     func(context.Context, []byte) error
	stderr   io.Writer

	mu      sync.Mutex
	queue   []*trace.Span
	started bool
	busy    bool // a batch is on its way
	wake    chan struct{}
	flushes chan chan struct{}

	said  sync.Once
	pause time.Duration // worker only
	until time.Time     // worker only: no attempt before
}

// NewExporter returns an exporter for config; nothing is opened yet. stderr
// gets at most one line in the life of the process.
func NewExporter(config Config, resource []trace.Attr, stderr io.Writer) *Exporter {
	e := &Exporter{
		config: config, resource: resource, stderr: stderr,
		wake: make(chan struct{}, 1), flushes: make(chan chan struct{}),
	}
	c, err := newClient(config)
	switch {
	case config.Unsupported != "":
		e.send = nil
		e.say(config.Unsupported)
	case err != nil:
		e.send = nil
		e.say(err.Error())
	default:
		e.send = c.export
	}
	return e
}

// Enqueue implements trace.Sink. When the queue is full the span is dropped:
// the service must neither wait for nor grow with its telemetry.
func (e *Exporter) Enqueue(s *trace.Span) {
	if e.send == nil {
		return
	}
	e.mu.Lock()
	if len(e.queue) >= e.config.QueueSize {
		e.mu.Unlock()
		return
	}
	e.queue = append(e.queue, s)
	full := len(e.queue) == e.config.BatchSize
	start := !e.started
	e.started = true
	e.mu.Unlock()
	if start {
		go e.work()
	}
	if full {
		select {
		case e.wake <- struct{}{}:
		default:
		}
	}
}

// Flush sends what is queued and returns when it is sent or given up, at the
// latest after limit.
func (e *Exporter) Flush(limit time.Duration) {
	e.mu.Lock()
	idle := !e.started || len(e.queue) == 0 && !e.busy
	e.mu.Unlock()
	if idle {
		return
	}
	timer := time.NewTimer(limit)
	defer timer.Stop()
	done := make(chan struct{})
	select {
	case e.flushes <- done:
	case <-timer.C:
		return
	}
	select {
	case <-done:
	case <-timer.C:
	}
}

func (e *Exporter) work() {
	ctx := trace.Suppress(context.Background())
	ticker := time.NewTicker(e.config.Delay)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			e.drain(ctx, 1, false)
		case <-e.wake:
			e.drain(ctx, e.config.BatchSize, false)
		case done := <-e.flushes:
			e.drain(ctx, 1, true)
			close(done)
		}
	}
}

// drain sends what is queued now, in requests of at least fewest spans. What
// comes in meanwhile waits for a full batch, or under load each request would
// carry the few spans that came while the last one was on its way. Under a
// flush, which may be the last, a missing collector is tried once more.
func (e *Exporter) drain(ctx context.Context, fewest int, flush bool) {
	if !flush && time.Now().Before(e.until) {
		return
	}
	e.mu.Lock()
	left := len(e.queue)
	e.mu.Unlock()
	for {
		batch := e.take(fewest)
		if len(batch) == 0 {
			return
		}
		err := e.send(ctx, Encode(e.resource, batch))
		e.mu.Lock()
		e.busy = false
		e.mu.Unlock()
		if err == nil {
			e.pause, e.until = 0, time.Time{}
			if left -= len(batch); left <= 0 {
				fewest = e.config.BatchSize
			}
			continue
		}
		if e.config.Explicit {
			e.say(fmt.Sprintf("spans are not reaching %s: %v", redacted(e.config.Endpoint), err))
		}
		e.pause = least(most(2*e.pause, firstPause), longestPause)
		e.until = time.Now().Add(e.pause)
		return
	}
}

func (e *Exporter) take(fewest int) []*trace.Span {
	e.mu.Lock()
	defer e.mu.Unlock()
	n := least(len(e.queue), e.config.BatchSize)
	if n == 0 {
		e.queue = nil // lets go of the spans the slice still points to
	}
	if n < fewest || n == 0 {
		return nil
	}
	batch := e.queue[:n:n]
	e.queue = e.queue[n:]
	e.busy = true
	return batch
}

// say writes the one line. It names no header and no user data.
func (e *Exporter) say(what string) {
	e.said.Do(func() { fmt.Fprintf(e.stderr, "seatrial: tracing: %s (said once)\n", what) })
}

func redacted(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return "the OTLP endpoint"
	}
	return u.Redacted()
}
