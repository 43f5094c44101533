package gitops_test

import (
	"testing"

	"github.com/driftless-gitops/driftless/internal/gitops"
)

func TestWhatBreaksALineOrDrivesATerminalIsReplaced(t *testing.T) {
	for name, r := range map[string]rune{
		"a line separator": '\u2028', "a paragraph separator": '\u2029', "a line feed": '\n', "an escape": '\x1b',
		"a right-to-left override": '\u202e', "the replacement itself": '\ufffd',
	} {
		if got := gitops.Printable("a" + string(r) + "b"); got != "a\ufffdb" {
			t.Errorf("%s became %q", name, got)
		}
	}
	if got := gitops.Printable("Füße 日本 \u00a0"); got != "Füße 日本 \u00a0" {
		t.Errorf("what is harmless became %q", got)
	}
}
