//go:build tools

// Orchestrion reads the imports below, never this package: it is not compiled.
package tools

import _ "seatrial.dev/weave" // @WEAVE@
