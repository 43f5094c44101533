package cloudformation

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"

	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/reconcile"
)

// lookups are the calls that the Locator makes, under the drift role.
type lookups interface {
	DescribeStackResources(context.Context, *cloudformation.DescribeStackResourcesInput, ...func(*cloudformation.Options)) (*cloudformation.DescribeStackResourcesOutput, error)
	DescribeStacks(context.Context, *cloudformation.DescribeStacksInput, ...func(*cloudformation.Options)) (*cloudformation.DescribeStacksOutput, error)
	ListStackResources(context.Context, *cloudformation.ListStackResourcesInput, ...func(*cloudformation.Options)) (*cloudformation.ListStackResourcesOutput, error)
}

const (
	// remembers is for how long it is remembered that no stack has a resource, and forgets how
	// many of those: a program that writes a parameter every second costs one call in that time.
	remembers = 5 * time.Minute
	forgets   = 1000
	// deepest is how many stacks are walked up to the root. AWS has no limit on nesting; a circle
	// would be its bug.
	deepest = 20
)

// Locator finds the stack that has a resource. It is safe for concurrent use.
type Locator struct {
	enter func(context.Context, gitops.Target) (lookups, error)
	now   func() time.Time

	mu     sync.Mutex
	nobody map[string]time.Time // resources that no stack has, and since when that is known
}

var _ reconcile.Locator = (*Locator)(nil)

// NewLocator returns the locator that calls with the rights that drift gives.
func NewLocator(drift func(ctx context.Context, w reconcile.Work) (aws.Config, error), now func() time.Time) *Locator {
	return newLocator(func(ctx context.Context, to gitops.Target) (lookups, error) {
		// No application is known yet in whose name the account could be entered.
		cfg, err := drift(ctx, reconcile.Work{Application: "events", Settings: gitops.Settings{Target: to}})
		if err != nil {
			return nil, fmt.Errorf("enter account %s: %w", to.Account, err)
		}
		return cloudformation.NewFromConfig(cfg), nil
	}, now)
}

func newLocator(enter func(context.Context, gitops.Target) (lookups, error), now func() time.Time) *Locator {
	return &Locator{enter: enter, now: now, nobody: map[string]time.Time{}}
}

// StackOf implements reconcile.Locator: one call where no stack has it, two where one does, and
// two more for each stack that this one is nested in.
func (l *Locator) StackOf(ctx context.Context, to gitops.Target, physical string) (stack string, logical []string, err error) {
	key := to.Account + "#" + to.Region + "#" + physical
	none := fmt.Errorf("stack of resource %s: %w", physical, reconcile.ErrNotFound)
	if l.isNobodys(key) {
		return "", nil, none
	}
	c, err := l.enter(ctx, to)
	if err != nil {
		return "", nil, err
	}
	stack, logical, err = holding(ctx, c, physical)
	if err == nil && len(logical) == 0 {
		l.keep(key)
		return "", nil, none
	}
	for range deepest {
		if err != nil {
			return "", nil, err
		}
		nested, err := isNested(ctx, c, stack)
		if err != nil || !nested {
			return stack, logical, err
		}
		above, ids, err := holding(ctx, c, stack)
		if err != nil {
			return "", nil, err
		}
		if len(ids) != 1 {
			return "", nil, none // the stack around it is being changed
		}
		for i := range logical {
			logical[i] = ids[0] + "/" + logical[i]
		}
		stack = above
	}
	return "", nil, fmt.Errorf("stack of resource %s: nested more than %d deep", physical, deepest)
}

// holding returns the stack that has a resource of a physical id, and which of its resources have
// it; none where no stack does. The answer lists all of that stack, at most a hundred (API
// reference, DescribeStackResources): what is not among them is looked for page by page.
func holding(ctx context.Context, c lookups, physical string) (stack string, logical []string, err error) {
	out, err := c.DescribeStackResources(ctx, &cloudformation.DescribeStackResourcesInput{PhysicalResourceId: aws.String(physical)})
	if noStack(err) || err == nil && len(out.StackResources) == 0 {
		return "", nil, nil
	}
	if err != nil {
		return "", nil, translate("describe stack of resource "+physical, err)
	}
	stack = aws.ToString(out.StackResources[0].StackId)
	for _, r := range out.StackResources {
		if aws.ToString(r.PhysicalResourceId) == physical {
			logical = append(logical, aws.ToString(r.LogicalResourceId))
		}
	}
	for in := (&cloudformation.ListStackResourcesInput{StackName: &stack}); len(logical) == 0; {
		page, err := c.ListStackResources(ctx, in)
		if err != nil {
			return "", nil, translate("list resources of stack "+stack, err)
		}
		for _, r := range page.StackResourceSummaries {
			if aws.ToString(r.PhysicalResourceId) == physical {
				logical = append(logical, aws.ToString(r.LogicalResourceId))
			}
		}
		if aws.ToString(page.NextToken) == "" {
			break
		}
		in.NextToken = page.NextToken
	}
	return stack, logical, nil
}

// isNested reports whether a stack is nested in another one (API reference, Stack: RootId and
// ParentId are there for nested stacks).
func isNested(ctx context.Context, c lookups, stack string) (bool, error) {
	out, err := c.DescribeStacks(ctx, &cloudformation.DescribeStacksInput{StackName: aws.String(stack)})
	if err != nil {
		return false, translate("describe stack "+stack, err)
	}
	return len(out.Stacks) > 0 && strings.HasPrefix(aws.ToString(out.Stacks[0].ParentId), "arn:"), nil
}

func (l *Locator) isNobodys(key string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	at, known := l.nobody[key]
	return known && l.now().Sub(at) < remembers
}

func (l *Locator) keep(key string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.nobody) >= forgets {
		clear(l.nobody)
	}
	l.nobody[key] = l.now()
}
