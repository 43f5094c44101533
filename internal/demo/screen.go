package demo

import (
	"fmt"
	"io"
	"strings"
	"time"

	"charm.land/lipgloss/v2"
)

// screen shows the demo: on a terminal a table that moves, elsewhere a line for each change.
type screen struct {
	out   io.Writer
	live  bool // a terminal
	width int  // its columns
	drawn int  // lines of the table that stand above the cursor
	start time.Time
	seen  map[string]string // what was last printed of each row, where nothing moves
}

var (
	good = lipgloss.NewStyle().Foreground(lipgloss.Green)
	bad  = lipgloss.NewStyle().Foreground(lipgloss.Red)
	dim  = lipgloss.NewStyle().Faint(true)
	bold = lipgloss.NewStyle().Bold(true)
)

// paint colours a text on a terminal only.
func (s *screen) paint(style lipgloss.Style, text string) string {
	if !s.live {
		return text
	}
	return style.Render(text)
}

// say prints a line that stays.
func (s *screen) say(format string, args ...any) {
	s.drawn = 0
	_, _ = fmt.Fprintf(s.out, format+"\n", args...)
}

// act announces a part of the story.
func (s *screen) act(text string) {
	s.seen = map[string]string{}
	s.say("\n%s", s.paint(bold, "→ "+text))
}

// done ticks off something that took a while.
func (s *screen) done(what, detail string, since time.Time) {
	s.say("%s %-22s %-58s %6.1fs", s.paint(good, "✓"), what, detail, time.Since(since).Seconds())
}

// command shows a command and what it printed, as a person would see it.
func (s *screen) command(line, output string) {
	s.say("\n%s", s.paint(dim, "$ "+line))
	for l := range strings.SplitSeq(strings.TrimRight(output, "\n"), "\n") {
		s.say("  %s", l)
	}
}

// indented prints a text after its head, wrapped within the terminal's width.
func (s *screen) indented(head, text string) {
	if s.width > 0 {
		text = lipgloss.Wrap(text, max(s.width-1-len(head), 1), "")
	}
	for l := range strings.SplitSeq(text, "\n") {
		s.say("%s%s", head, l)
		head = strings.Repeat(" ", len(head))
	}
}

// row is one application on the table.
type row struct {
	name, engine, plan, phase, elapsed, note string
	ended, failed                            bool
}

const layout = "  %-12s %-15s %-8s %-17s %8s  %s"

// table draws the rows, over those drawn before where the output is a terminal.
func (s *screen) table(rows []row) {
	header := fmt.Sprintf(layout, "APPLICATION", "ENGINE", "PLAN", "PHASE", "ELAPSED", "")
	if !s.live {
		s.lines(header, rows)
		return
	}
	var b strings.Builder
	if s.drawn > 0 {
		fmt.Fprintf(&b, "\x1b[%dA", s.drawn)
	}
	fmt.Fprintf(&b, "\x1b[2K%s\n", s.paint(dim, clip(header, s.width-1)))
	for _, r := range rows {
		first, _, _ := strings.Cut(r.note, "\n")
		line := clip(fmt.Sprintf(layout, r.name, r.engine, r.plan, r.phase, r.elapsed, first), s.width-1) // what wraps cannot be drawn over
		switch {
		case r.failed:
			line = s.paint(bad, line)
		case r.ended:
			line = s.paint(good, line)
		}
		fmt.Fprintf(&b, "\x1b[2K%s\n", line)
	}
	_, _ = fmt.Fprint(s.out, b.String())
	s.drawn = len(rows) + 1
}

// lines prints each row whose phase changed.
func (s *screen) lines(header string, rows []row) {
	for _, r := range rows {
		if s.seen[r.name] == r.phase+r.plan {
			continue
		}
		if len(s.seen) == 0 {
			s.say("%s", header)
		}
		s.seen[r.name] = r.phase + r.plan
		s.say(layout, r.name, r.engine, r.plan, r.phase, r.elapsed, r.note)
	}
}

func clip(text string, n int) string {
	if runes := []rune(text); len(runes) > n {
		return string(runes[:n-1]) + "…"
	}
	return text
}
