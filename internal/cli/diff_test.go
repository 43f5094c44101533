package cli

import (
	"testing"

	"github.com/driftless-gitops/driftless/internal/gitops"
)

func TestWhatCountsAsADifference(t *testing.T) {
	report := func(r gitops.DriftReport) *gitops.DriftReport { r.Complete = true; return &r }
	for name, c := range map[string]struct {
		diff gitops.Diff
		want bool
	}{
		"a plan that changes something": {gitops.Diff{Plan: &gitops.Plan{Changes: make([]gitops.Change, 1)}}, true},
		"a plan of outputs alone":       {gitops.Diff{Plan: &gitops.Plan{}, Sync: gitops.StatusOutOfSync}, false},
		"drift":                         {gitops.Diff{Report: report(gitops.DriftReport{Resources: []gitops.ResourceDrift{{Status: gitops.ResourceModified}}})}, true},
		"an update by somebody else":    {gitops.Diff{Sync: gitops.StatusSynced, Report: report(gitops.DriftReport{Foreign: "updated"})}, true},
		"a deployment that failed":      {gitops.Diff{Sync: gitops.StatusOutOfSync, Report: report(gitops.DriftReport{})}, true},
		"a repository that is broken":   {gitops.Diff{Sync: gitops.StatusUnknown}, true},
		"in sync":                       {gitops.Diff{Sync: gitops.StatusSynced, Report: report(gitops.DriftReport{})}, false},
		"an API that does not say":      {gitops.Diff{Report: report(gitops.DriftReport{})}, false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := differs(c.diff); got != c.want {
				t.Errorf("differs: %v, want %v", got, c.want)
			}
		})
	}
}
