package render

import (
	"fmt"
	"strings"

	"charm.land/lipgloss/v2"
)

// Fit cuts a text, coloured or not, to a terminal: no line is wider than columns, and there
// are at most rows of them, the first ones, so that a table keeps its header. An ellipsis
// says what is left out. A size of zero cuts nothing.
func Fit(text string, columns, rows int) string {
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	if more := len(lines) - rows + 1; rows > 1 && more > 1 {
		lines = append(lines[:rows-1:rows-1], fmt.Sprintf("… %d more", more))
	}
	for i, l := range lines {
		if columns > 1 && width(l) > columns {
			lines[i] = lipgloss.NewStyle().MaxWidth(columns-1).Render(l) + "…"
		}
	}
	return strings.Join(lines, "\n") + "\n"
}
