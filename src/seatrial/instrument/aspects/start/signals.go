package start

import (
	"os"
	"os/signal"
	"syscall"
	_ "unsafe" // for go:linkname
)

// receivers is woven into os/signal: how many channels, ours included, are
// registered for a signal, or were when it last came. A service may register
// late, and may stop as soon as it has the signal (signal.NotifyContext): it
// has handled it all the same, however late we come to ask.
//
//go:linkname receivers __seatrial_signal_receivers.V1
var receivers func(os.Signal) int64

// watchSignals makes SIGTERM and SIGINT flush the spans and otherwise mean
// exactly what they meant without us.
func watchSignals() {
	if receivers == nil {
		return // unwoven: we could not tell whether the service handles them
	}
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		// Registering for a signal un-ignores it (nohup ignores SIGINT).
		if signal.Ignored(sig) {
			continue
		}
		ch := make(chan os.Signal, 1)
		signal.Notify(ch, sig)
		go watch(ch, sig)
	}
}

func watch(ch chan os.Signal, sig syscall.Signal) {
	for range ch {
		if receivers(sig) > 1 {
			// The service shuts itself down, and may take long: send now what
			// is there. What it still does is flushed when main returns.
			go Exit()
			continue
		}
		Exit()
		if receivers(sig) > 1 {
			continue
		}
		// Without our channel the runtime is back to what it does by default:
		// dying of the signal, or, as process 1, exiting with status 2.
		signal.Stop(ch)
		_ = syscall.Kill(syscall.Getpid(), sig) // the runtime's handler is installed, so the signal reaches it
		return
	}
}
