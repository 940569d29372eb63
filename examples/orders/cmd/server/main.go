// Command server serves orders over HTTP.
package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	"example.com/orders/internal/buildinfo"
	"example.com/orders/internal/config"
	"example.com/orders/internal/health"
)

// version is set by the linker: -ldflags "-X main.version=v1.2.3".
var version string

const (
	exitOK    = 0
	exitError = 1
	exitUsage = 2
)

// healthCheckTimeout leaves the server's own deadline time to be reported.
const healthCheckTimeout = health.Timeout + time.Second

func main() {
	if code := run(context.Background(), os.Args[1:], os.Getenv, os.Stdout, os.Stderr); code != exitOK {
		os.Exit(code)
	}
}

func run(ctx context.Context, args []string, getenv func(string) string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("server", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() {
		_, _ = fmt.Fprint(stderr, "usage: server [--health-check | --version]\n\nWithout a flag, serve until SIGTERM or SIGINT. Settings are in the environment:\nHOST, PORT, DATABASE_URL, LOG_LEVEL.\n\n")
		flags.PrintDefaults()
	}
	checkHealth := flags.Bool("health-check", false, "ask the server that runs on this host whether it is healthy: exit 0 if so, else 1")
	showVersion := flags.Bool("version", false, "print the version and exit")
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return exitOK
	case err != nil:
		return exitUsage
	case flags.NArg() > 0:
		_, _ = fmt.Fprintf(stderr, "unexpected argument: %q\n", flags.Arg(0))
		flags.Usage()
		return exitUsage
	}

	var err error
	switch {
	case *showVersion:
		_, err = fmt.Fprintln(stdout, "orders", buildinfo.Current(version).Version)
	case *checkHealth:
		if err = healthCheck(ctx, getenv, stdout); err != nil {
			err = fmt.Errorf("unhealthy: %w", err)
		}
	default:
		err = serve(ctx, getenv, stdout)
	}
	if err != nil {
		_, _ = fmt.Fprintln(stderr, err)
		return exitError
	}
	return exitOK
}

// healthCheck asks the running server, which alone knows whether its database
// connections work; opening the database here would test something else.
func healthCheck(ctx context.Context, getenv func(string) string, stdout io.Writer) error {
	listen, err := config.LoadListen(getenv)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, healthCheckTimeout)
	defer cancel()
	url := "http://" + listen.LoopbackAddress() + "/healthz"
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	// A transport of its own: the default one would obey HTTP_PROXY.
	client := &http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	start := time.Now()
	response, err := client.Do(request)
	if err != nil {
		if errors.Is(err, context.DeadlineExceeded) {
			return fmt.Errorf("%s did not answer within %s", url, healthCheckTimeout)
		}
		return err
	}
	defer func() { _ = response.Body.Close() }()
	var report health.Report
	if err := json.NewDecoder(io.LimitReader(response.Body, 4<<10)).Decode(&report); err != nil || report.Status == "" {
		return fmt.Errorf("%s answered %s without a health report", url, response.Status)
	}
	if response.StatusCode != http.StatusOK || report.Status != health.Healthy {
		return errors.New(cmp.Or(report.Reason, report.Status))
	}
	_, err = fmt.Fprintf(stdout, "healthy: %s answered in %s\n", url, time.Since(start).Round(time.Millisecond))
	return err
}
