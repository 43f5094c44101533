package conformance

import (
	"context"
	"fmt"
	"slices"
)

// Expectation is something that AWS is held to answer, and the sandbox with it.
type Expectation struct {
	Name   string // of its recording: the service, then what it is about
	Says   string // what is expected, as a clause
	Source string // where AWS documents it, or who has seen it
	Makes  string // what it makes in the account that it runs in

	// Calls makes the calls and notes the answers. An error means that they could not be
	// made; an answer of AWS's that is an error is noted.
	Calls func(ctx context.Context, a *Account) error

	// Answers is what is documented, line by line as Account.Note writes it. A recording
	// takes its place.
	Answers []string

	// Sandbox is what the sandbox answers instead, where it is known to, and Because why. It
	// is a fault of the sandbox's that is on record.
	Sandbox []string
	Because string
}

// Expectations returns all of them, in the order in which they are told.
func Expectations() []Expectation {
	return slices.Concat(changeSets(), refusals(), operations(), recoveries(), drifts(), queues(), tables(), streams(), projects())
}

// Pick returns those of the expectations that are named, or all where none is.
func Pick(all []Expectation, names []string) ([]Expectation, error) {
	if len(names) == 0 {
		return all, nil
	}
	var picked []Expectation
	for _, name := range names {
		i := slices.IndexFunc(all, func(e Expectation) bool { return e.Name == name })
		if i < 0 {
			return nil, fmt.Errorf("no expectation is named %q", name)
		}
		picked = append(picked, all[i])
	}
	return picked, nil
}
