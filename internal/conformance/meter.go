package conformance

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/driftless-gitops/driftless/internal/bench/price"
)

// ceiling is what a run costs at most, in dollars, as it is told beforehand. A test holds
// what a run in the sandbox would have cost to it.
const ceiling = 0.05

// buildMinute is a minute of general1.small on Linux (CodeBuild pricing, us-east-1).
const buildMinute = 0.005

// meter counts the requests that are made of each service, and to whom.
type meter struct {
	mu    sync.Mutex
	calls map[string]int
	units float64 // of DynamoDB's writes, at most
	built int     // builds that were started, of less than a minute each
	hosts map[string]bool
}

// watch makes every client of a configuration be counted.
func (m *meter) watch(c *aws.Config) {
	m.calls, m.hosts = map[string]int{}, map[string]bool{}
	c.APIOptions = append(slices.Clone(c.APIOptions), func(s *middleware.Stack) error {
		return s.Finalize.Add(middleware.FinalizeMiddlewareFunc("driftless:meter", m.count), middleware.After)
	})
}

func (m *meter) count(ctx context.Context, in middleware.FinalizeInput, next middleware.FinalizeHandler) (middleware.FinalizeOutput, middleware.Metadata, error) {
	if r, ok := in.Request.(*smithyhttp.Request); ok {
		m.mu.Lock()
		service := awsmiddleware.GetServiceID(ctx)
		m.calls[service]++
		m.hosts[r.URL.Host] = true
		if service == "CodeBuild" && awsmiddleware.GetOperationName(ctx) == "StartBuild" {
			m.built++
		}
		if service == "DynamoDB" {
			// A started kilobyte is a unit, two in a transaction. A request is longer than
			// what it writes, and most write nothing.
			m.units += 2 * float64(r.ContentLength/1024+1)
		}
		m.mu.Unlock()
	}
	return next.HandleFinalize(ctx, in)
}

// dollars is what was counted, at list prices and rounded up where it is not known exactly.
// CloudFormation asks nothing for resources of AWS's own types, SSM nothing for parameters.
func (m *meter) dollars() float64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return float64(m.built)*buildMinute + float64(m.calls["SQS"])*price.FIFORequest + m.units*price.WriteUnit +
		float64(m.calls["DynamoDB Streams"])*price.WriteUnit // a read of a stream costs a third of it
}

// from is who answered.
func (m *meter) from() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, host := range slices.Sorted(maps.Keys(m.hosts)) {
		if !strings.HasSuffix(host, ".amazonaws.com") && !strings.HasSuffix(host, ".amazonaws.com.cn") && !strings.HasSuffix(host, ".api.aws") {
			return host
		}
	}
	return fromAWS
}

func (m *meter) String() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	var parts []string
	for _, service := range slices.Sorted(maps.Keys(m.calls)) {
		parts = append(parts, fmt.Sprintf("%d of %s", m.calls[service], service))
	}
	return strings.Join(parts, ", ")
}
