package render

import (
	"fmt"
	"strings"

	"github.com/driftless-gitops/driftless/internal/gitops"
)

// page is a text that is being written. What is put into it is made printable, whatever it
// holds, so that no caller can forget to.
type page struct {
	strings.Builder
	colour bool
}

// painted is text that was made printable already, with colours.
type painted string

// paint makes a text printable and puts it in a style.
func (p *page) paint(s Style, text string) painted {
	return painted(Paint(p.colour, s, gitops.Printable(text)))
}

// line writes one line. Arguments are made printable, but for those that are painted.
func (p *page) line(format string, args ...any) {
	for i, a := range args {
		switch a := a.(type) {
		case painted, int:
		case string:
			args[i] = gitops.Printable(a)
		case fmt.Stringer:
			args[i] = gitops.Printable(a.String())
		default:
			args[i] = gitops.Printable(fmt.Sprint(a))
		}
	}
	p.WriteString(strings.TrimRight(fmt.Sprintf(format, args...), " ") + "\n")
}

// block writes a text of several lines: the first after head, the others below it, indented
// as far as head is wide.
func (p *page) block(head, text string) {
	head = gitops.Printable(head)
	for i, l := range strings.Split(Lines(text), "\n") {
		if i > 0 {
			head = strings.Repeat(" ", width(head))
		}
		p.WriteString(strings.TrimRight(head+l, " ") + "\n")
	}
}

// Lines returns a text from outside as it can be shown over several lines: everything but
// its line breaks is made printable, and it does not end in one.
func Lines(text string) string {
	lines := strings.Split(strings.TrimRight(strings.ReplaceAll(text, "\r\n", "\n"), "\n"), "\n")
	for i, l := range lines {
		lines[i] = gitops.Printable(strings.ReplaceAll(l, "\t", "  "))
	}
	return strings.Join(lines, "\n")
}

// clip returns the first line of a text, cut to n characters; an ellipsis says that there
// is more.
func clip(text string, n int) string {
	first, rest, _ := strings.Cut(strings.TrimSpace(text), "\n")
	runes := []rune(strings.TrimSpace(first))
	switch {
	case len(runes) > n:
		return string(runes[:n-1]) + "…"
	case rest != "":
		return string(runes) + " …"
	}
	return string(runes)
}
