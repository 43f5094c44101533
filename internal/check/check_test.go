package check_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/driftless-gitops/driftless/internal/check"
	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/reconcile"
)

// attempt is a Checker made of a function.
type attempt func(ctx context.Context) (gitops.Verdict, error)

func (a attempt) Check(ctx context.Context, _ reconcile.Work, _ gitops.Check, _ map[string]string) (gitops.Verdict, error) {
	return a(ctx)
}

func says(what string) attempt {
	return func(context.Context) (gitops.Verdict, error) { return gitops.Verdict{Passed: true, Reason: what}, nil }
}

func TestEachKindHasItsOwnChecker(t *testing.T) {
	k := check.Kinds{HTTP: says("http"), Alarm: says("alarm"), Lambda: says("lambda")}
	for want, c := range map[string]gitops.Check{"http": {HTTP: &gitops.HTTPCheck{}}, "alarm": {Alarm: "a"}, "lambda": {Lambda: "l"}} {
		if v, err := k.Check(t.Context(), reconcile.Work{}, c, nil); err != nil || v.Reason != want {
			t.Errorf("%s: got %+v, %v", want, v, err)
		}
	}
	if v, err := k.Check(t.Context(), reconcile.Work{}, gitops.Check{}, nil); err != nil || !v.Final || v.Passed {
		t.Errorf("a check of no kind: %+v, %v", v, err)
	}
}

func TestAnAttemptTakesNoLongerThanItMay(t *testing.T) {
	for name, c := range map[string]struct {
		check gitops.Check
		want  time.Duration
	}{
		"five seconds where nothing is said":   {gitops.Check{HTTP: &gitops.HTTPCheck{}}, 5 * time.Second},
		"of an alarm too":                      {gitops.Check{Alarm: "a"}, 5 * time.Second},
		"twenty for a function":                {gitops.Check{Lambda: "l"}, 20 * time.Second},
		"what is said":                         {gitops.Check{HTTP: &gitops.HTTPCheck{}, TimeoutSeconds: 9}, 9 * time.Second},
		"what is said of a function":           {gitops.Check{Lambda: "l", TimeoutSeconds: 3}, 3 * time.Second},
		"never more than twenty":               {gitops.Check{HTTP: &gitops.HTTPCheck{}, TimeoutSeconds: 60}, 20 * time.Second},
		"nor less than nothing, which is five": {gitops.Check{HTTP: &gitops.HTTPCheck{}, TimeoutSeconds: -1}, 5 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			began := time.Now()
			look := attempt(func(ctx context.Context) (gitops.Verdict, error) {
				end, ok := ctx.Deadline()
				if got := end.Sub(began).Round(time.Second); !ok || got != c.want {
					t.Errorf("the attempt may take %s, want %s", got, c.want)
				}
				return gitops.Verdict{}, nil
			})
			if _, err := (check.Kinds{HTTP: look, Alarm: look, Lambda: look}).Check(t.Context(), reconcile.Work{}, c.check, nil); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestAnAttemptThatWasCutOffFoundNothingOut(t *testing.T) {
	late := attempt(func(ctx context.Context) (gitops.Verdict, error) {
		<-ctx.Done()
		return gitops.Verdict{Reason: "not answered in time"}, nil
	})
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	v, err := check.Kinds{HTTP: late}.Check(ctx, reconcile.Work{}, gitops.Check{HTTP: &gitops.HTTPCheck{}, TimeoutSeconds: 9}, nil)
	if !errors.Is(err, context.DeadlineExceeded) || v != (gitops.Verdict{}) {
		t.Errorf("where the invocation's time was up: %+v, %v", v, err)
	}
	v, err = check.Kinds{HTTP: late}.Check(t.Context(), reconcile.Work{}, gitops.Check{HTTP: &gitops.HTTPCheck{}, TimeoutSeconds: 1}, nil)
	if err != nil || v.Reason != "not answered in time" {
		t.Errorf("where the attempt's was: %+v, %v", v, err)
	}
	unknown := attempt(func(context.Context) (gitops.Verdict, error) {
		return gitops.Verdict{Passed: true}, reconcile.ErrDenied
	})
	if v, err := (check.Kinds{Alarm: unknown}).Check(t.Context(), reconcile.Work{}, gitops.Check{Name: "errors", Alarm: "a"}, nil); !errors.Is(err, reconcile.ErrDenied) || v != (gitops.Verdict{}) {
		t.Errorf("where nobody may look: %+v, %v", v, err)
	}
}
