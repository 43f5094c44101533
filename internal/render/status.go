package render

import (
	"fmt"
	"iter"
	"maps"
	"slices"
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
	p := &page{colour: colour}
	p.WriteString(Status([]gitops.View{v}, now, colour) + "\n")
	field := func(name, format string, args ...any) { p.line("%-13s "+format, append([]any{name}, args...)...) }
	field("repository", "%s %s", v.Repository.URL, Tracked(gitops.Repository{Branch: v.Repository.Branch, Tag: v.Repository.Tag}))
	field("path", "%s", strings.Join(append([]string{a.Settings.Path}, a.Settings.Watch...), ", "))
	field("target", "%s %s", a.Settings.Target.Account, a.Settings.Target.Region)
	if a.Settings.Terraform != nil {
		field("state", "%s", a.Deployed.StackID)
	} else {
		field("stack", "%s %s", a.Settings.CloudFormation.Stack, a.Deployed.StackID)
	}
	field("sync", "%s, approval %s", a.Settings.Sync.Mode, a.Settings.Sync.Approval)
	field("wanted", "%s", commit(a.Wanted.Revision))
	field("deployed", "%s", commit(a.Deployed.Revision))
	field("drift", "%s", looked(a.Drift, now))
	if a.Settings.Drift.Heal || len(a.Heals) > 0 {
		field("heal", "%s", heals(a, now))
	}
	if g := a.LastGood(); g.Deployment != "" && g.Deployment != a.Deployed.Deployment {
		field("last good", "%s", commit(g.Revision))
	}
	for k, out := range sorted(a.Deployed.Outputs) {
		field("output", "%s = %s", k, out)
	}
	if d := v.Deployment; d != nil {
		p.block("in flight     ", fmt.Sprintf("%s %s since %s: %s", d.ID, d.Phase, Age(d.StartedAt, now), v.Message))
	}
	if e := a.Ended; e.Deployment != "" {
		p.block("last ended    ", fmt.Sprintf("%s %s %s ago: %s", e.Deployment, e.Phase, Age(e.At, now), e.Reason))
	}
	if s := a.Suspended; s != nil {
		p.block("suspended     ", strings.TrimSuffix(fmt.Sprintf("by %s %s ago: %s", gitops.CallerName(s.By), Age(s.At, now), s.Reason), ": "))
	}
	for _, problem := range v.Repository.Problems {
		p.block("problem       ", problem.String())
	}
	if v.Repository.Trouble != "" {
		p.block("trouble       ", v.Repository.Trouble)
	}
	if v.Repository.Note != "" {
		p.block("note          ", v.Repository.Note)
	}
	return p.String()
}

// heals tells whether drift is healed by itself, what was, and what holds it.
func heals(a gitops.Application, now time.Time) string {
	text, n := "off", 0
	if a.Settings.Drift.Heal {
		text = "on"
	}
	for _, h := range a.Heals {
		if h.Refused == "" && now.Sub(h.At) < 24*time.Hour {
			n++
		}
	}
	text += fmt.Sprintf(", %d within a day", n)
	if held := a.HealHeld(now); held != "" {
		text += "; held: " + held
	} else if last := len(a.Heals) - 1; last >= 0 && a.Heals[last].Refused != "" {
		text += "; " + clip(a.Heals[last].Refused, 200)
	}
	return text
}

// commit shows a revision with its subject and author.
func commit(r gitops.Revision) string {
	if r.Commit == "" {
		return "nothing yet"
	}
	return fmt.Sprintf("%s %q by %s", r, clip(r.Message, 100), r.Author)
}

// looked tells when drift was looked for last, and how much of it was seen.
func looked(s gitops.DriftSummary, now time.Time) string {
	if s.At.IsZero() {
		return strings.TrimSpace("never looked for " + clip(s.Problem, 200))
	}
	text := fmt.Sprintf("%s, coverage %d %%, checked %s ago", s, s.Coverage(), Age(s.At, now))
	if s.Foreign != "" {
		text += "; " + clip(s.Foreign, 200)
	}
	if s.Problem != "" {
		text += "; " + clip(s.Problem, 200)
	}
	return text
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
	case s.Differs():
		return Warn
	case s.At.IsZero() || !s.Complete || s.InSync == 0 && s.NotCheckable > 0:
		return Dim
	}
	return Good
}

// sorted walks a map in the order of its keys.
func sorted[V any](m map[string]V) iter.Seq2[string, V] {
	return func(yield func(string, V) bool) {
		for _, k := range slices.Sorted(maps.Keys(m)) {
			if !yield(k, m[k]) {
				return
			}
		}
	}
}
