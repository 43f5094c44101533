package render

import (
	"fmt"
	"time"

	"github.com/driftless-gitops/driftless/internal/gitops"
)

// Repositories returns the table of repositories, with their problems below in full.
func Repositories(all []gitops.Repository, now time.Time, colour bool) string {
	if len(all) == 0 {
		return "no repositories yet: 'driftless repository add URL' watches one\n"
	}
	t := Table{Header: []string{"ID", "URL", "FORGE", "TRACKED", "HEAD", "AGE", "STATE"}}
	below := &page{colour: colour}
	for _, r := range all {
		state, style := standing(r)
		t.Rows = append(t.Rows, []Cell{{Text: r.ID}, {Text: r.URL}, {Text: string(r.Forge)}, {Text: Tracked(r)},
			{Text: r.Head.String()}, {Text: Age(r.SeenAt, now)}, {clip(state, 80), style}})
		for _, problem := range r.Problems {
			name := ""
			if problem.Application != "" {
				name = problem.Application + ": "
			}
			below.block(r.ID+"  ", name+problem.String())
		}
		if r.Trouble != "" && clip(r.Trouble, 80) != r.Trouble {
			below.block(r.ID+"  ", r.Trouble)
		}
	}
	if below.Len() > 0 {
		return t.Text(colour) + "\n" + below.String()
	}
	return t.Text(colour)
}

// Tracked returns the branch of a repository, or its tag with the word for it.
func Tracked(r gitops.Repository) string {
	if r.Tag != "" {
		return "tag " + r.Tag
	}
	return r.Branch
}

// standing says in one word or line how a repository is.
func standing(r gitops.Repository) (string, Style) {
	switch {
	case r.Trouble != "":
		return r.Trouble, Bad
	case len(r.Problems) == 1:
		return "1 problem", Bad
	case len(r.Problems) > 1:
		return fmt.Sprintf("%d problems", len(r.Problems)), Bad
	case r.Unfinished() || r.Head.Commit == "":
		return "reading", Warn
	case r.Note != "":
		return r.Note, Warn
	}
	return "ok", Good
}
