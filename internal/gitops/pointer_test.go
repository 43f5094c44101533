package gitops_test

import (
	"slices"
	"testing"

	"github.com/driftless-gitops/driftless/internal/gitops"
)

func TestAPathIsDividedAndJoinedWhateverItsNamesHave(t *testing.T) {
	// The names of RFC 6901, section 5, that are not easy.
	for path, steps := range map[string][]string{
		"/foo/0":        {"foo", "0"},
		"/":             {""},
		"/a~1b":         {"a/b"},
		"/m~0n":         {"m~n"},
		"/~01":          {"~1"},
		"/Tags/0/Value": {"Tags", "0", "Value"},
	} {
		if got := gitops.PathSteps(path); !slices.Equal(got, steps) {
			t.Errorf("%s is divided into %q, not %q", path, got, steps)
		}
		if got := gitops.PathOf(steps); got != path {
			t.Errorf("%q are joined to %s, not %s", steps, got, path)
		}
	}
}
