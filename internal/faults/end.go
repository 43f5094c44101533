package faults

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/driftless-gitops/driftless/internal/forge/forgetest"
	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/reconcile"
)

// End is how a step ended, without the ids and times that differ from run to run.
type End struct {
	Repository  string
	Problems    []string
	Application string
	Drift       string
	Report      string
	History     []string // of the deployments, the latest first
	Stack       string
	Live        string   // the queue, or Terraform's state
	Executions  int      // of change sets, since the stack was made
	ChangeSets  []string // that are left
	Builds      []string // what became of each job of theirs, by deployment
	Statuses    []string // that the forge shows of all commits
}

// Executions on the record and in the stack's events are never fewer than there were; a case in
// which one was lost or doubled differs in them.

// end looks at everything that a step leaves.
func (n *Lane) end(ctx context.Context) (End, error) {
	var e End
	live := n.live
	if n.engine == gitops.EngineTerraform {
		live = n.state
	}
	errs := []error{n.records(ctx, &e), live(ctx, &e)}
	for _, commit := range n.commits {
		for _, s := range n.shown(commit) {
			e.Statuses = append(e.Statuses, n.plain(fmt.Sprintf("%s %s %s: %s", commit, s.Context, s.State, s.Description)))
		}
	}
	slices.Sort(e.Statuses)
	return e, errors.Join(errs...)
}

func (n *Lane) records(ctx context.Context, e *End) error {
	r, err := n.lab.store.Repository(ctx, n.id)
	if err != nil {
		return err
	}
	e.Repository = n.plain(fmt.Sprintf("head %s, unfinished %t, trouble %q, note %q, applications %v", r.Head.Commit, r.Unfinished(), r.Trouble, r.Note, r.Applications))
	for _, p := range r.Problems {
		e.Problems = append(e.Problems, n.plain(p.String()))
	}
	a, err := n.lab.store.Application(ctx, n.name)
	if err != nil {
		return err
	}
	_, open := a.Open()
	e.Application = n.plain(fmt.Sprintf("wants %s, in flight %q, ended %s %q at what it wants %t, deployed %s, removed %t, request open %t, suspended %t, detection %t, %s %s",
		a.Wanted.Revision.Commit, a.InFlight, a.Ended.Phase, a.Ended.Reason, a.Ended.Seq == a.Wanted.Seq, a.Deployed.Revision.Commit, a.Removed, open,
		a.Suspended != nil, a.Detection != nil, a.Sync(), a.Health()))
	d := a.Drift
	e.Drift = n.plain(fmt.Sprintf("in sync %d, drifted %d, ignored %d, not checkable %d, complete %t, %q %q", d.InSync, d.Drifted, d.Ignored, d.NotCheckable, d.Complete, d.Message, d.Problem))
	report, err := n.lab.store.LatestReport(ctx, n.name)
	if err != nil && !errors.Is(err, reconcile.ErrNotFound) {
		return err
	}
	for _, res := range report.Resources {
		e.Report += n.plain(fmt.Sprintf("%s %s %v; ", res.LogicalID, res.Status, res.Properties))
	}
	all, err := n.lab.store.ListDeployments(ctx, n.name, 100)
	for _, d := range all {
		e.History = append(e.History, n.plain(deployment(d)))
	}
	return err
}

func deployment(d gitops.Deployment) string {
	drift := "no drift looked for"
	if d.Drift != nil {
		drift = fmt.Sprintf("%d in sync, %d drifted, complete %t", d.Drift.InSync, d.Drift.Drifted, d.Drift.Complete)
	}
	said := fmt.Sprintf("%s %s %s: %q, plan %s, approved %t, request %q, %s", d.Kind, d.Revision.Commit, d.Phase, d.Reason, d.Plan, d.Approved != nil, d.Request.Kind, drift)
	for _, c := range d.Checks {
		said += fmt.Sprintf(", check %s done %t passed %t", c.Name, c.Done, c.Passed)
	}
	for _, r := range d.Recoveries {
		said += fmt.Sprintf(", recovered from %q skipping %v by a person %t", r.Status, r.Skip, r.By != "")
	}
	if d.Undoes != nil {
		said += fmt.Sprintf(", goes back by a person %t", d.Undoes.By != "")
	}
	return said
}

func (n *Lane) live(ctx context.Context, e *End) error {
	status, arn, err := n.stack(ctx)
	if err != nil {
		return err
	}
	e.Stack = status
	client := cloudformation.NewFromConfig(n.lab.Sandbox.Config())
	sets, err := client.ListChangeSets(ctx, &cloudformation.ListChangeSetsInput{StackName: &arn})
	if err != nil {
		return fmt.Errorf("list change sets of %s: %w", n.name, err)
	}
	for _, s := range sets.Summaries {
		if s.ExecutionStatus == types.ExecutionStatusExecuteComplete || s.ExecutionStatus == types.ExecutionStatusExecuteFailed {
			continue // no plan any more, but what became of one
		}
		e.ChangeSets = append(e.ChangeSets, n.plain(aws.ToString(s.ChangeSetName)+" "+string(s.Status)+" "+string(s.ExecutionStatus)))
	}
	events := cloudformation.NewDescribeStackEventsPaginator(client, &cloudformation.DescribeStackEventsInput{StackName: &arn})
	for events.HasMorePages() {
		page, err := events.NextPage(ctx)
		if err != nil {
			return fmt.Errorf("read events of %s: %w", n.name, err)
		}
		for _, event := range page.StackEvents {
			status := string(event.ResourceStatus)
			if aws.ToString(event.PhysicalResourceId) == arn && (status == "CREATE_IN_PROGRESS" || status == "UPDATE_IN_PROGRESS") {
				e.Executions++
			}
		}
	}
	visible, err := n.lab.Sandbox.QueueAttribute(ctx, n.queue, "VisibilityTimeout")
	e.Live = n.plain(n.queue) + " " + visible
	return err
}

// shown is what the forge shows of a commit, by context.
func (n *Lane) shown(commit string) map[string]forgetest.Status {
	last := map[string]forgetest.Status{}
	for _, s := range n.lab.forge.Statuses() {
		if s.Repository == "acme/"+n.name && s.Commit == commit {
			last[s.Context] = s
		}
	}
	return last
}

var (
	ulid  = regexp.MustCompile(`\b[0-9A-HJKMNP-TV-Z]{26}\b`)
	uuid  = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`)
	named = regexp.MustCompile(`driftless-DEPLOYMENT-\d+`)
	clock = regexp.MustCompile(`\d{4}-\d\d-\d\d[T ][0-9:.Z+]+|\b\d+(\.\d+)?m?s\b`)
)

// plain replaces what differs from run to run: the lane's own names, commits by their number.
func (n *Lane) plain(s string) string {
	for i, commit := range n.commits {
		name := fmt.Sprintf("commit %d", i+1)
		s = strings.ReplaceAll(s, commit, name)
		s = strings.ReplaceAll(s, gitops.Short(commit), name)
	}
	s = strings.NewReplacer(n.id, "REPOSITORY", n.url, "URL", n.name, "lane", n.lab.service.URL, "SERVICE").Replace(s)
	s = ulid.ReplaceAllString(s, "DEPLOYMENT")
	s = named.ReplaceAllString(s, "TOKEN")
	s = uuid.ReplaceAllString(s, "UUID")
	return clock.ReplaceAllString(s, "TIME")
}
