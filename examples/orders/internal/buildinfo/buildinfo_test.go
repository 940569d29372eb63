package buildinfo

import (
	"strings"
	"testing"
)

func TestStampedVersionWins(t *testing.T) {
	if got := Current("v1.2.3"); got.Version != "v1.2.3" || !strings.HasPrefix(got.Go, "go") {
		t.Fatalf("got %+v", got)
	}
}

func TestUnstampedBuildStillHasAVersion(t *testing.T) {
	if got := Current(""); got.Version == "" {
		t.Fatalf("got %+v", got)
	}
}
