package otlp

import (
	"os"
	"path"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"sort"
	"strings"

	"seatrial.dev/weave/stamp"
	"seatrial.dev/weave/trace"
)

// Resource describes this process (OpenTelemetry semantic conventions,
// resource). OTEL_SERVICE_NAME beats OTEL_RESOURCE_ATTRIBUTES, which beats
// what the binary says of itself.
func Resource(getenv func(string) string) []trace.Attr {
	values := map[string]string{
		"telemetry.sdk.name":      "seatrial",
		"telemetry.sdk.language":  "go",
		"telemetry.sdk.version":   stamp.Version,
		"process.runtime.name":    "go",
		"process.runtime.version": runtime.Version(),
	}
	if host, err := os.Hostname(); err == nil {
		values["host.name"] = host
	}
	name, version := fromBuild()
	values["service.name"], values["service.version"] = name, version
	for key, value := range parsePairs(getenv("OTEL_RESOURCE_ATTRIBUTES")) {
		values[key] = value
	}
	if v := strings.TrimSpace(getenv("OTEL_SERVICE_NAME")); v != "" {
		values["service.name"] = v
	}
	keys := make([]string, 0, len(values))
	for key, value := range values {
		if value != "" {
			keys = append(keys, key)
		}
	}
	sort.Strings(keys)
	attrs := make([]trace.Attr, 0, len(keys)+1)
	for _, key := range keys {
		attrs = append(attrs, trace.Attr{Key: key, Text: values[key]})
	}
	return append(attrs, trace.Attr{Key: "process.pid", Int: int64(os.Getpid()), IsInt: true})
}

func fromBuild() (name, version string) {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown_service:" + filepath.Base(os.Args[0]), ""
	}
	if version = info.Main.Version; version == "(devel)" {
		version = ""
	}
	return serviceName(info.Path, info.Main.Path), version
}

// serviceName is the command's directory, unless that is a name every
// repository uses (cmd/server): then it is the module's.
func serviceName(command, module string) string {
	name := lastElement(command)
	switch name {
	case "server", "main", "cmd", "app", "service", "serve", "daemon":
		if m := lastElement(module); m != "" {
			return m
		}
	case "", "command-line-arguments":
		return "unknown_service:" + filepath.Base(os.Args[0])
	}
	return name
}

// lastElement skips a major version suffix: "example.com/orders/v2" is orders.
func lastElement(p string) string {
	base := path.Base(p)
	if len(base) > 1 && base[0] == 'v' && strings.Trim(base[1:], "0123456789") == "" && path.Dir(p) != "." {
		base = path.Base(path.Dir(p))
	}
	if base == "." || base == "/" {
		return ""
	}
	return base
}
