package git

import (
	"strconv"

	"github.com/driftless-gitops/driftless/internal/gitops"
)

// PathError names something in a repository that cannot be used, and why, for the person
// who can change it. It unwraps to a *gitops.Refusal: trying again changes nothing.
type PathError struct {
	Path string // relative to the repository's root, slash-separated; "." for all of it
	Why  string
}

// Error returns the path, quoted where a terminal could misread it, and the reason.
func (e *PathError) Error() string {
	name := e.Path
	switch {
	case name == ".":
		name = "the repository"
	case strconv.Quote(name) != `"`+name+`"`:
		name = strconv.Quote(name)
	}
	return name + ": " + e.Why
}

// Unwrap returns the error as a refusal of gitops.
func (e *PathError) Unwrap() error { return &gitops.Refusal{Reason: e.Error()} }
