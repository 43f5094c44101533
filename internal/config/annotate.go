package config

import (
	"fmt"
	"strings"
	"unicode"

	"github.com/driftless-gitops/driftless/internal/gitops"
)

// Annotate returns a problem as it is shown in a terminal: the problem in one line, then,
// where the source has that line, the line before it, the line itself and a caret under
// the column. The text is plain, without colour, ends with a newline, and holds no control
// character of the source.
func Annotate(p gitops.Problem, source []byte) string {
	var b strings.Builder
	b.WriteString(p.String() + "\n")
	lines := strings.Split(string(normal(source)), "\n")
	if p.Line < 1 || p.Line > len(lines) {
		return b.String()
	}
	width := len(fmt.Sprint(p.Line))
	if p.Line > 1 {
		fmt.Fprintf(&b, "   %*d | %s\n", width, p.Line-1, printable(lines[p.Line-2]))
	}
	fmt.Fprintf(&b, " > %*d | %s\n", width, p.Line, printable(lines[p.Line-1]))
	before := min(max(p.Column, 1)-1, len([]rune(lines[p.Line-1])))
	fmt.Fprintf(&b, "   %*s | %s^\n", width, "", strings.Repeat(" ", before))
	return b.String()
}

// printable replaces what a terminal would obey, and tabs, which it would move by.
func printable(line string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\t':
			return ' '
		case !unicode.IsPrint(r):
			return unicode.ReplacementChar
		}
		return r
	}, line)
}
