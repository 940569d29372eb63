package start

import (
	"os"
	"os/signal"
	"syscall"
	"testing"
	"time"

	"seatrial.dev/weave/stamp"
	"seatrial.dev/weave/trace"
)

// sink counts flushes.
type sink struct{ flushed chan struct{} }

func (s *sink) Enqueue(*trace.Span) {}
func (s *sink) Flush(time.Duration) { s.flushed <- struct{}{} }

func install(t *testing.T) *sink {
	t.Helper()
	s := &sink{make(chan struct{}, 8)}
	var f flusher = s
	active.Store(&f)
	t.Cleanup(func() { active.Store(nil) })
	return s
}

func TestHealthCheckIsKnownByItsFlag(t *testing.T) {
	for arg, want := range map[string]bool{
		"--health-check": true, "-health-check": true, "--health-check=true": true, "--healthcheck": true,
		"health-check": false, "--health-checks": false, "--": false,
	} {
		if got := isHealthCheck([]string{"server", "-x", arg}); got != want {
			t.Errorf("%s: %v", arg, got)
		}
	}
	if isHealthCheck([]string{"--health-check"}) || isHealthCheck(nil) {
		t.Error("the program's own name is no flag")
	}
}

func TestProbeStaysOff(t *testing.T) {
	old := os.Args
	os.Args = []string{"server", "serve", "--health-check"} // first, it is ours and ends here
	defer func() { os.Args = old }()
	Main("mark")
	if trace.On() || active.Load() != nil || stamp.Text() != "mark" {
		t.Error("a probe must be stamped and not traced")
	}
	Exit() // nothing to flush: must not panic
}

func TestDisabledStaysOff(t *testing.T) {
	t.Setenv("OTEL_SDK_DISABLED", "true")
	Main("")
	if trace.On() {
		t.Error("on")
	}
}

func TestServiceWithAHandlerOnlyGetsAFlush(t *testing.T) {
	s := install(t)
	receivers = func(os.Signal) int64 { return 2 }
	defer func() { receivers = nil }()
	own := make(chan os.Signal, 1)
	signal.Notify(own, syscall.SIGTERM)
	defer signal.Stop(own)
	ch := make(chan os.Signal, 1)
	go watch(ch, syscall.SIGTERM)
	ch <- syscall.SIGTERM
	select {
	case <-s.flushed:
	case <-time.After(5 * time.Second):
		t.Fatal("not flushed")
	}
	select {
	case <-own:
		t.Fatal("the signal was raised again")
	case <-time.After(50 * time.Millisecond):
	}
	close(ch)
}

func TestSignalIsRaisedAgainWhereNobodyHandlesIt(t *testing.T) {
	s := install(t)
	receivers = func(os.Signal) int64 { return 1 }
	defer func() { receivers = nil }()
	again := make(chan os.Signal, 1) // stands for the default action, which would end the test
	signal.Notify(again, syscall.SIGTERM)
	defer signal.Stop(again)
	ch := make(chan os.Signal, 1)
	go watch(ch, syscall.SIGTERM)
	ch <- syscall.SIGTERM
	select {
	case <-again:
	case <-time.After(5 * time.Second):
		t.Fatal("the signal was swallowed")
	}
	if len(s.flushed) != 1 {
		t.Error("raised before the flush")
	}
}
