package nearest_test

import (
	"testing"

	"github.com/driftless-gitops/driftless/internal/config/nearest"
)

func TestNearestNameIsASlipAway(t *testing.T) {
	known := []string{"name", "path", "template", "parameters", "tags"}
	for says, c := range map[string]struct{ name, want string }{
		"two letters are swapped":           {"tempalte", "template"},
		"a letter is missing":               {"paramters", "parameters"},
		"a letter is too many":              {"namee", "name"},
		"the case differs":                  {"Path", "path"},
		"of two that are near, the nearest": {"tag", "tags"},
		"nothing is near":                   {"colour", ""},
		"a short name may miss one letter":  {"nmae", "name"},
		"a short name may not miss two":     {"pxxh", ""},
		"no name is no slip":                {"", ""},
		"a known name is not its own guess": {"template", ""},
	} {
		t.Run(says, func(t *testing.T) {
			if got := nearest.Of(c.name, known); got != c.want {
				t.Errorf("Of(%q) = %q, want %q", c.name, got, c.want)
			}
		})
	}
}
