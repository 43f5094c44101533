package cloudformation

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/driftless-gitops/driftless/internal/gitops"
)

// reader reads the changes of a change set and of those of its nested stacks. A nested
// stack's change set is another one, whose ARN the parent's change of that stack names; it
// is executed and deleted with the root and never by itself.
type reader struct {
	c        api
	hide     secrets
	ignored  int      // properties that were not compared with live
	unmoved  int      // nested stacks that CloudFormation lists though nothing in them changes
	warnings []string // of early validation
}

// unready is what a change set that is part of a plan is instead of ready.
type unready struct {
	state  gitops.OperationState
	reason string
	cause  *gitops.Cause
}

func (u *unready) Error() string { return u.reason }

// changes returns the changes of a ready change set, page by page. Half of them are never
// returned: a page, or a nested change set, that cannot be read is an error.
func (r *reader) changes(ctx context.Context, first *cloudformation.DescribeChangeSetOutput, d *noEcho) ([]gitops.Change, error) {
	if d == nil { // of a template that is not to be seen
		d = &noEcho{}
	}
	secret, all := masked(first.Parameters), []gitops.Change(nil)
	maps.Copy(secret, d.names)
	found, err := findings(ctx, r.c, first, false)
	if err != nil {
		return nil, err
	}
	for _, w := range found {
		r.warnings = append(r.warnings, line(&w))
	}
	err = eachChange(ctx, r.c, first, func(rc types.ResourceChange) error {
		change, err := changeOf(rc, secret)
		if err != nil {
			return err
		}
		r.ignored += len(rc.ResourceDriftIgnoredAttributes)
		unmoved := false
		if aws.ToString(rc.ChangeSetId) != "" {
			if unmoved, err = r.descend(ctx, &change, rc, d.nested[change.LogicalID]); err != nil {
				return err
			}
		}
		if unmoved {
			r.unmoved++
			return nil
		}
		r.hide.change(d, secret, &change)
		all = append(all, change)
		return nil
	})
	return all, err
}

// eachChange calls f with every change of a change set, of which the first page is read.
func eachChange(ctx context.Context, c changeSets, first *cloudformation.DescribeChangeSetOutput, f func(types.ResourceChange) error) error {
	for page := first; ; {
		for _, ch := range page.Changes {
			if ch.ResourceChange == nil { // Resource is the only type of change that there is (API reference, Change)
				return fmt.Errorf("read change set %s: %w", aws.ToString(first.ChangeSetName), unknown("type of change", ch.Type))
			}
			if err := f(*ch.ResourceChange); err != nil {
				return fmt.Errorf("read change set %s: %w", aws.ToString(first.ChangeSetName), err)
			}
		}
		if aws.ToString(page.NextToken) == "" {
			return nil
		}
		var err error
		page, err = c.DescribeChangeSet(ctx, &cloudformation.DescribeChangeSetInput{
			ChangeSetName: first.ChangeSetId, IncludePropertyValues: aws.Bool(true), NextToken: page.NextToken})
		if err != nil {
			return translate("describe change set "+aws.ToString(first.ChangeSetName), err)
		}
	}
}

// descend reads the nested change set of a nested stack's change. unmoved means that
// nothing happens to the stack: CloudFormation lists every nested stack as modified, since
// it looks into it, and the nested change set says that it found nothing.
func (r *reader) descend(ctx context.Context, change *gitops.Change, rc types.ResourceChange, d *noEcho) (unmoved bool, err error) {
	out, err := r.c.DescribeChangeSet(ctx, &cloudformation.DescribeChangeSetInput{
		ChangeSetName: rc.ChangeSetId, IncludePropertyValues: aws.Bool(true)})
	if err != nil {
		return false, translate("describe the change set of nested stack "+change.LogicalID, err)
	}
	secret := masked(out.Parameters)
	if d != nil {
		maps.Copy(secret, d.names)
	}
	for i := range change.Properties {
		p := &change.Properties[i]
		concealGiven(p.Path, secret, &p.LastDeployed, &p.Live, &p.Proposed)
	}
	v := judge(out)
	if out.Status == types.ChangeSetStatusCreateComplete && out.ExecutionStatus == types.ExecutionStatusUnavailable {
		v = changeSetReady // it is executed with the root's alone: "Executable from root change set"
	}
	switch v {
	case changeSetReady:
		if change.Nested, err = r.changes(ctx, out, d); err != nil {
			return false, err
		}
		slices.SortStableFunc(change.Nested, func(a, b gitops.Change) int { return strings.Compare(a.LogicalID, b.LogicalID) })
	case changeSetEmpty:
		return change.Action == gitops.ActionModify && !slices.ContainsFunc(change.Properties, moves), nil
	case changeSetPending:
		return false, &unready{state: gitops.OperationRunning, reason: "change set of nested stack " + change.LogicalID + " " + string(out.Status)}
	case changeSetFailed:
		why, err := failure(ctx, r.c, out)
		if err != nil {
			return false, err
		}
		for i := range why {
			within(change.LogicalID, &why[i])
		}
		return false, &unready{gitops.OperationFailed, everyLine(why), &why[0]}
	case changeSetExecuting, changeSetExecuted, changeSetObsolete, changeSetDeleted:
		return false, &unready{state: gitops.OperationStale, reason: fmt.Sprintf("the change set of nested stack %s is %s", change.LogicalID, v)}
	case changeSetUnknown:
		return false, fmt.Errorf("observe the change set of nested stack %s: status %s, %s is not known to this version",
			change.LogicalID, out.Status, out.ExecutionStatus)
	}
	return false, nil
}

// moves reports whether a property has another value afterwards.
func moves(p gitops.PropertyChange) bool { return p.LastDeployed != p.Proposed }

// nestedFailure returns which nested stack made a change set fail, and why: the root's
// reason is only "Nested change set <arn> was not successfully created: Currently in
// FAILED" (aws-sam-cli 2406). None where it cannot be told.
func nestedFailure(ctx context.Context, c api, out *cloudformation.DescribeChangeSetOutput) ([]gitops.Cause, error) {
	name, id := "", ""
	err := eachChange(ctx, c, out, func(rc types.ResourceChange) error {
		if of := aws.ToString(rc.ChangeSetId); of != "" && strings.Contains(aws.ToString(out.StatusReason), of) {
			name, id = aws.ToString(rc.LogicalResourceId), of
		}
		return nil
	})
	if err != nil || id == "" {
		return nil, err
	}
	nested, err := c.DescribeChangeSet(ctx, &cloudformation.DescribeChangeSetInput{ChangeSetName: &id})
	if hasCode(err, codeNoChangeSet) || noStack(err) {
		return nil, nil
	}
	if err != nil {
		return nil, translate("describe the change set of nested stack "+name, err)
	}
	why, err := failure(ctx, c, nested)
	for i := range why {
		within(name, &why[i])
	}
	return why, err
}
