package stamp

import (
	"regexp"
	"testing"
)

// reader is the pattern the package comment promises.
var reader = regexp.MustCompile(`seatrial\.dev/weave/stamp@1 orchestrion=(v[0-9A-Za-z.+-]+) aspects=([0-9A-Za-z.+-]+);`)

func TestStampIsReadBack(t *testing.T) {
	got := reader.FindStringSubmatch("noise" + Open + "v1.15.0" + Close + "noise")
	if got == nil || got[1] != "v1.15.0" || got[2] != Version {
		t.Errorf("%q", got)
	}
	if reader.MatchString(Open + Close) {
		t.Error("an unwoven program would pass")
	}
}
