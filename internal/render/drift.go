package render

import (
	"fmt"
	"strings"
	"time"

	"github.com/driftless-gitops/driftless/internal/gitops"
)

// Drift returns a drift report: what drifted property by property, what could not be
// checked and why, and how much of the application was looked at.
func Drift(r gitops.DriftReport, now time.Time, colour bool) string {
	s, p := r.Summary(), &page{colour: colour}
	p.line("%s  %s  %s  coverage %d %%  checked %s ago", p.paint(Bold, r.Application), place(r.StackID),
		p.verdict(s), s.Coverage(), Age(r.At, now))
	if r.Foreign != "" {
		p.block("  ! ", r.Foreign)
	}
	if !r.Complete {
		p.block("  incomplete: ", r.Reason)
	} else if r.Reason != "" {
		p.block("  note: ", r.Reason)
	}
	for _, rule := range r.Expired {
		p.block("  ! ", fmt.Sprintf("the rule that ignores %s (%s) ended on %s: what it names counts again", ignores(rule), rule.Reason, rule.Until))
	}
	for _, res := range r.Resources {
		switch res.Status {
		case gitops.ResourceModified:
			p.line("  %s %s  %s", p.paint(Warn, "~"), res.LogicalID, res.Type)
			p.rows(differenceRows(res), "      ")
			p.touched(res.By)
		case gitops.ResourceDeleted:
			p.line("  %s %s  %s  deleted%s", p.paint(Bad, "-"), res.LogicalID, res.Type, since(res.Since))
			p.touched(res.By)
		case gitops.ResourceInSync, gitops.ResourceIgnored, gitops.ResourceNotCheckable:
		}
	}
	p.unseen(r, gitops.ResourceIgnored, "  · ignored: ")
	p.partly(r)
	p.unseen(r, gitops.ResourceNotCheckable, "  ? not checkable: ")
	return p.String()
}

// verdict says in a few words what was found. What was not looked at, or not to the end, is
// never said to be in sync.
func (p *page) verdict(s gitops.DriftSummary) painted {
	switch {
	case s.Gone:
		return p.paint(Bad, "gone")
	case s.Drifted > 0:
		return p.paint(Warn, fmt.Sprintf("%d of %d resources drifted", s.Drifted, s.Total()))
	case s.Foreign != "":
		return p.paint(Warn, "changed by others")
	case !s.Complete:
		return p.paint(Dim, "unknown")
	case s.InSync == 0 && s.NotCheckable > 0:
		return p.paint(Dim, "not checkable")
	}
	return p.paint(Good, "in sync")
}

func differenceRows(r gitops.ResourceDrift) []row {
	var rows []row
	for _, d := range r.Properties {
		one := row{path: name(d.Path), sides: []side{{"declared", d.Declared}, {"live", d.Live}}, note: since(r.Since)}
		if d.Kind == gitops.Undeclared {
			one.sides[0] = side{"not declared", ""}
		}
		rows = append(rows, one)
	}
	return rows
}

// touched says who changed a resource, as an event told.
func (p *page) touched(by *gitops.Touch) {
	if by == nil {
		return
	}
	from := ""
	if by.From != "" {
		from = " from " + by.From
	}
	p.block("      changed by ", fmt.Sprintf("%s%s at %s (%s)", by.By, from, moment(by.At), by.Event))
}

// partly lists what is ignored of resources that have drifted otherwise.
func (p *page) partly(r gitops.DriftReport) {
	for _, res := range r.Resources {
		for _, i := range res.Ignored {
			if res.Status == gitops.ResourceModified {
				p.block("  · ignored: ", fmt.Sprintf("%s %s: %s", res.LogicalID, name(i.Path), i.Reason))
			}
		}
	}
}

// ignores names what a rule is about.
func ignores(rule gitops.Ignore) string {
	what := rule.Resource
	if what == "*" {
		what = "any resource's"
	}
	return strings.TrimRight(what+" "+name(rule.Path), " ")
}

// unseen lists the resources that drift detection says nothing of, by reason.
func (p *page) unseen(r gitops.DriftReport, status gitops.ResourceStatus, head string) {
	reasons := map[string][]string{}
	for _, res := range r.Resources {
		if res.Status == status {
			reasons[res.Reason] = append(reasons[res.Reason], res.LogicalID)
		}
	}
	for reason, ids := range sorted(reasons) {
		p.block(head, fmt.Sprintf("%s: %s", gitops.Printable(strings.Join(ids, ", ")), reason))
	}
}

func since(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return "  since " + moment(at)
}

// place says what a report is of: a stack by its name, arn:aws:cloudformation:…:stack/<name>/<id>,
// or a state by its address.
func place(id string) string {
	if strings.HasPrefix(id, "s3://") || strings.HasPrefix(id, "terraform:") {
		return "state " + id
	}
	if parts := strings.Split(id, "/"); len(parts) == 3 {
		return "stack " + parts[1]
	}
	return "stack " + id
}
