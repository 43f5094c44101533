package render

import (
	"fmt"
	"strings"
	"time"

	"github.com/driftless-gitops/driftless/internal/gitops"
)

// Status returns the table of applications.
func Status(views []gitops.View, now time.Time, colour bool) string {
	if len(views) == 0 {
		return "no applications yet: 'driftless repository add URL' watches a repository that has a driftless.yaml\n"
	}
	t := Table{Header: []string{"APPLICATION", "ENGINE", "SYNC", "HEALTH", "DRIFT", "REVISION", "AGE", "MESSAGE"}}
	for _, v := range views {
		a := v.Application
		revision := a.Deployed.Revision
		if revision.Commit == "" {
			revision = a.Wanted.Revision
		}
		t.Rows = append(t.Rows, []Cell{{Text: a.ID, Style: Bold}, {Text: string(a.Settings.Engine)},
			{string(v.Sync), syncStyle(v.Sync)}, {phaseOrHealth(v), healthStyle(v.Health)}, {a.Drift.String(), driftStyle(a.Drift)},
			{Text: revision.String()}, {Text: Age(a.Deployed.At, now)}, {Text: clip(v.Message, 100)}})
	}
	return t.Text(colour)
}

// phaseOrHealth shows how far a deployment in flight is, beside what that means.
func phaseOrHealth(v gitops.View) string {
	if v.Deployment != nil && v.Health == gitops.HealthProgressing {
		return fmt.Sprintf("%s (%s)", v.Health, v.Deployment.Phase)
	}
	return string(v.Health)
}

// Application returns everything about one application.
func Application(v gitops.View, now time.Time, colour bool) string {
	a := v.Application
	var b strings.Builder
	field := func(name, format string, args ...any) {
		fmt.Fprintf(&b, "%-13s %s\n", name, gitops.Printable(fmt.Sprintf(format, args...)))
	}
	b.WriteString(Status([]gitops.View{v}, now, colour) + "\n")
	field("repository", "%s %s", v.Repository.URL, v.Repository.Branch)
	field("path", "%s", strings.Join(append([]string{a.Settings.Path}, a.Settings.Watch...), ", "))
	field("target", "%s %s", a.Settings.Target.Account, a.Settings.Target.Region)
	field("stack", "%s %s", a.Settings.CloudFormation.Stack, a.Deployed.StackID)
	field("sync", "%s, approval %s", a.Settings.Sync.Mode, a.Settings.Sync.Approval)
	field("wanted", "%s %q", a.Wanted.Revision, a.Wanted.Revision.Message)
	field("deployed", "%s %q", a.Deployed.Revision, a.Deployed.Revision.Message)
	if d := v.Deployment; d != nil {
		field("in flight", "%s %s since %s: %s", d.ID, d.Phase, Age(d.StartedAt, now), v.Message)
	}
	if a.Ended.Deployment != "" {
		field("last ended", "%s %s %s ago: %s", a.Ended.Deployment, a.Ended.Phase, Age(a.Ended.At, now), a.Ended.Reason)
	}
	for k, out := range sorted(a.Deployed.Outputs) {
		field("output", "%s = %s", k, out)
	}
	for _, p := range v.Repository.Problems {
		field("problem", "%s", p)
	}
	return b.String()
}

// History returns the table of an application's deployments.
func History(all []gitops.Deployment, now time.Time, colour bool) string {
	if len(all) == 0 {
		return "no deployments yet\n"
	}
	t := Table{Header: []string{"DEPLOYMENT", "KIND", "PHASE", "REVISION", "PLAN", "STARTED", "TOOK", "BY", "REASON"}}
	for _, d := range all {
		took := "-"
		if !d.EndedAt.IsZero() {
			took = d.EndedAt.Sub(d.StartedAt).Round(100 * time.Millisecond).String()
		}
		plan := "-"
		if d.Plan.Digest != "" {
			plan = d.Plan.String()
		}
		t.Rows = append(t.Rows, []Cell{{Text: d.ID}, {Text: string(d.Kind)}, {string(d.Phase), phaseStyle(d.Phase)},
			{Text: d.Revision.String()}, {Text: plan}, {Text: Age(d.StartedAt, now)}, {Text: took},
			{Text: by(d)}, {Text: clip(d.Reason, 120)}})
	}
	return t.Text(colour)
}

