package fleet

import (
	"context"
	"strings"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/smithy-go"

	"github.com/driftless-gitops/driftless/internal/aws/cloudformation"
	"github.com/driftless-gitops/driftless/internal/sim/cloud"
)

// bucket is how AWS throttles: tokens that come back at a rate, up to a number (EC2 developer
// guide, "Request throttling for the Amazon EC2 API", describes it; CloudFormation's is not
// published).
type bucket struct {
	rate, most float64 // tokens a second, and how many there can be
	left       float64
	at         time.Duration
}

// take reports whether there was a token.
func (b *bucket) take(at time.Duration) bool {
	b.left = min(b.most, b.left+b.rate*(at-b.at).Seconds())
	b.at = at
	if b.left < 1 {
		return false
	}
	b.left--
	return true
}

// account is one account and region.
type account struct {
	*cloud.Cloud
	detect, describe, list bucket
}

// attempts and backoff are those of the SDK: three attempts, between which it waits for up to two
// and four seconds (aws-sdk-go-v2, retry.NewStandard and ExponentialJitterBackoff).
const attempts = 3

// client is CloudFormation's client in a function: it throttles, and tries again.
type client struct {
	cloudformation.Client // what is not below is not called
	w                     *world
}

// through makes one call of the account that the process works in.
func through[I, O any](ctx context.Context, c client, site string, in I, do func(*account) func(context.Context, I, ...func(*sdk.Options)) (O, error)) (O, error) {
	var none O
	p := c.w.running
	a := c.w.accountOf(p.app)
	for attempt := 1; ; attempt++ {
		p.pause(c.w.o.Latency.CloudFormation)
		c.w.count(site, 1)
		if a.allows(site, c.w.at) {
			return do(a)(ctx, in)
		}
		c.w.result.Throttled[site] += c.w.measured()
		if c.w.deploys(p.app) {
			c.w.result.ThrottledDeployments += c.w.measured()
		}
		if attempt == attempts {
			return none, &smithy.GenericAPIError{Code: "Throttling", Message: throttled}
		}
		p.pause(time.Duration(c.w.jitter.Int64N(int64(time.Second) << attempt)))
	}
}

// throttled is what AWS says, and nobody may see.
const throttled = "Rate exceeded"

// allows reports whether the account allows one more call of a site now.
func (a *account) allows(site string, at time.Duration) bool {
	switch site {
	case "DetectStackDrift":
		return a.detect.take(at)
	case "CreateChangeSet", "ExecuteChangeSet", "DeleteChangeSet": // of those nothing is assumed
		return true
	}
	if strings.HasPrefix(site, "List") {
		return a.list.take(at)
	}
	return a.describe.take(at)
}

func (c client) CreateChangeSet(ctx context.Context, in *sdk.CreateChangeSetInput, _ ...func(*sdk.Options)) (*sdk.CreateChangeSetOutput, error) {
	return through(ctx, c, "CreateChangeSet", in, func(a *account) func(context.Context, *sdk.CreateChangeSetInput, ...func(*sdk.Options)) (*sdk.CreateChangeSetOutput, error) {
		return a.CreateChangeSet
	})
}

func (c client) DescribeChangeSet(ctx context.Context, in *sdk.DescribeChangeSetInput, _ ...func(*sdk.Options)) (*sdk.DescribeChangeSetOutput, error) {
	return through(ctx, c, "DescribeChangeSet", in, func(a *account) func(context.Context, *sdk.DescribeChangeSetInput, ...func(*sdk.Options)) (*sdk.DescribeChangeSetOutput, error) {
		return a.DescribeChangeSet
	})
}

func (c client) ExecuteChangeSet(ctx context.Context, in *sdk.ExecuteChangeSetInput, _ ...func(*sdk.Options)) (*sdk.ExecuteChangeSetOutput, error) {
	return through(ctx, c, "ExecuteChangeSet", in, func(a *account) func(context.Context, *sdk.ExecuteChangeSetInput, ...func(*sdk.Options)) (*sdk.ExecuteChangeSetOutput, error) {
		return a.ExecuteChangeSet
	})
}

