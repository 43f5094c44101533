package render

import (
	"fmt"
	"strings"
	"time"

	"github.com/driftless-gitops/driftless/internal/gitops"
)

// signs are those of the CDK's diff, which its users know.
var signs = map[gitops.Action]struct {
	sign  string
	style Style
}{
	gitops.ActionAdd: {"[+]", Good}, gitops.ActionModify: {"[~]", Warn}, gitops.ActionReplace: {"[±]", Bad},
	gitops.ActionRemove: {"[-]", Bad}, gitops.ActionImport: {"[←]", Good},
}

// Diff returns the plan of an unfinished deployment, else the latest drift report; where
// neither differs though live is not what git wants, why that is.
func Diff(d gitops.Diff, now time.Time, colour bool) string {
	p := &page{colour: colour}
	switch {
	case d.Plan != nil && d.Deployment != nil:
		return Plan(*d.Deployment, *d.Plan, colour)
	case d.Report != nil && d.Report.Summary().Differs():
		return Drift(*d.Report, now, colour)
	case d.Deployment != nil:
		p.line("%s  deployment %s is %s: there is no plan yet", d.Application, d.Deployment.ID, d.Deployment.Phase)
		if d.Deployment.Reason != "" {
			p.block("  ", d.Deployment.Reason)
		}
	case d.Sync != gitops.StatusSynced && d.Sync != "":
		p.block(d.Application+"  "+string(d.Sync)+": ", d.Message)
	case d.Report != nil && !d.Report.Complete:
		return Drift(*d.Report, now, colour)
	case d.Report != nil:
		p.line("%s  %s", d.Application, undiffering(d.Report.Summary(), now))
	default:
		p.line("%s  no differences are known: nothing is planned, and drift was never looked for", d.Application)
	}
	return p.String()
}

// undiffering says what a report without differences tells: no more than was looked at.
func undiffering(s gitops.DriftSummary, now time.Time) string {
	switch {
	case s.InSync == 0 && s.NotCheckable > 0:
		return fmt.Sprintf("no differences are known: nothing is planned, and nothing of live could be checked %s ago", Age(s.At, now))
	case s.Coverage() < 100:
		return fmt.Sprintf("no differences: nothing is planned, and what could be checked of live was in sync %s ago (coverage %d %%)", Age(s.At, now), s.Coverage())
	}
	return fmt.Sprintf("no differences: nothing is planned, and live was in sync %s ago", Age(s.At, now))
}

// Plan returns a plan, resource by resource and property by property.
func Plan(d gitops.Deployment, plan gitops.Plan, colour bool) string {
	p := &page{colour: colour}
	p.line("%s  %s  %s  plan %s  %s", p.paint(Bold, d.Application), d.Revision, d.Phase, gitops.Short(plan.Digest), plan.Summary())
	switch {
	case d.Kind.Reverts():
		p.line("  brings live back to what was last deployed")
	case d.Kind == gitops.KindRollback && d.Undoes != nil:
		p.line("  goes back to deployment %s, from %s", d.Undoes.To, d.Undoes.Deployment)
	}
	if n := plan.Summary().Overwrites; n > 0 {
		p.line("  %s", p.paint(Bad, fmt.Sprintf("overwrites %d that somebody changed by hand", n)))
	}
	if d.Reason != "" {
		p.block("  ", d.Reason)
	}
	who, what := byPermission(plan.Changes)
	if len(who) > 0 && len(what) > 0 {
		p.line("  %s", p.paint(Bold, "who may do what:"))
	}
	p.changes(who, "  ")
	if len(who) > 0 && len(what) > 0 {
		p.line("  %s", p.paint(Bold, "everything else:"))
	}
	p.changes(what, "  ")
	if len(plan.Changes) == 0 {
		p.line("  no resource changes")
	}
	if plan.Review != "" {
		p.block("  review: ", plan.Review)
	}
	if plan.Note != "" {
		p.block("  note: ", plan.Note)
	}
	return p.String()
}

// byPermission parts changes of who may do what from the others. Those of nested stacks stay
// with their stack.
func byPermission(all []gitops.Change) (who, what []gitops.Change) {
	for _, c := range all {
		if c.Permits() {
			who = append(who, c)
		} else {
			what = append(what, c)
		}
	}
	return who, what
}

func (p *page) changes(all []gitops.Change, indent string) {
	for _, c := range all {
		s, note := signs[c.Action], ""
		switch {
		case c.Action == gitops.ActionReplace:
			note = "  replacement"
		case c.Action == gitops.ActionRemove && c.Keeps:
			note = "  kept in AWS, no longer managed"
		}
		title := c.Type + "  " + c.LogicalID
		if strings.Contains(c.LogicalID, c.Type+".") {
			title = c.LogicalID // an address of Terraform's, which has the type in it
		}
		p.line("%s%s %s%s", indent, p.paint(s.style, s.sign), title, p.paint(Bad, note))
		p.rows(propertyRows(c), indent+"      ")
		p.changes(c.Nested, indent+"    ")
	}
}

// propertyRows says what happens to each property. Where the plan looked at live, all three
// sides are shown, since what somebody changed by hand is about to be overwritten; what is
// added has one side alone.
func propertyRows(change gitops.Change) []row {
	var rows []row
	for _, c := range change.Properties {
		r := row{path: name(c.Path), sides: []side{{"", c.LastDeployed}, {"→", c.Proposed}}}
		if change.Action == gitops.ActionAdd {
			r.sides = []side{{"", c.Proposed}}
		}
		if c.Live != "" && c.Live != c.LastDeployed {
			r.sides = []side{{"live", c.Live}, {"last deployed", c.LastDeployed}, {"proposed", c.Proposed}}
		}
		if c.Overwrites {
			r.warning = "changed by hand"
		}
		if c.Recreates == "Always" || c.Recreates == "Conditionally" {
			r.warning = "recreates: " + strings.ToLower(c.Recreates)
		}
		rows = append(rows, r)
	}
	return rows
}

// name is a property's path as people write it: without the leading slash.
func name(path string) string {
	if len(path) > 1 && path[0] == '/' {
		return path[1:]
	}
	return path
}
