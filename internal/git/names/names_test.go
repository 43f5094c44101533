package names_test

import (
	"strings"
	"testing"

	"github.com/driftless-gitops/driftless/internal/git/names"
)

func TestANameIsRefusedForWhatItHolds(t *testing.T) {
	for name, want := range map[string]string{
		"template.yaml": "", ".gitignore": "", ".github": "", "ünï": "", "a b": "", strings.Repeat("n", 255): "",
		"": "is not a name", "..": "is not a name",
		strings.Repeat("n", 256): "has 256 bytes", "a\xff": "not UTF-8", `a\b`: "slash or backslash", "a/b": "slash or backslash",
		"a\nb": "control character", "a\u202eb": "direction of text", "a\u2028b": "direction of text",
		".GIT": "git's own", "git~1": "git's own", ".git . ": "git's own", ".git::$INDEX_ALLOCATION": "git's own", ".g\u200cit": "git's own",
	} {
		if got := names.Refused(name); !strings.Contains(got, want) || (want == "") != (got == "") {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
}