func (c client) DeleteChangeSet(ctx context.Context, in *sdk.DeleteChangeSetInput, _ ...func(*sdk.Options)) (*sdk.DeleteChangeSetOutput, error) {
	return through(ctx, c, "DeleteChangeSet", in, func(a *account) func(context.Context, *sdk.DeleteChangeSetInput, ...func(*sdk.Options)) (*sdk.DeleteChangeSetOutput, error) {
		return a.DeleteChangeSet
	})
}

func (c client) ListChangeSets(ctx context.Context, in *sdk.ListChangeSetsInput, _ ...func(*sdk.Options)) (*sdk.ListChangeSetsOutput, error) {
	return through(ctx, c, "ListChangeSets", in, func(a *account) func(context.Context, *sdk.ListChangeSetsInput, ...func(*sdk.Options)) (*sdk.ListChangeSetsOutput, error) {
		return a.ListChangeSets
	})
}

func (c client) DescribeStacks(ctx context.Context, in *sdk.DescribeStacksInput, _ ...func(*sdk.Options)) (*sdk.DescribeStacksOutput, error) {
	return through(ctx, c, "DescribeStacks", in, func(a *account) func(context.Context, *sdk.DescribeStacksInput, ...func(*sdk.Options)) (*sdk.DescribeStacksOutput, error) {
		return a.DescribeStacks
	})
}

func (c client) DescribeStackEvents(ctx context.Context, in *sdk.DescribeStackEventsInput, _ ...func(*sdk.Options)) (*sdk.DescribeStackEventsOutput, error) {
	return through(ctx, c, "DescribeStackEvents", in, func(a *account) func(context.Context, *sdk.DescribeStackEventsInput, ...func(*sdk.Options)) (*sdk.DescribeStackEventsOutput, error) {
		return a.DescribeStackEvents
	})
}

func (c client) DescribeEvents(ctx context.Context, in *sdk.DescribeEventsInput, _ ...func(*sdk.Options)) (*sdk.DescribeEventsOutput, error) {
	return through(ctx, c, "DescribeEvents", in, func(a *account) func(context.Context, *sdk.DescribeEventsInput, ...func(*sdk.Options)) (*sdk.DescribeEventsOutput, error) {
		return a.DescribeEvents
	})
}

func (c client) ListStackResources(ctx context.Context, in *sdk.ListStackResourcesInput, _ ...func(*sdk.Options)) (*sdk.ListStackResourcesOutput, error) {
	return through(ctx, c, "ListStackResources", in, func(a *account) func(context.Context, *sdk.ListStackResourcesInput, ...func(*sdk.Options)) (*sdk.ListStackResourcesOutput, error) {
		return a.ListStackResources
	})
}

func (c client) DetectStackDrift(ctx context.Context, in *sdk.DetectStackDriftInput, _ ...func(*sdk.Options)) (*sdk.DetectStackDriftOutput, error) {
	return through(ctx, c, "DetectStackDrift", in, func(a *account) func(context.Context, *sdk.DetectStackDriftInput, ...func(*sdk.Options)) (*sdk.DetectStackDriftOutput, error) {
		return a.DetectStackDrift
	})
}

func (c client) DescribeStackDriftDetectionStatus(ctx context.Context, in *sdk.DescribeStackDriftDetectionStatusInput, _ ...func(*sdk.Options)) (*sdk.DescribeStackDriftDetectionStatusOutput, error) {
	return through(ctx, c, "DescribeStackDriftDetectionStatus", in, func(a *account) func(context.Context, *sdk.DescribeStackDriftDetectionStatusInput, ...func(*sdk.Options)) (*sdk.DescribeStackDriftDetectionStatusOutput, error) {
		return a.DescribeStackDriftDetectionStatus
	})
}

func (c client) DescribeStackResourceDrifts(ctx context.Context, in *sdk.DescribeStackResourceDriftsInput, _ ...func(*sdk.Options)) (*sdk.DescribeStackResourceDriftsOutput, error) {
	return through(ctx, c, "DescribeStackResourceDrifts", in, func(a *account) func(context.Context, *sdk.DescribeStackResourceDriftsInput, ...func(*sdk.Options)) (*sdk.DescribeStackResourceDriftsOutput, error) {
		return a.DescribeStackResourceDrifts
	})
}
