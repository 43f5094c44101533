package runner

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/driftless-gitops/driftless/internal/build"
	"github.com/driftless-gitops/driftless/internal/reconcile"
	"github.com/driftless-gitops/driftless/internal/terraform"
)

// apply applies the saved plan, and nothing else.
func (s *session) apply(ctx context.Context) error {
	file := s.path("tfplan")
	var r result
	s.log.holdBack(outputs) // the report has them, without the sensitive ones
	err := s.step("apply", func() (err error) {
		r, err = s.terraform(ctx, applyArgs(file, s.wait()))
		return err
	})
	if err != nil {
		return errors.Join(err, s.rescue(ctx))
	}
	if r.code != 0 {
		return s.unapplied(ctx, r)
	}
	s.report.Outcome = build.OutcomeApplied
	// It is applied, whether or not its outputs can be had.
	if err := s.outputs(ctx); err != nil { // which the log, that ends where outputs begin, has no place for
		s.report.Reason = told(fmt.Sprintf("applied, but its outputs could not be read, so that those on record, if any, are of before: %v", err))
	}
	return nil
}

// Attempts to read the state after an apply, and how long there is between the first two; twice
// as long between the next.
const (
	pulls     = 3
	pullPause = time.Second
)

// outputs reads the outputs that are not sensitive. The apply is over by then, and nothing but
// this reads them, so that a backend that does not answer is asked again.
func (s *session) outputs(ctx context.Context) (err error) {
	for n := range pulls {
		if n > 0 {
			select {
			case <-ctx.Done():
				return err
			case <-time.After(pullPause << (n - 1)):
			}
		}
		var data []byte
		if data, err = s.silently(ctx, pullArgs()); err != nil {
			continue
		}
		var state terraform.State
		if state, err = terraform.Pulled(data); err != nil {
			return err
		}
		s.report.Outputs = state.Outputs
		s.conceal(shortestState, state.Secrets...)
		return nil
	}
	return err
}

// unapplied is how an apply that failed is told.
func (s *session) unapplied(ctx context.Context, r result) error {
	summary, _ := firstError(r.output)
	switch {
	case strings.Contains(r.output, "Saved plan is stale"):
		return &failure{build.OutcomeStale, "the saved plan is stale: the state was changed since it was made"}
	case strings.HasPrefix(summary, "Error acquiring the state lock"):
		return s.ended("apply", r)
	}
	if err := s.rescue(ctx); err != nil {
		return err
	}
	return s.ended("apply", r)
}

// rescue keeps the state that terraform could not write to its backend. Whoever applied again
// before it is pushed would make what is there a second time.
func (s *session) rescue(ctx context.Context) error {
	f, err := os.Open(filepath.Join(s.app, erroredState))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err == nil {
		defer f.Close()
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
		defer cancel()
		err = s.Blobs.PutFile(ctx, s.job.ErroredStateKey(), f)
	}
	if err != nil {
		return blocked("the backend failed while the plan was applied, and the state that could not be written is lost (%v): resources that were made are in no state; applying again would create a forked state", err)
	}
	return blocked("the backend failed while the plan was applied. The state that could not be written is kept at %s: push it with \"terraform state push\" once the backend is back; applying again before would create a forked state", s.job.ErroredStateKey())
}

// fetchPlan brings the saved plan that the order names, if it still is the one.
func (s *session) fetchPlan(ctx context.Context) error {
	want, file := s.order.Plan, s.path("tfplan")
	if want.Key == "" || want.SHA256 == "" {
		return failed("the order names no saved plan")
	}
	sum, err := s.download(ctx, want.Key, file)
	switch {
	case errors.Is(err, reconcile.ErrNotFound):
		return &failure{build.OutcomeStale, "the saved plan is no longer kept: plan again"}
	case err != nil:
		return fmt.Errorf("fetch plan: %w", err)
	case sum != want.SHA256:
		return blocked("the saved plan %s was changed after it was made: it has the SHA-256 %s, the one that was planned has %s; nothing was applied", want.Key, sum, want.SHA256)
	}
	return s.pin(file)
}

// pin has init take the providers that the plan was made with, which it holds the lock file of.
func (s *session) pin(file string) error {
	z, err := zip.OpenReader(file)
	if err != nil {
		return failed("the saved plan cannot be opened: %v", err)
	}
	defer z.Close()
	f, err := z.Open(lockFile)
	if err != nil {
		return nil // one of a configuration without providers: apply says what is wrong, if anything is
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxCause))
	if err != nil {
		return failed("the saved plan cannot be read: %v", err)
	}
	there, err := os.ReadFile(filepath.Join(s.app, lockFile))
	if errors.Is(err, os.ErrNotExist) {
		return write(filepath.Join(s.app, lockFile), data)
	}
	if err != nil || !bytes.Equal(there, data) {
		s.log.printf("the plan was made with another %s than the commit's\n", lockFile) // apply refuses if that matters
	}
	return nil
}
