package render

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"charm.land/lipgloss/v2"

	"github.com/driftless-gitops/driftless/internal/gitops"
)

// Style says how a cell is shown where colours are wanted.
type Style int

// The styles.
const (
	Plain Style = iota
	Good
	Bad
	Warn
	Dim
	Bold
)

var styles = map[Style]lipgloss.Style{
	Good: lipgloss.NewStyle().Foreground(lipgloss.Green),
	Bad:  lipgloss.NewStyle().Foreground(lipgloss.Red),
	Warn: lipgloss.NewStyle().Foreground(lipgloss.Yellow),
	Dim:  lipgloss.NewStyle().Faint(true),
	Bold: lipgloss.NewStyle().Bold(true),
}

// Paint returns the text in a style, or as it is where colours are not wanted.
func Paint(colour bool, s Style, text string) string {
	style, ok := styles[s]
	if !colour || !ok || text == "" {
		return text
	}
	return style.Render(text)
}

// width is how many columns of a terminal a text takes.
func width(text string) int { return lipgloss.Width(text) }

// Cell is one field of a table.
type Cell struct {
	Text  string
	Style Style
}

// Table is rows under a header, shown in columns two spaces apart.
type Table struct {
	Header []string
	Rows   [][]Cell
}

// Add appends a row of plain cells.
func (t *Table) Add(cells ...string) {
	row := make([]Cell, len(cells))
	for i, c := range cells {
		row[i] = Cell{Text: c}
	}
	t.Rows = append(t.Rows, row)
}

// Text returns the table, every cell on one line, an empty one as "-". The last column is
// not padded, so that a line ends with its text, and may be empty.
func (t Table) Text(colour bool) string {
	header := make([]Cell, len(t.Header))
	for i, h := range t.Header {
		header[i] = Cell{Text: h, Style: Dim}
	}
	rows := [][]Cell{header}
	for _, row := range t.Rows {
		rows = append(rows, filled(row))
	}
	widths := make([]int, len(t.Header))
	for _, row := range rows {
		for i, c := range row {
			widths[i] = max(widths[i], width(gitops.Printable(c.Text)))
		}
	}
	var b strings.Builder
	for _, row := range rows {
		b.WriteString(line(row, widths, colour) + "\n")
	}
	return b.String()
}

// filled returns the row with its empty cells filled, but for the last.
func filled(row []Cell) []Cell {
	row = slices.Clone(row)
	for i := range row[:max(len(row)-1, 0)] {
		if row[i].Text == "" {
			row[i] = Cell{Text: "-"}
		}
	}
	return row
}

func line(row []Cell, widths []int, colour bool) string {
	var b strings.Builder
	for i, c := range row {
		text, pad := gitops.Printable(c.Text), ""
		if i < len(row)-1 {
			pad = strings.Repeat(" ", widths[i]-width(text)+2)
		}
		b.WriteString(Paint(colour, c.Style, text) + pad)
	}
	return strings.TrimRight(b.String(), " ")
}

// Age returns how long ago something was, in the coarsest unit that says enough: 12s, 4m,
// 3h, 5d; "-" for never.
func Age(at, now time.Time) string {
	if at.IsZero() {
		return "-"
	}
	d := max(now.Sub(at), 0)
	switch {
	case d < time.Minute:
		return short(d, time.Second, "s")
	case d < time.Hour:
		return short(d, time.Minute, "m")
	case d < 48*time.Hour:
		return short(d, time.Hour, "h")
	}
	return short(d, 24*time.Hour, "d")
}

func short(d, unit time.Duration, name string) string {
	return strconv.FormatInt(int64(d/unit), 10) + name
}
