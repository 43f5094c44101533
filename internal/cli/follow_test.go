package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/driftless-gitops/driftless/internal/aws/api"
	"github.com/driftless-gitops/driftless/internal/gitops"
)

var nine = time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)

// told is what the API tells of the application jobs, look by look; the last for ever.
func told(t *testing.T, request gitops.RequestKind, looks ...gitops.View) (run func(args ...string) (code int, stdout, stderr string)) {
	t.Helper()
	asked := gitops.Application{ID: "jobs", Request: gitops.Request{Kind: request, N: 7, At: nine}}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var answer any = asked
		switch {
		case r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, "/drift"):
			answer = gitops.DriftReport{Application: "jobs", At: nine, Reason: "Rate exceeded"}
		case r.Method == http.MethodGet:
			answer = looks[0]
			looks = looks[min(1, len(looks)-1):]
		}
		_ = json.NewEncoder(w).Encode(answer) // whoever does not listen has failed already
	}))
	return commands(t, s)
}

// commands runs command lines against an API, which is closed at the test's end.
func commands(t *testing.T, s *httptest.Server) func(args ...string) (code int, stdout, stderr string) {
	t.Helper()
	t.Cleanup(s.Close)
	return func(args ...string) (int, string, string) {
		var out, errs bytes.Buffer
		f := waiter(nil)
		code := Run(t.Context(), Config{Stdout: &out, Stderr: &errs, Now: f.Now, Pause: f.Pause,
			Connect: func(context.Context, *flags) (*client, error) {
				return &client{http: s.Client(), at: api.Addresses{Read: s.URL, Write: s.URL}}, nil
			}}, args)
		return code, out.String(), errs.String()
	}
}

// seen is an application without a deployment in flight.
func seen(answered, wanted, ended int64, phase gitops.Phase, change func(*gitops.Application)) gitops.View {
	a := gitops.Application{ID: "jobs", Answered: answered, Wanted: gitops.Wanted{Seq: wanted},
		Ended: gitops.Ended{Deployment: "01J", Seq: ended, Phase: phase, Reason: string(phase) + " at " + string('0'+rune(ended))}}
	if change != nil {
		change(&a)
	}
	return gitops.NewView(a, nil, gitops.Repository{})
}

func TestASyncIsFollowedToTheEndOfWhatGitWants(t *testing.T) {
	for name, c := range map[string]struct {
		looks []gitops.View
		code  int
		said  string
	}{
		"what it asked for is not taken up yet": {[]gitops.View{seen(6, 1, 1, gitops.PhaseFailed, nil), seen(7, 1, 1, gitops.PhaseSucceeded, nil)},
			ExitOK, "Succeeded at 1"},
		"a newer commit overtook it": {[]gitops.View{seen(7, 2, 1, gitops.PhaseSuperseded, nil), seen(7, 2, 2, gitops.PhaseSucceeded, nil)},
			ExitOK, "Succeeded at 2"},
		"somebody suspended it meanwhile": {[]gitops.View{seen(6, 1, 1, gitops.PhaseSucceeded, func(a *gitops.Application) {
			a.Suspended = &gitops.Suspension{By: "bob", Reason: "migration"}
		})}, ExitFailed, "jobs starts nothing: suspended by bob: migration"},
		"it left driftless.yaml meanwhile": {[]gitops.View{seen(6, 1, 1, gitops.PhaseSucceeded, func(a *gitops.Application) { a.Removed = true })},
			ExitFailed, "jobs starts nothing: no longer in driftless.yaml"},
		"it is blocked": {[]gitops.View{seen(7, 1, 1, gitops.PhaseBlocked, nil)}, ExitFailed, "Blocked at 1"},
	} {
		t.Run(name, func(t *testing.T) {
			code, out, errs := told(t, gitops.RequestSync, c.looks...)("sync", "jobs", "--wait", "--timeout", "1m")
			if code != c.code || !strings.Contains(out+errs, c.said) {
				t.Errorf("exit code %d, want %d and %q:\n%s%s", code, c.code, c.said, out, errs)
			}
		})
	}
}

func TestASyncNeverGoesBackwards(t *testing.T) {
	at := func(phase gitops.Phase) gitops.View {
		v := seen(6, 2, 1, gitops.PhaseSucceeded, nil)
		v.Deployment = &gitops.Deployment{ID: "01K", Application: "jobs", Phase: phase}
		return v
	}
	_, _, errs := told(t, gitops.RequestSync, seen(6, 2, 1, gitops.PhaseSucceeded, nil), at(gitops.PhaseApplying), at(gitops.PhaseVerifying),
		seen(6, 2, 1, gitops.PhaseSuperseded, nil), seen(7, 2, 2, gitops.PhaseSucceeded, nil))("sync", "jobs", "--wait")
	var stages []string
	for l := range strings.Lines(errs) {
		if stage := strings.Fields(l)[0]; strings.Trim(stage, ".") != "" {
			stages = append(stages, stage)
		}
	}
	if diff := cmp.Diff([]string{"Pending", "Applying", "Verifying"}, stages); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestAPlanThatNobodyWillStartIsNotWaitedFor(t *testing.T) {
	v := seen(6, 2, 1, gitops.PhaseSucceeded, func(a *gitops.Application) { a.Suspended = &gitops.Suspension{By: "bob"} })
	v.Deployment = &gitops.Deployment{ID: "01K", Application: "jobs", Phase: gitops.PhaseAwaitingApproval, Approved: &gitops.Approved{By: "ann"}}
	code, _, errs := told(t, gitops.RequestSync, v)("sync", "jobs", "--wait")
	if code != ExitFailed || !strings.Contains(errs, "next: driftless resume jobs") {
		t.Errorf("exit code %d:\n%s", code, errs)
	}
}

func TestALookAtDriftThatEndedEarlyIsShownAndOneThatFailedIsTold(t *testing.T) {
	drift := func(at time.Time) func(*gitops.Application) {
		return func(a *gitops.Application) { a.Drift = gitops.DriftSummary{At: at, Problem: "Rate exceeded"} }
	}
	for name, c := range map[string]struct {
		at   time.Time
		code int
		said string
	}{
		"ended early":      {nine.Add(time.Second), ExitOK, "incomplete: Rate exceeded"},
		"not taken at all": {nine.Add(-time.Hour), ExitFailed, "jobs: Rate exceeded"},
	} {
		t.Run(name, func(t *testing.T) {
			code, out, errs := told(t, gitops.RequestDrift, seen(7, 1, 1, gitops.PhaseSucceeded, drift(c.at)))("drift", "jobs", "--detect")
			if code != c.code || !strings.Contains(out+errs, c.said) {
				t.Errorf("exit code %d, want %d and %q:\n%s%s", code, c.code, c.said, out, errs)
			}
		})
	}
}
