package render_test

import (
	"strings"
	"testing"

	"charm.land/lipgloss/v2"
	"github.com/google/go-cmp/cmp"

	"github.com/driftless-gitops/driftless/internal/render"
)

func TestATextIsCutToTheTerminal(t *testing.T) {
	for name, c := range map[string]struct {
		text          string
		columns, rows int
		want          string
	}{
		"what fits is as it was":         {"ab\ncd\n", 2, 2, "ab\ncd\n"},
		"a long line":                    {"abcdef\ngh\n", 4, 9, "abc…\ngh\n"},
		"wide characters":                {"網路網路\n", 6, 9, "網路…\n"},
		"too many lines keep the header": {"HEAD\n1\n2\n3\n", 9, 3, "HEAD\n1\n… 2 more\n"},
		"no terminal":                    {"abcdef\n1\n2\n", 0, 0, "abcdef\n1\n2\n"},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, render.Fit(c.text, c.columns, c.rows)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestACutLineEndsItsColour(t *testing.T) {
	got := strings.TrimSuffix(render.Fit(render.Paint(true, render.Bad, "a message that is long")+"\n", 10, 0), "\n")
	if lipgloss.Width(got) != 10 || !strings.HasSuffix(got, "\x1b[m…") {
		t.Errorf("cut to %q, %d columns", got, lipgloss.Width(got))
	}
}
