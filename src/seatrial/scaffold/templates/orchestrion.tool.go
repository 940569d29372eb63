//go:build tools

// Orchestrion reads the imports below, never this package: it is not compiled.
package tools

// Its source is @WEAVE@; go.mod says so.
@if vendored
// Each package by itself: what is not imported is not vendored.
@end
@IMPORTS@