// by says who is behind a deployment: who approved it, who asked for it, or who committed.
func by(d gitops.Deployment) string {
	switch {
	case d.Approved != nil:
		return Name(d.Approved.By)
	case d.Request.By != "":
		return Name(d.Request.By)
	}
	return d.Revision.Author
}

// Name shortens the ARN of a caller to its name.
func Name(arn string) string {
	if i := strings.LastIndexAny(arn, "/:"); strings.HasPrefix(arn, "arn:") && i >= 0 {
		return arn[i+1:]
	}
	return arn
}

// Repositories returns the table of repositories, with their problems below.
func Repositories(all []gitops.Repository, now time.Time, colour bool) string {
	if len(all) == 0 {
		return "no repositories yet: 'driftless repository add URL' watches one\n"
	}
	t := Table{Header: []string{"ID", "URL", "BRANCH", "HEAD", "AGE", "STATE"}}
	var below strings.Builder
	for _, r := range all {
		state, style := "ok", Good
		switch {
		case r.Trouble != "":
			state, style = clip(r.Trouble, 80), Bad
		case len(r.Problems) > 0:
			state, style = fmt.Sprintf("%d problems", len(r.Problems)), Bad
		case r.Unfinished() || r.Head.Commit == "":
			state, style = "reading", Warn
		case r.Note != "":
			state, style = r.Note, Warn
		}
		t.Rows = append(t.Rows, []Cell{{Text: r.ID}, {Text: r.URL}, {Text: r.Branch}, {Text: r.Head.String()},
			{Text: Age(r.SeenAt, now)}, {state, style}})
		for _, p := range r.Problems {
			name := ""
			if p.Application != "" {
				name = p.Application + ": "
			}
			fmt.Fprintf(&below, "%s  %s%s\n", r.ID, name, gitops.Printable(p.String()))
		}
	}
	if below.Len() > 0 {
		return t.Text(colour) + "\n" + below.String()
	}
	return t.Text(colour)
}

func syncStyle(s gitops.SyncStatus) Style {
	return map[gitops.SyncStatus]Style{gitops.StatusSynced: Good, gitops.StatusOutOfSync: Warn}[s]
}

func healthStyle(h gitops.Health) Style {
	return map[gitops.Health]Style{gitops.HealthHealthy: Good, gitops.HealthDegraded: Bad, gitops.HealthProgressing: Warn,
		gitops.HealthSuspended: Dim, gitops.HealthMissing: Warn}[h]
}

func driftStyle(s gitops.DriftSummary) Style {
	switch {
	case s.Drifted > 0:
		return Warn
	case s.At.IsZero() || !s.Complete:
		return Dim
	}
	return Good
}

func phaseStyle(p gitops.Phase) Style {
	switch p {
	case gitops.PhaseSucceeded:
		return Good
	case gitops.PhaseFailed, gitops.PhaseBlocked:
		return Bad
	case gitops.PhaseSuperseded, gitops.PhaseRejected:
		return Dim
	case gitops.PhasePending, gitops.PhasePlanning, gitops.PhaseAwaitingApproval, gitops.PhaseApplying,
		gitops.PhaseVerifying, gitops.PhaseRollingBack:
		return Warn
	}
	return Plain
}

func clip(text string, n int) string {
	text, _, _ = strings.Cut(text, "\n")
	if runes := []rune(text); len(runes) > n {
		return string(runes[:n-1]) + "…"
	}
	return text
}
