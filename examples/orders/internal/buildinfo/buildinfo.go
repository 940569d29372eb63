// Package buildinfo says which build is running.
package buildinfo

import (
	"cmp"
	"runtime/debug"
)

// Info identifies a build.
type Info struct {
	Version  string `json:"version"`
	Revision string `json:"revision,omitempty"`
	Go       string `json:"go"`
}

// Current prefers the version stamped by the linker; without one it takes
// what the go command recorded, which for a build in a checkout is "(devel)"
// or a pseudo-version.
func Current(stamped string) Info {
	build, ok := debug.ReadBuildInfo()
	if !ok {
		return Info{Version: cmp.Or(stamped, "unknown")}
	}
	info := Info{Version: cmp.Or(stamped, build.Main.Version, "unknown"), Go: build.GoVersion}
	for _, setting := range build.Settings {
		if setting.Key == "vcs.revision" {
			info.Revision = setting.Value
		}
	}
	return info
}
