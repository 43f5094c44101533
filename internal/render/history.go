package render

import (
	"strings"
	"time"

	"github.com/driftless-gitops/driftless/internal/gitops"
)

// History returns the table of an application's deployments. With a single one, it tells
// below when each of its phases began, and its whole reason.
func History(all []gitops.Deployment, now time.Time, colour bool) string {
	if len(all) == 0 {
		return "no deployments yet\n"
	}
	t := Table{Header: []string{"DEPLOYMENT", "KIND", "PHASE", "REVISION", "PLAN", "STARTED", "TOOK", "BY", "REASON"}}
	for _, d := range all {
		plan := "-"
		if d.Plan.Digest != "" {
			plan = d.Plan.String()
		}
		t.Rows = append(t.Rows, []Cell{{Text: d.ID}, {Text: string(d.Kind)}, {string(d.Phase), phaseStyle(d.Phase)},
			{Text: d.Revision.String()}, {Text: plan}, {Text: Age(d.StartedAt, now)}, {Text: took(d.StartedAt, d.EndedAt)},
			{Text: by(d)}, {Text: clip(d.Reason, 120)}})
	}
	if len(all) > 1 {
		return t.Text(colour)
	}
	return t.Text(colour) + "\n" + details(all[0], colour)
}

// details tells when each phase of a deployment began and how long it took, what it brought,
// who is behind it, and the reason.
func details(d gitops.Deployment, colour bool) string {
	p := &page{colour: colour}
	for i, at := range d.Times {
		until := d.EndedAt
		if i+1 < len(d.Times) {
			until = d.Times[i+1].At
		}
		lasted := ""
		if !at.Phase.Done() {
			lasted = took(at.At, until)
		}
		p.line("%-17s %s  %s", string(at.Phase), moment(at.At), lasted)
	}
	field := func(name, format string, args ...any) { p.line("%-17s "+format, append([]any{name}, args...)...) }
	field("commit", "%s", commit(d.Revision))
	if d.Plan.Digest != "" {
		field("plan", "%s  %s", d.Plan.Digest, d.Plan)
	}
	if d.Request.By != "" {
		field("asked for", "by %s at %s", gitops.CallerName(d.Request.By), moment(d.Request.At))
	}
	if a := d.Approved; a != nil {
		field("approved", "by %s at %s", gitops.CallerName(a.By), moment(a.At))
	}
	if r := d.Rejected; r != nil {
		field("rejected", "by %s at %s", gitops.CallerName(r.By), moment(r.At))
	}
	if u := d.Undoes; u != nil {
		field("goes back to", "%s, from %s: %s", u.To, u.Deployment, u.Reason)
	}
	for _, c := range d.Checks {
		field("check", "%s  %s  %s  %s", c.Name, checked(c), took(c.StartedAt, c.EndedAt), c.Reason)
	}
	for _, r := range d.Recoveries {
		field("recovery", "from %s at %s%s: %s", r.Status, moment(r.At), skipped(r.Skip), r.Result)
	}
	if d.Cause != nil {
		p.block("cause             ", d.Cause.String())
	}
	if strings.TrimSpace(d.Reason) != "" {
		p.block("reason            ", d.Reason)
	}
	return p.String()
}

// checked says in a word how a check of verify ended.
func checked(c gitops.CheckResult) string {
	switch {
	case c.Passed:
		return "passed"
	case !c.Done:
		return "goes on"
	case c.Unknown:
		return "not known"
	}
	return "failed"
}

func skipped(ids []string) string {
	if len(ids) == 0 {
		return ""
	}
	return ", leaving out " + strings.Join(ids, ", ")
}

// moment is a point in time, whose zone is everybody's.
func moment(at time.Time) string { return at.UTC().Format("2006-01-02 15:04:05Z") }

func took(from, until time.Time) string {
	if until.IsZero() {
		return "-"
	}
	return until.Sub(from).Round(100 * time.Millisecond).String()
}

// by says who is behind a deployment: who approved it, who asked for it, or who committed.
func by(d gitops.Deployment) string {
	switch {
	case d.Approved != nil:
		return gitops.CallerName(d.Approved.By)
	case d.Rejected != nil:
		return gitops.CallerName(d.Rejected.By)
	case d.Request.By != "":
		return gitops.CallerName(d.Request.By)
	}
	return d.Revision.Author
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
