package runner

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/driftless-gitops/driftless/internal/build"
	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/reconcile"
)

// look is how often a build that stays looks for the word: three hundred requests at most, for a
// hundredth of a cent, and what is applied waits no longer than it must.
const look = 100 * time.Millisecond

// stays reports whether the build waits to be told to apply what it planned. What a person has
// to look at first takes longer than it would.
func (s *session) stays() bool {
	return s.order.StaySeconds > 0 && s.job.Side == build.SideApply && s.job.Kind == gitops.OperationPlan &&
		s.report.Plan != nil && s.report.Plan.Review == ""
}

// stay waits for the word to go, and applies what was planned. Once the time is over it writes
// the word itself, so that nobody waits for a build that has left.
func (s *session) stay(ctx context.Context) error {
	gone, err := s.told(ctx)
	if err != nil || !gone {
		return err
	}
	job := s.job
	job.Kind = gitops.OperationApply
	mine, err := s.claim(ctx, job)
	if err != nil || !mine {
		return err
	}
	s.job = job
	if err := s.own(ctx, s.order, job); err != nil {
		s.Log.Warn("the owner was not written", "error", err)
	}
	outcome, err := s.run(ctx)
	return verdict(outcome, err)
}

// told waits for the word, and reports whether it is to go.
func (s *session) told(ctx context.Context) (bool, error) {
	key := s.job.WordKey()
	tick := time.NewTicker(look)
	defer tick.Stop()
	for end := s.Now().Add(time.Duration(s.order.StaySeconds) * time.Second); s.Now().Before(end) && ctx.Err() == nil; {
		var word build.Word
		data, err := s.Blobs.Get(ctx, key)
		if err == nil && json.Unmarshal(data, &word) == nil {
			return word.Go, nil
		}
		if err != nil && !errors.Is(err, reconcile.ErrNotFound) {
			s.Log.Warn("the word was not read", "error", err)
		}
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
	}
	return s.leave(context.WithoutCancel(ctx), ctx.Err() != nil)
}

// leave says that the build left, unless it was told to go just then.
func (s *session) leave(ctx context.Context, stopped bool) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	there, mine, err := build.First(ctx, s.Blobs, s.job.WordKey(), build.Word{From: s.Build, At: s.Now().UTC()})
	if err != nil {
		return false, fmt.Errorf("leave %s: %w", s.job.OrderKey(), err)
	}
	return !mine && there.Go && !stopped, nil
}
