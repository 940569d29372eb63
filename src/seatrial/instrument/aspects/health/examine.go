package health

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// pending is a check that was begun.
type pending struct {
	check    Check
	question *question
	wait     time.Duration // 0: as long as the probe
	overdue  func(since time.Duration) string
}

// examine begins all checks at once, and waits for their answers no longer
// than the timeout.
func examine(c *config, isLive bool) Report {
	began := time.Now()
	found := &findings{config: c, began: began}
	found.add(Check{Name: "process", Kind: "process", Status: Healthy})
	if !isLive {
		found.databases()
		found.targets()
	}
	found.listeners()
	if !isLive {
		found.settings()
	}
	return judge(found.collect())
}

// findings gathers what is checked, in the order in which it is told.
type findings struct {
	*config
	began   time.Time
	pending []pending
}

func (f *findings) add(c Check) {
	c.Informational = f.isInformational(c.Name)
	f.pending = append(f.pending, pending{check: c})
}

func (f *findings) begin(name, kind string, wait time.Duration, l *line, check func(context.Context) error, overdue func(time.Duration) string) {
	f.add(Check{Name: name, Kind: kind})
	p := &f.pending[len(f.pending)-1]
	p.question, p.wait, p.overdue = l.ask(f.timeout, check), wait, overdue
}

func (f *findings) databases() {
	names, open := openStores()
	for i, s := range open {
		f.begin(names[i], s.kind, 0, s.line, s.check, s.overdue)
	}
}

func (f *findings) targets() {
	for _, n := range f.named {
		t, err := resolve(n.value)
		switch {
		case err != nil:
			f.add(Check{Name: n.name, Kind: "settings", Status: Unhealthy, Error: err.Error()})
		case t.missing != "":
			f.add(Check{Name: n.name, Kind: "settings", Status: Skipped, Error: t.missing + " is not set"})
		default:
			f.begin(n.name, t.kind, 0, n.line, t.check, nil)
		}
	}
	open, _ := openListeners()
	for i := range f.paths {
		path := f.paths[i]
		if len(open) == 0 {
			continue // "starting" already
		}
		f.begin(path, "http", 0, f.lines[i], func(ctx context.Context) error { return getOwn(ctx, path, open) }, nil)
	}
}

func (f *findings) listeners() {
	open, ever := openListeners()
	for _, l := range open {
		wait := f.timeout
		if !l.hasAccepted.Load() && wait > patience {
			wait = patience
		}
		f.begin(l.name(), "listener", wait, &l.line, l.check, nil)
	}
	if len(open) > 0 || f.listenerOptional {
		return
	}
	if ever {
		f.add(Check{Name: "listener", Kind: "listener", Status: Unhealthy, Error: "no listener is open any more"})
		return
	}
	unseen := listeningSockets()
	for _, address := range unseen {
		f.add(Check{Name: "listener " + address, Kind: "listener", Status: Healthy})
	}
	if len(unseen) == 0 {
		f.add(Check{Name: "listener", Kind: "listener", Status: Starting, Error: "no listener yet"})
	}
}

// settings tells what is wrong with them; a name that nothing has is only
// told, because the database may not be open yet.
func (f *findings) settings() {
	if len(f.problems) > 0 {
		f.add(Check{Name: "settings", Kind: "settings", Status: Unhealthy, Error: strings.Join(f.problems, "; ")})
	}
	known := map[string]bool{}
	for _, p := range f.pending {
		known[p.check.Name] = true
	}
	for _, name := range f.informational {
		if !known[name] {
			f.add(Check{Name: name, Kind: "settings", Status: Skipped, Error: "nothing of this name to be informational"})
		}
	}
}

// collect waits for the answers.
func (f *findings) collect() []Check {
	checks := make([]Check, 0, len(f.pending))
	isAccepting, isStarting := false, false
	for i := range f.pending {
		p := &f.pending[i]
		if p.question != nil {
			p.finish(f.began, f.timeout)
		}
		if p.check.Kind == "listener" {
			isAccepting = isAccepting || p.check.Status == Healthy
			isStarting = isStarting || p.check.Status == Starting
		}
		checks = append(checks, p.check)
	}
	for i := range checks {
		c := &checks[i]
		switch {
		case c.Kind == "listener" && c.Status == Starting && isAccepting:
			c.Status = Skipped // beside one that works, a listener that was never used is no fault
		case strings.HasPrefix(c.Name, "/") && c.Status == Unhealthy && isStarting && !isAccepting:
			c.Status = Starting
		}
	}
	return checks
}

// finish turns the answer, or that there is none, into the result.
func (p *pending) finish(began time.Time, timeout time.Duration) {
	wait := p.wait
	if wait == 0 {
		wait = timeout
	}
	answered := p.question.wait(began.Add(wait))
	switch {
	case answered && p.question.err == nil:
		p.check.Status, p.check.LatencyMS = Healthy, milliseconds(p.question.took)
		return
	case answered && !errors.Is(p.question.err, context.DeadlineExceeded) && !errors.Is(p.question.err, errNotAccepting):
		p.check.Status, p.check.LatencyMS = Unhealthy, milliseconds(p.question.took)
		p.check.Error = scrub(p.question.err.Error())
		return
	}
	since := time.Since(p.question.began)
	if answered {
		since = p.question.took
	}
	since = rounded(since)
	p.check.Status, p.check.LatencyMS = Unhealthy, milliseconds(since)
	switch {
	case p.check.Kind == "listener" && wait < timeout:
		p.check.Status, p.check.Error = Starting, "not accepting yet"
	case p.check.Kind == "listener":
		p.check.Error = fmt.Sprintf("accepts no connection within %s", since)
	case p.overdue != nil:
		p.check.Error = p.overdue(since)
	default:
		p.check.Error = fmt.Sprintf("no answer within %s", since)
	}
}

func rounded(d time.Duration) time.Duration {
	if d < time.Second {
		return d.Round(10 * time.Millisecond)
	}
	return d.Round(100 * time.Millisecond)
}
