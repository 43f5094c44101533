package runner

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"

	tfjson "github.com/hashicorp/terraform-json"

	"github.com/driftless-gitops/driftless/internal/build"
	"github.com/driftless-gitops/driftless/internal/terraform"
)

// incomplete is why a person looks at a plan that follows a build that was killed: a resource
// that was made may be missing from the state (seen on Terraform 1.11.4).
const incomplete = "the build that applied before was killed while it worked: the state may be incomplete"

// plan plans what is to be applied, and keeps the plan's file.
func (s *session) plan(ctx context.Context) error {
	if s.order.Unlock != nil {
		if err := s.unlock(ctx, s.order.Unlock.ID); err != nil {
			return err
		}
	}
	file := s.path("tfplan")
	p, changes, err := s.planned(ctx, file, false)
	if err != nil {
		return err
	}
	if !changes {
		s.report.Outcome, s.report.Outputs = build.OutcomeNoChange, terraform.PlannedOutputs(p)
		return nil
	}
	plan := terraform.Plan(p)
	if s.order.Incomplete {
		plan.Review = incomplete
	}
	s.report.Plan = &plan
	if err := s.step("upload", func() error { return s.keep(ctx, file) }); err != nil {
		return err
	}
	s.report.Outcome = build.OutcomePlanned
	return nil
}

// unlock removes one lock, whose build is known to be over. It says what happens then by the next
// call, which finds the lock gone or still there.
func (s *session) unlock(ctx context.Context, id string) error {
	_, err := s.terraform(ctx, unlockArgs(id))
	return err
}

// planned runs a plan into a file, and reports what it holds and whether that is any change.
func (s *session) planned(ctx context.Context, file string, refreshOnly bool) (p *tfjson.Plan, changes bool, err error) {
	files, err := s.varFiles()
	if err != nil {
		return nil, false, err
	}
	s.log.holdBack(values)
	err = s.step("plan", func() error {
		r, err := s.terraform(ctx, planArgs(file, refreshOnly, s.wait(), files))
		if err != nil {
			return err
		}
		if r.code != 0 && r.code != 2 {
			return s.ended("plan", r)
		}
		changes = r.code == 2 // whatever it warns of
		return nil
	})
	if err != nil {
		return nil, false, err
	}
	err = s.step("show", func() error {
		data, err := s.silently(ctx, showArgs(file))
		if err == nil {
			p, err = terraform.Decode(data)
		}
		return err
	})
	if err == nil {
		s.conceal(shortestState, terraform.Secrets(p)...)
		s.log.holdBack(nil)
	}
	return p, changes, err
}

// keep stores the plan's file, and its SHA-256 in the report.
func (s *session) keep(ctx context.Context, file string) error {
	sum, err := sumOf(file)
	if err != nil {
		return err
	}
	f, err := os.Open(file)
	if err != nil {
		return fmt.Errorf("open plan: %w", err)
	}
	defer f.Close()
	key := s.job.PlanFileKey()
	if err := s.Blobs.PutFile(ctx, key, f); err != nil {
		return fmt.Errorf("keep plan: %w", err)
	}
	s.report.PlanFile = build.PlanFile{Key: key, SHA256: sum}
	return nil
}

// sumOf is a file's SHA-256 in hex.
func sumOf(name string) (string, error) {
	f, err := os.Open(name)
	if err != nil {
		return "", fmt.Errorf("open %s: %w", name, err)
	}
	defer f.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, f); err != nil {
		return "", fmt.Errorf("read %s: %w", name, err)
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// detect looks for drift: what a refresh would change of the state, which it does not.
func (s *session) detect(ctx context.Context) error {
	p, _, err := s.planned(ctx, s.path("refresh"), true)
	if err != nil {
		return err
	}
	report := terraform.Drift(p)
	report.Application, report.At = s.order.Application, s.Now().UTC()
	s.report.Drift, s.report.Outcome = &report, build.OutcomeDetected
	return nil
}
