package gitops_test

import (
	"testing"

	"github.com/driftless-gitops/driftless/internal/gitops"
)

func TestACDKAppIsHealthyOnceItWasSynthesised(t *testing.T) {
	a := gitops.Application{Settings: gitops.Settings{Engine: gitops.EngineCDK, CDK: &gitops.CDK{}}}
	if got := a.Health(); got != gitops.HealthMissing {
		t.Errorf("before, it is %s", got)
	}
	a.Deployed.Digest = "a"
	if got := a.Health(); got != gitops.HealthHealthy {
		t.Errorf("afterwards, it is %s", got)
	}
	a.Settings = gitops.Settings{Engine: gitops.EngineCloudFormation}
	if got := a.Health(); got != gitops.HealthMissing {
		t.Errorf("without a stack a stack is %s", got)
	}
}

func TestWhatDependsOnAnApplicationWaitsUntilItIsAtWhatGitWants(t *testing.T) {
	there := gitops.Application{Wanted: gitops.Wanted{Seq: 2, Digest: "b", Revision: gitops.Revision{Commit: "2222222"}}, Ended: gitops.Ended{Seq: 1}, Deployed: gitops.Deployed{Digest: "a"}}
	for name, c := range map[string]struct {
		change func(*gitops.Application)
		want   string
	}{
		"it was not begun":           {func(*gitops.Application) {}, "is not at 2222222 yet"},
		"it is under way":            {func(a *gitops.Application) { a.InFlight = "d" }, "is not at 2222222 yet"},
		"it is being deployed again": {func(a *gitops.Application) { a.InFlight, a.Deployed.Digest = "d", "b" }, "is not at 2222222 yet"},
		"it failed":                  {func(a *gitops.Application) { a.Ended = gitops.Ended{Seq: 2, Phase: gitops.PhaseFailed} }, "ended Failed"},
		"it is suspended":            {func(a *gitops.Application) { a.Suspended = &gitops.Suspension{} }, "is suspended"},
		"nobody registered it":       {func(a *gitops.Application) { *a = gitops.Application{} }, "is not there yet"},
		"it arrived":                 {func(a *gitops.Application) { a.Deployed.Digest = "b" }, ""},
		"it arrived, and a sync of it failed": {func(a *gitops.Application) {
			a.Deployed.Digest, a.Ended = "b", gitops.Ended{Seq: 2, Phase: gitops.PhaseFailed}
		}, ""},
		"it left the file": {func(a *gitops.Application) { a.Removed = true }, ""},
	} {
		a := there
		c.change(&a)
		if got := a.Behind(); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}
