// Package gls holds no code: orchestrion.yml beside it adds the goroutine's
// current span to package runtime. Without a Go file, `go mod vendor` would
// leave it behind.
package gls
