package render

import (
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

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

// Diff returns the plan of an unfinished deployment, else the latest drift report.
func Diff(d gitops.Diff, now time.Time, colour bool) string {
	switch {
	case d.Plan != nil:
		return Plan(*d.Deployment, *d.Plan, colour)
	case d.Report != nil && d.Report.Summary().Drifted > 0:
		return Drift(*d.Report, now, colour)
	case d.Deployment != nil:
		return fmt.Sprintf("%s  deployment %s is %s: there is no plan yet\n", d.Application, d.Deployment.ID, d.Deployment.Phase)
	case d.Report != nil:
		return fmt.Sprintf("%s  no differences: nothing is planned, and live was in sync %s ago\n", d.Application, Age(d.Report.At, now))
	}
	return fmt.Sprintf("%s  no differences are known: nothing is planned, and drift was never looked for\n", d.Application)
}

// Plan returns a plan, resource by resource and property by property.
func Plan(d gitops.Deployment, p gitops.Plan, colour bool) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s  %s  %s  plan %s  %s\n", Paint(colour, Bold, d.Application), d.Revision, d.Phase, gitops.Short(p.Digest), p.Summary())
	if d.Kind == gitops.KindRevert {
		b.WriteString("  brings live back to what was last deployed\n")
	}
	if d.Reason != "" {
		fmt.Fprintf(&b, "  %s\n", gitops.Printable(d.Reason))
	}
	changes(&b, p.Changes, "  ", colour)
	if len(p.Changes) == 0 {
		b.WriteString("  no resource changes\n")
	}
	if p.Note != "" {
		fmt.Fprintf(&b, "  note: %s\n", gitops.Printable(p.Note))
	}
	return b.String()
}

func changes(b *strings.Builder, all []gitops.Change, indent string, colour bool) {
	for _, c := range all {
		s := signs[c.Action]
		note := ""
		switch {
		case c.Action == gitops.ActionReplace:
			note = "  replacement"
		case c.Action == gitops.ActionRemove && c.Keeps:
			note = "  kept in AWS, no longer managed"
		}
		fmt.Fprintf(b, "%s%s %s  %s%s\n", indent, Paint(colour, s.style, s.sign), c.Type, c.LogicalID, Paint(colour, Bad, note))
		if c.Action != gitops.ActionAdd {
			properties(b, c.Properties, indent+"      ", colour)
		}
		changes(b, c.Nested, indent+"    ", colour)
	}
}

// properties shows what happens to each. Where the plan looked at live, all three sides are
// shown, since what somebody changed by hand is about to be overwritten.
func properties(b *strings.Builder, all []gitops.PropertyChange, indent string, colour bool) {
	width := 0
	for _, p := range all {
		width = max(width, utf8.RuneCountInString(name(p.Path)))
	}
	for _, p := range all {
		recreates := ""
		if p.Recreates == "Always" || p.Recreates == "Conditionally" {
			recreates = Paint(colour, Bad, "  recreates: "+strings.ToLower(p.Recreates))
		}
		path := gitops.Printable(fmt.Sprintf("%-*s", width, name(p.Path)))
		if p.Live != "" && p.Live != p.LastDeployed {
			fmt.Fprintf(b, "%s%s  live %s  last deployed %s  proposed %s%s\n", indent, path,
				value(p.Live), value(p.LastDeployed), value(p.Proposed), recreates)
			continue
		}
		fmt.Fprintf(b, "%s%s  %s → %s%s\n", indent, path, value(p.LastDeployed), value(p.Proposed), recreates)
	}
}

// Drift returns a drift report: what drifted property by property, what could not be
// checked and why, and how much of the application was looked at.
func Drift(r gitops.DriftReport, now time.Time, colour bool) string {
	s := r.Summary()
	var b strings.Builder
	verdict, style := fmt.Sprintf("%d of %d resources drifted", s.Drifted, s.Total()), Warn
	if s.Drifted == 0 {
		verdict, style = "in sync", Good
	}
	fmt.Fprintf(&b, "%s  stack %s  %s  coverage %d %%  checked %s ago\n", Paint(colour, Bold, r.Application), stackName(r.StackID),
		Paint(colour, style, verdict), s.Coverage(), Age(r.At, now))
	if !r.Complete {
		fmt.Fprintf(&b, "  incomplete: %s\n", gitops.Printable(r.Reason))
	}
	for _, res := range r.Resources {
		switch res.Status {
		case gitops.ResourceModified:
			fmt.Fprintf(&b, "  %s %s  %s\n", Paint(colour, Warn, "~"), res.LogicalID, res.Type)
			differences(&b, res)
		case gitops.ResourceDeleted:
			fmt.Fprintf(&b, "  %s %s  %s  deleted%s\n", Paint(colour, Bad, "-"), res.LogicalID, res.Type, since(res.Since))
		case gitops.ResourceInSync, gitops.ResourceIgnored, gitops.ResourceNotCheckable:
		}
	}
	unchecked(&b, r)
	return b.String()
}

func differences(b *strings.Builder, r gitops.ResourceDrift) {
	width := 0
	for _, d := range r.Properties {
		width = max(width, utf8.RuneCountInString(name(d.Path)))
	}
	for _, d := range r.Properties {
		fmt.Fprintf(b, "      %s   declared %s   live %s%s\n", gitops.Printable(fmt.Sprintf("%-*s", width, name(d.Path))),
			value(d.Declared), value(d.Live), since(r.Since))
	}
}

// unchecked lists what drift detection could not tell, by reason.
func unchecked(b *strings.Builder, r gitops.DriftReport) {
	reasons := map[string][]string{}
	for _, res := range r.Resources {
		if res.Status == gitops.ResourceNotCheckable {
			reasons[res.Reason] = append(reasons[res.Reason], res.LogicalID)
		}
	}
	for reason, ids := range sorted(reasons) {
		fmt.Fprintf(b, "  ? not checkable: %s: %s\n", strings.Join(ids, ", "), gitops.Printable(reason))
	}
}

func since(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return "   since " + at.UTC().Format("2006-01-02 15:04:05Z")
}

// stackName returns the name in a stack's ARN: arn:aws:cloudformation:…:stack/<name>/<id>.
func stackName(arn string) string {
	if parts := strings.Split(arn, "/"); len(parts) == 3 {
		return parts[1]
	}
	return arn
}

func name(path string) string {
	if len(path) > 1 && path[0] == '/' {
		return path[1:]
	}
	return path
}

func value(v string) string {
	if v == "" {
		return "(absent)"
	}
	return gitops.Printable(v)
}

func sorted[V any](m map[string]V) iter.Seq2[string, V] {
	return func(yield func(string, V) bool) {
		for _, k := range slices.Sorted(maps.Keys(m)) {
			if !yield(k, m[k]) {
				return
			}
		}
	}
}
