package cloudformation

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/google/go-cmp/cmp"

	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/reconcile"
)

var place = gitops.Target{Account: "111122223333", Region: "eu-west-1"}

// registry is CloudFormation as far as it is asked whose a resource is: stacks by ARN, each with
// its resources in order, as logical id and physical id, and the stack that it is nested in.
type registry struct {
	resources map[string][][2]string
	parents   map[string]string
	shown     int // resources of a stack that DescribeStackResources shows
	fails     error
	calls     []string
}

func (r *registry) DescribeStackResources(_ context.Context, in *cloudformation.DescribeStackResourcesInput, _ ...func(*cloudformation.Options)) (*cloudformation.DescribeStackResourcesOutput, error) {
	r.calls = append(r.calls, "DescribeStackResources")
	if r.fails != nil {
		return nil, r.fails
	}
	if in.StackName != nil || aws.ToString(in.PhysicalResourceId) == "" {
		return nil, errors.New("both, or neither, of stack and resource are named")
	}
	for stack, all := range r.resources {
		for _, one := range all {
			if one[1] != *in.PhysicalResourceId {
				continue
			}
			out := &cloudformation.DescribeStackResourcesOutput{}
			for _, each := range all[:min(len(all), r.shown)] {
				out.StackResources = append(out.StackResources, types.StackResource{StackId: aws.String(stack), LogicalResourceId: aws.String(each[0]), PhysicalResourceId: aws.String(each[1])})
			}
			return out, nil
		}
	}
	return nil, apiError("ValidationError", "Stack for %s does not exist", *in.PhysicalResourceId)
}

func (r *registry) DescribeStacks(_ context.Context, in *cloudformation.DescribeStacksInput, _ ...func(*cloudformation.Options)) (*cloudformation.DescribeStacksOutput, error) {
	r.calls = append(r.calls, "DescribeStacks")
	s := types.Stack{StackId: in.StackName}
	if parent := r.parents[*in.StackName]; parent != "" {
		s.ParentId, s.RootId = aws.String(parent), aws.String(parent)
	}
	return &cloudformation.DescribeStacksOutput{Stacks: []types.Stack{s}}, nil
}

func (r *registry) ListStackResources(_ context.Context, in *cloudformation.ListStackResourcesInput, _ ...func(*cloudformation.Options)) (*cloudformation.ListStackResourcesOutput, error) {
	r.calls = append(r.calls, "ListStackResources")
	all := r.resources[*in.StackName]
	from := 0
	if in.NextToken != nil {
		_, _ = fmt.Sscan(*in.NextToken, &from)
	}
	out := &cloudformation.ListStackResourcesOutput{}
	for _, each := range all[from:min(len(all), from+r.shown)] {
		out.StackResourceSummaries = append(out.StackResourceSummaries, types.StackResourceSummary{LogicalResourceId: aws.String(each[0]), PhysicalResourceId: aws.String(each[1])})
	}
	if from+r.shown < len(all) {
		out.NextToken = aws.String(fmt.Sprint(from + r.shown))
	}
	return out, nil
}

const (
	rootStack = "arn:aws:cloudformation:eu-west-1:111122223333:stack/prod/1"
	midStack  = "arn:aws:cloudformation:eu-west-1:111122223333:stack/prod-Mid-X/2"
	lowStack  = "arn:aws:cloudformation:eu-west-1:111122223333:stack/prod-Mid-X-Low-Y/3"
)

func locating(t *testing.T) (*registry, *Locator, *time.Time) {
	t.Helper()
	now := time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)
	r := &registry{shown: 2, parents: map[string]string{midStack: rootStack, lowStack: midStack}, resources: map[string][][2]string{
		rootStack: {{"Bucket", "books"}, {"Policy", "books"}, {"Mid", midStack}},
		midStack:  {{"Topic", "arn:topic"}, {"Low", lowStack}},
		lowStack:  {{"A", "a"}, {"B", "b"}, {"C", "c"}, {"D", "d"}, {"E", "e"}},
	}}
	return r, newLocator(func(_ context.Context, to gitops.Target) (lookups, error) {
		if to != place {
			return nil, reconcile.ErrDenied
		}
		return r, nil
	}, func() time.Time { return now }), &now
}

func TestAResourceIsFoundInItsRootStackByItsPhysicalID(t *testing.T) {
	for physical, c := range map[string]struct {
		logical []string
		calls   int
	}{
		"books":     {[]string{"Bucket", "Policy"}, 2},
		"arn:topic": {[]string{"Mid/Topic"}, 6}, // the nested stack is not among the first of its parent's
		"b":         {[]string{"Mid/Low/B"}, 8},
		"e":         {[]string{"Mid/Low/E"}, 11}, // on the third page
	} {
		r, l, _ := locating(t)
		stack, logical, err := l.StackOf(t.Context(), place, physical)
		if err != nil || stack != rootStack {
			t.Errorf("%s: %s, %v", physical, stack, err)
		}
		if diff := cmp.Diff(c.logical, logical); diff != "" {
			t.Errorf("%s (-want +got):\n%s", physical, diff)
		}
		if len(r.calls) != c.calls {
			t.Errorf("%s took %d calls, want %d: %v", physical, len(r.calls), c.calls, r.calls)
		}
	}
}

// A program that writes a parameter every second, which no stack has, costs a call in five minutes.
func TestThatNoStackHasAResourceIsRememberedForAWhile(t *testing.T) {
	r, l, now := locating(t)
	for range 300 {
		if _, _, err := l.StackOf(t.Context(), place, "nobodys"); !errors.Is(err, reconcile.ErrNotFound) {
			t.Fatal(err)
		}
		*now = now.Add(time.Second)
	}
	if len(r.calls) != 1 {
		t.Errorf("%d calls", len(r.calls))
	}
	r.resources[rootStack] = append(r.resources[rootStack], [2]string{"Late", "nobodys"})
	if _, logical, err := l.StackOf(t.Context(), place, "nobodys"); err != nil || logical[0] != "Late" {
		t.Errorf("it is not found by then: %v, %v", logical, err)
	}
	for i := range 3 * forgets {
		l.keep(fmt.Sprint(i))
	}
	if len(l.nobody) > forgets {
		t.Errorf("%d are remembered", len(l.nobody))
	}
}

func TestWhatCloudFormationDoesNotSayIsNotThatNobodyHasIt(t *testing.T) {
	r, l, _ := locating(t)
	r.fails = apiError("Throttling", "Rate exceeded")
	if _, _, err := l.StackOf(t.Context(), place, "books"); err == nil || errors.Is(err, reconcile.ErrNotFound) {
		t.Errorf("got %v", err)
	}
	r.fails = nil
	if _, _, err := l.StackOf(t.Context(), place, "books"); err != nil {
		t.Errorf("it was remembered: %v", err)
	}
	if _, _, err := l.StackOf(t.Context(), gitops.Target{Account: "444455556666"}, "books"); !errors.Is(err, reconcile.ErrDenied) {
		t.Errorf("another account: %v", err)
	}
	r.parents[rootStack] = midStack // a circle
	if _, _, err := l.StackOf(t.Context(), place, "books"); err == nil {
		t.Error("a circle of stacks has a root")
	}
}
