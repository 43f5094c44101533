package conformance

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// Outcome is what became of one expectation in one account.
type Outcome struct {
	Expectation
	Got  []string // as noted, up to where the calls could not be made
	Err  error    // why the calls could not all be made
	Left error    // what could not be removed afterwards
}

// patience is how long one expectation may take, and its removal as long again: a stack's
// queue takes AWS a minute or two.
const patience = 15 * time.Minute

// try makes the calls of every expectation in an account, a few at a time, and removes what
// they made, also when they fail and when ctx ends.
func (p where) try(ctx context.Context, all []Expectation, abreast int) []Outcome {
	outcomes := make([]Outcome, len(all))
	turn := make(chan struct{}, abreast)
	var trying sync.WaitGroup
	for i, e := range all {
		turn <- struct{}{}
		trying.Go(func() {
			defer func() { <-turn }()
			outcomes[i] = p.one(ctx, e)
		})
	}
	trying.Wait()
	return outcomes
}

func (p where) one(ctx context.Context, e Expectation) Outcome {
	a := p.enter(e)
	o := Outcome{Expectation: e}
	if ctx.Err() == nil {
		limited, cancel := context.WithTimeout(ctx, patience)
		o.Err = e.Calls(limited, a)
		cancel()
	} else {
		o.Err = fmt.Errorf("not tried: %w", ctx.Err())
	}
	limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	o.Left = a.clean(limited)
	cancel()
	o.Got = a.answers
	return o
}

// left joins what could not be removed.
func left(outcomes []Outcome) error {
	var errs []error
	for _, o := range outcomes {
		if o.Left != nil {
			errs = append(errs, fmt.Errorf("%s: %w", o.Name, o.Left))
		}
	}
	return errors.Join(errs...)
}
