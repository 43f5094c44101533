package adopt

import (
	"fmt"
	"strings"

	"github.com/aymanbagabas/go-udiff"

	"github.com/driftless-gitops/driftless/internal/gitops"
)

// What a title and a body hold at most, so that every forge takes them: CodeCommit's are the
// shortest, 150 characters and 10,240 bytes (CreatePullRequest, API reference).
const (
	maxTitle = 150
	maxBody  = 10_000
	maxShown = 200 // characters of one value
)

// Title returns one line for a pull request and its commit.
func (r Result) Title() string {
	title := fmt.Sprintf("Adopt the drift of %s: %d values", r.Application, len(r.Written))
	if len(r.Written) == 1 {
		c := r.Written[0]
		title = fmt.Sprintf("Adopt the drift of %s: %s %s", r.Application, c.Resource, strings.TrimPrefix(c.Path, "/"))
	}
	return clip(title, maxTitle)
}

// Message returns the message of the commit: the title, and what is written, line by line.
func (r Result) Message() string {
	b := bounded{most: maxBody}
	b.WriteString(r.Title() + "\n\nWhat is live is written back to git, so that both say the same:\n")
	for _, c := range r.Written {
		b.line("- " + c.String())
	}
	return b.text()
}

// Body returns the text of the pull request, in Markdown: what is written, since when and by
// whom it is so, and what is not written and why. Values are in code, where no forge takes
// them for a link, a mention or an image.
func (r Result) Body() string {
	b := bounded{most: maxBody}
	b.WriteString("What is live in AWS was changed outside of git. This writes it back, so that git says the same; merging it changes nothing that runs.\n\n")
	for _, c := range r.Written {
		b.line("- " + c.markdown())
	}
	if len(r.Also) > 0 {
		b.line("\nDeployed from the same files, and changed by it: " + code(strings.Join(r.Also, ", ")))
	}
	if len(r.Left) > 0 {
		b.line("\nNot written back:\n")
	}
	for _, c := range r.Left {
		b.line("- " + c.markdown() + ": " + code(c.Reason))
	}
	b.line("\n`driftless adopt " + r.Application + "` made this.")
	return b.text()
}

// String returns a change in one line: "Queue /VisibilityTimeout 120 -> 5".
func (c Change) String() string {
	text := c.Resource
	if c.Path != "" {
		text += fmt.Sprintf(" %s %s -> %s", c.Path, side(c.Declared), side(c.Live))
	}
	return gitops.Printable(text + c.history(func(s string) string { return s }))
}

func (c Change) markdown() string {
	text := code(c.Resource)
	if c.Path != "" {
		text += fmt.Sprintf(" %s: %s → %s", code(c.Path), code(side(c.Declared)), code(side(c.Live)))
	}
	return text + c.history(code)
}

// history says since when a value differs, and who made it so.
func (c Change) history(quote func(string) string) string {
	text := ""
	if !c.Since.IsZero() {
		text = ", since " + c.Since.UTC().Format("2006-01-02 15:04:05Z")
	}
	if c.By != nil {
		text += ", by " + quote(c.By.By)
		if c.By.Event != "" {
			text += " (" + quote(c.By.Event) + ")"
		}
	}
	return text
}

// side returns a value as a line can hold it.
func side(v string) string {
	if v == "" {
		return "(absent)"
	}
	return clip(v, maxShown)
}

// clip returns a text as one printable line of at most so many characters.
func clip(text string, most int) string {
	runes := []rune(gitops.Printable(strings.Join(strings.Fields(text), " ")))
	if len(runes) > most {
		return string(runes[:most-1]) + "…"
	}
	return string(runes)
}

// code returns a text as Markdown's code: between more backticks than it has in a row.
func code(text string) string {
	text = clip(text, 4*maxShown)
	fence := "`"
	for strings.Contains(text, fence) {
		fence += "`"
	}
	if len(fence) > 1 || strings.HasPrefix(text, " ") {
		text = " " + text + " "
	}
	return fence + text + fence
}

// bounded is a text of lines that ends where it would become too long, and says so.
type bounded struct {
	strings.Builder
	most, left int
}

func (b *bounded) line(text string) {
	if b.left > 0 || b.Len()+len(text) > b.most {
		b.left++
		return
	}
	b.WriteString(text + "\n")
}

func (b *bounded) text() string {
	if b.left > 0 {
		return b.String() + fmt.Sprintf("\nand %d lines more, which 'driftless adopt --dry-run' shows\n", b.left)
	}
	return b.String()
}

// Patch returns the edits as a unified diff, which "git apply" takes.
func (r Result) Patch() string {
	var b strings.Builder
	for _, f := range r.Files {
		b.WriteString(udiff.Unified("a/"+f.Path, "b/"+f.Path, string(f.Before), string(f.After)))
	}
	return b.String()
}
