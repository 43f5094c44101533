package main

import (
	"testing"

	"github.com/driftless-gitops/driftless/infra/build"
)

// A function's package is read from disk at each cold start: a megabyte costs more than a
// millisecond there.
func TestPackagesAreSmall(t *testing.T) {
	code, err := build.Functions(t.Context(), "..", t.TempDir(), "arm64", functionNames())
	if err != nil {
		t.Fatal(err)
	}
	for name, dir := range code {
		limit := int64(5e6)
		if name == "reconciler" {
			limit = 8e6
		}
		size, err := build.Size(dir)
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%s: %.2f MB zipped", name, float64(size)/1e6)
		if size > limit || size < 1e6 {
			t.Errorf("%s is %d bytes zipped, at most %d: look at what it imports", name, size, limit)
		}
	}
}
