package health

import (
	"context"
	"fmt"
	"sync"
	"time"

	"seatrial.dev/weave/trace"
)

// abandonAfter is when a question is given up, in timeouts of a probe. Later
// than the probe is: cutting a connection short makes the next probe open one
// more, and pgx goes on opening the one that was cut. Not never: a connection
// to a host that is gone would hide the one that took its place.
const abandonAfter = 3

// line is where the probes queue for one dependency: one question is under way
// at a time, however long it takes, and who comes meanwhile waits for its
// answer.
type line struct {
	mu   sync.Mutex
	last *question
}

// question is one check under way. err and took are to be read after done.
type question struct {
	began time.Time
	done  chan struct{}
	err   error
	took  time.Duration
}

// ask puts a question, or joins the one that has no answer yet.
func (l *line) ask(timeout time.Duration, check func(context.Context) error) *question {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.last != nil && !l.last.isAnswered() {
		return l.last
	}
	q := &question{began: time.Now(), done: make(chan struct{})}
	l.last = q
	ctx, cancel := context.WithTimeout(trace.Suppress(context.Background()), abandonAfter*timeout)
	go func() {
		defer cancel()
		q.run(ctx, check)
	}()
	return q
}

// run lets no panic of a driver end the service.
func (q *question) run(ctx context.Context, check func(context.Context) error) {
	defer func() {
		if r := recover(); r != nil {
			q.err = fmt.Errorf("panic: %v", r)
		}
		q.took = time.Since(q.began)
		close(q.done)
	}()
	q.err = check(ctx)
}

func (q *question) isAnswered() bool {
	select {
	case <-q.done:
		return true
	default:
		return false
	}
}

// wait returns whether there is an answer at the deadline.
func (q *question) wait(deadline time.Time) bool {
	if q.isAnswered() {
		return true
	}
	timer := time.NewTimer(time.Until(deadline))
	defer timer.Stop()
	select {
	case <-q.done:
		return true
	case <-timer.C:
		return q.isAnswered()
	}
}
