// Package health answers `--health-check` for a service that has no such flag:
// the woven program, started with it, asks the running process over a socket,
// prints one line of why, and exits 0 or 1.
//
// The running process checks what it really holds: each *sql.DB and pgx pool
// it opened and did not close, and each listener, all registered by hooks in
// database/sql, pgxpool and net. Nothing runs between two probes, and nothing
// lies on the path of a request.
//
// The hooks may be called before this package is initialised, by the
// initialiser of another one: every variable they touch is valid when zero.
package health

import (
	"fmt"
	"io"
	"os"
	"strings"
)

// The forms of a probe: what is asked of the running process.
const (
	formLine = ""     // everything, as one line
	formJSON = "json" // everything, as one JSON object
	formLive = "live" // the process and its listeners only
)

// Main is woven in before all other statements of main.main. It does not
// return when the program was started as a probe.
func Main() {
	if isServicesOwn() {
		return
	}
	if form, ok := probeForm(os.Args); ok {
		os.Exit(probe(form, os.Stdout))
	}
	serve()
}

// probeForm reports whether the arguments ask for a probe. Only the first one
// counts: behind a sub-command or another flag, the same word may be that
// command's argument.
func probeForm(args []string) (form string, ok bool) {
	if len(args) < 2 {
		return "", false
	}
	name, form, _ := strings.Cut(args[1], "=")
	return form, name == "--health-check" || name == "-health-check"
}

// probe asks the running process and returns the exit code.
func probe(form string, out io.Writer) int {
	var found Report
	switch form {
	case formLine, formJSON, formLive:
		found = ask(form)
	default:
		found = dead("--health-check=" + form + " is not known: json or live")
	}
	if form == formJSON {
		_, _ = out.Write(append(found.json(), '\n'))
	} else {
		_, _ = fmt.Fprintln(out, found)
	}
	if found.Status != Healthy {
		return 1
	}
	return 0
}
