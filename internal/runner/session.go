package runner

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/driftless-gitops/driftless/internal/build"
	"github.com/driftless-gitops/driftless/internal/gitops"
)

// session is a job under way, and what of it the next one of the same build can use.
type session struct {
	*Runner
	order build.Order
	job   build.Job

	app     string        // the application's directory, unpacked
	config  configuration // what it says
	lock    []byte        // the committed lock file; nil where none is
	fresh   []download    // what init downloaded that no earlier build did
	program string        // the path of terraform, or of the CDK's command line
	env     []string      // the environment of what runs
	veil                  // before what nobody may see
	log     *logbook
	steps   []build.Step
	report  build.Report // what the job found out so far

	over    chan struct{}     // closed at the end, for the providers that were started
	started []<-chan struct{} // closed as they end
}

// end stops what still runs.
func (s *session) end() {
	close(s.over)
	for _, ended := range s.started {
		<-ended
	}
}

// failure is an end other than the wanted one, said in words for people.
type failure struct {
	outcome build.Outcome
	reason  string
}

func (f *failure) Error() string { return f.reason }

func failed(format string, args ...any) error {
	return &failure{build.OutcomeFailed, fmt.Sprintf(format, args...)}
}

func blocked(format string, args ...any) error {
	return &failure{build.OutcomeBlocked, fmt.Sprintf(format, args...)}
}

// run does the session's job and reports it. An error means that it could not report.
func (s *session) run(ctx context.Context) (build.Outcome, error) {
	s.steps, s.report = nil, build.Report{}
	err := s.openLog(ctx)
	if err == nil {
		err = s.work(ctx)
	}
	s.report.Schema, s.report.Job, s.report.Build = build.Schema, s.job, s.Build
	if err != nil {
		s.report.Outcome, s.report.Reason = outcomeOf(err)
		if ctx.Err() != nil {
			s.report.Reason = "the build was stopped: " + s.report.Reason
		}
	}
	// A build that was told to stop still says so.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	return s.report.Outcome, s.close(ctx)
}

// outcomeOf returns how a job ends with an error.
func outcomeOf(err error) (build.Outcome, string) {
	var f *failure
	var refusal *gitops.Refusal
	switch {
	case errors.As(err, &f):
		return f.outcome, err.Error()
	case errors.As(err, &refusal) && refusal.Blocked:
		return build.OutcomeBlocked, refusal.Reason
	case errors.As(err, &refusal):
		return build.OutcomeFailed, refusal.Reason
	}
	return build.OutcomeFailed, err.Error()
}

// work does what the job's kind asks for.
func (s *session) work(ctx context.Context) error {
	if s.order.Schema > build.Schema {
		return blocked("the order has the schema %d, this program knows %d: deploy Driftless again, so that the program in builds is as new as the rest", s.order.Schema, build.Schema)
	}
	if s.order.CDK != nil {
		return s.synthesise(ctx)
	}
	if s.program == "" {
		if err := s.prepare(ctx); err != nil {
			return err
		}
	}
	switch s.job.Kind {
	case gitops.OperationPlan:
		return s.plan(ctx)
	case gitops.OperationApply:
		return s.apply(ctx)
	case gitops.OperationDetect:
		return s.detect(ctx)
	case gitops.OperationCancel: // a saved plan expires by itself: nothing is left to undo
	case gitops.OperationRecover: // of stacks alone
	}
	return failed("the order asks for %q; plan, apply and detect are known", s.job.Kind)
}

// close uploads the log, writes the report and wakes the reconciler.
func (s *session) close(ctx context.Context) error {
	began := s.Now()
	if s.log != nil {
		if err := s.log.close(ctx); err != nil {
			s.Log.Warn("the log was not uploaded", "error", err)
		}
		s.log = nil
	}
	s.took("upload", began)
	s.report.Steps, s.report.At = s.steps, s.Now().UTC()
	s.scrubReport()
	if err := s.tell(ctx); err != nil {
		return fmt.Errorf("report %s: %w", s.job.ReportKey(), err)
	}
	s.Log.Info("reported", "job", s.job.OrderKey(), "outcome", s.report.Outcome, "reason", s.report.Reason)
	if s.order.Queue != "" {
		if err := s.Wake(ctx, s.order.Queue, s.order.Application, "build "+string(s.job.Kind)); err != nil {
			s.Log.Warn("nobody was woken, the sweep will look", "error", err) // the report is the truth
		}
	}
	return nil
}

// tell writes the report, once.
func (s *session) tell(ctx context.Context) error {
	data, err := json.Marshal(s.report)
	if err != nil {
		return err
	}
	_, err = s.Blobs.PutNew(ctx, s.job.ReportKey(), data) // only who has the claim reports: what is there is ours
	return err
}

// step does a part of the job and notes how long it took.
func (s *session) step(name string, do func() error) error {
	began := s.Now()
	defer s.took(name, began)
	return do()
}

func (s *session) took(name string, began time.Time) {
	s.steps = append(s.steps, build.Step{Name: name, Milliseconds: s.Now().Sub(began).Milliseconds()})
}

// path is a place in the build's own directory, outside of what the repository says.
func (s *session) path(name string) string { return filepath.Join(s.Dir, name) }

// write makes a file that only this build reads.
func write(name string, data []byte) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Close())
}
