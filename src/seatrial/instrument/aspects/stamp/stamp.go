// Package stamp makes a woven program say so, in bytes that survive
// `-ldflags="-s -w"`, where buildinfo is silent (`go version -m` lists the same
// modules for a woven and a plain build).
//
// The start aspect passes Open + version + Close, folded by the compiler into
// one constant string, to the statement it weaves into main.main. The program
// therefore holds, once and contiguous:
//
//	seatrial.dev/weave/stamp@1 orchestrion=v1.15.0 aspects=1.2.0;
//
// It is absent when this module is only imported by hand, and when the weaver
// ran without our aspects: no unwoven code joins the parts. A reader searches
// the file for
//
//	seatrial\.dev/weave/stamp@1 orchestrion=(v[0-9A-Za-z.+-]+) aspects=([0-9A-Za-z.+-]+);
//
// and takes no match for "not woven".
package stamp

// Version is the version of this module's aspects and runtime.
const Version = "1.2.0"

// Open and Close surround the weaver's version in the stamp.
const (
	Open  = "seatrial.dev/weave/stamp@1 orchestrion="
	Close = " aspects=" + Version + ";"
)

var text string

// Set keeps the stamp; storing it is what stops the linker from dropping it.
func Set(s string) { text = s }

// Text returns the stamp, or "" in a program that was not woven.
func Text() string { return text }
