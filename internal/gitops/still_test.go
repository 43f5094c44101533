package gitops_test

import (
	"testing"
	"time"

	"github.com/driftless-gitops/driftless/internal/gitops"
)

func TestAReportIsStillTheSameOnlyIfAllIsInSyncAsBefore(t *testing.T) {
	noon := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	report := func(statuses ...gitops.ResourceStatus) gitops.DriftReport {
		r := gitops.DriftReport{At: noon, Whole: noon, Complete: true}
		for _, s := range statuses {
			r.Resources = append(r.Resources, gitops.ResourceDrift{Type: "AWS::SQS::Queue", Status: s})
		}
		return r
	}
	changed := func(change func(*gitops.DriftReport)) gitops.DriftReport {
		r := report(gitops.ResourceInSync, gitops.ResourceInSync)
		change(&r)
		return r
	}
	two := report(gitops.ResourceInSync, gitops.ResourceInSync)
	for name, c := range map[string]struct {
		before, now gitops.DriftReport
		want        bool
	}{
		"two in sync, an hour later":  {two, changed(func(r *gitops.DriftReport) { r.At, r.Whole = noon.Add(time.Hour), noon.Add(time.Hour) }), true},
		"one more":                    {two, report(gitops.ResourceInSync, gitops.ResourceInSync, gitops.ResourceInSync), false},
		"one has drifted":             {two, report(gitops.ResourceInSync, gitops.ResourceModified), false},
		"one has drifted all along":   {report(gitops.ResourceModified), report(gitops.ResourceModified), false},
		"one is not checkable":        {report(gitops.ResourceNotCheckable), report(gitops.ResourceNotCheckable), false},
		"one is ignored all along":    {report(gitops.ResourceIgnored), report(gitops.ResourceIgnored), false},
		"some alone were looked at":   {two, changed(func(r *gitops.DriftReport) { r.Partial = true }), false},
		"some alone, and all an hour": {changed(func(r *gitops.DriftReport) { r.Whole = noon.Add(-time.Hour) }), two, false},
		"not all could be looked at":  {two, changed(func(r *gitops.DriftReport) { r.Complete, r.Reason = false, "denied" }), false},
		"somebody changed the stack":  {two, changed(func(r *gitops.DriftReport) { r.Foreign = "updated by others" }), false},
		"the stack is gone":           {two, changed(func(r *gitops.DriftReport) { r.Gone = true }), false},
		"a rule has expired":          {two, changed(func(r *gitops.DriftReport) { r.Expired = []gitops.Ignore{{}} }), false},
		"a rule had expired":          {changed(func(r *gitops.DriftReport) { r.Expired = []gitops.Ignore{{}} }), two, false},
		"a stack is nested now":       {two, changed(func(r *gitops.DriftReport) { r.Resources[0].Type = "AWS::CloudFormation::Stack" }), false},
	} {
		if got := c.before.Summary().Still(c.now); got != c.want {
			t.Errorf("%s: still is %t, want %t", name, got, c.want)
		}
	}
	if (gitops.DriftSummary{}).Still(gitops.DriftReport{Complete: true}) {
		t.Error("nobody has looked before")
	}
}
