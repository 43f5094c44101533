package main

import (
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/driftless-gitops/driftless/infra/build"
)

// What packages compute before main runs is paid for at each cold start. Times depend on the
// machine; what is allocated meanwhile does not, and shows what is new as well: an expression
// with counted repetitions, a table, a library that makes one.
func TestStartsPrepareLittle(t *testing.T) {
	architecture := map[string]string{"arm64": "arm64", "amd64": "x86_64"}[runtime.GOARCH]
	code, err := build.Functions(t.Context(), "..", t.TempDir(), architecture, functionNames())
	if err != nil {
		t.Fatal(err)
	}
	for name, dir := range code {
		t.Run(name, func(t *testing.T) {
			total := 0
			for _, p := range initialised(t, filepath.Join(dir, "bootstrap")) {
				total += p.bytes
				if strings.HasPrefix(p.path, "github.com/driftless-gitops/") && (p.allocations > 100 || p.bytes > 10_000) {
					t.Errorf("%s makes %d allocations of %d bytes before main, at most 100 of 10000: prepare it when it is first used",
						p.path, p.allocations, p.bytes)
				}
			}
			// At 4 MB garbage is collected for the first time (package runtime, "GOGC"), and there
			// are clients to be made.
			limit := 2_000_000
			if name == "reconciler" {
				limit = 3_000_000
			}
			t.Logf("%d bytes", total)
			if total > limit {
				t.Errorf("%d bytes are allocated before main, at most %d: look at what it imports", total, limit)
			}
		})
	}
}

// prepared is what a package did before main.
type prepared struct {
	path               string
	bytes, allocations int
}

// traced is a line of GODEBUG=inittrace=1 (package runtime, "Environment Variables").
var traced = regexp.MustCompile(`(?m)^init (\S+) @\S+ ms, \S+ ms clock, (\d+) bytes, (\d+) allocs$`)

// initialised runs a function without any setting, which ends it as soon as main has looked
// for them, and returns the packages that did something before.
func initialised(t *testing.T, bootstrap string) []prepared {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), bootstrap)
	cmd.Env = []string{"GODEBUG=inittrace=1"}
	said, err := cmd.CombinedOutput()
	if err == nil || !strings.Contains(string(said), "the environment is incomplete") {
		t.Fatalf("it ended with %v:\n%s", err, said)
	}
	var all []prepared
	for _, line := range traced.FindAllStringSubmatch(string(said), -1) {
		bytes, errBytes := strconv.Atoi(line[2])
		allocations, errAllocations := strconv.Atoi(line[3])
		if errBytes != nil || errAllocations != nil {
			t.Fatalf("%q: %v, %v", line[0], errBytes, errAllocations)
		}
		all = append(all, prepared{line[1], bytes, allocations})
	}
	if len(all) < 20 {
		t.Fatalf("%d packages did something before main, want more:\n%s", len(all), said)
	}
	return all
}
