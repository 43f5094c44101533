package sim

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"strings"
	"sync"

	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/reconcile"
)

// attempts is how many there are at a check before it counts as failed.
const attempts = 3

// checker makes the checks of verify. What it answers is decided by the content of the template,
// and by chance: a sound one may fail at first, and nobody may be able to look for a while. It
// is called side by side by one process while the world stands still, so that it passes no gate.
type checker struct {
	w    *world
	dark []darkness
	out  []darkness // when the application does not answer as it should, whatever is deployed

	mu    sync.Mutex
	given map[string]given // by deployment and check
}

// darkness is when nobody can look at the checks of an application.
type darkness struct {
	app string
	stretch
}

// given is what the attempts at a check of a deployment were answered with.
type given struct{ passed, failed, unknown, out int }

// Check implements reconcile.Checker.
func (c *checker) Check(_ context.Context, w reconcile.Work, check gitops.Check, _ map[string]string) (gitops.Verdict, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	key := deploymentOf(w.Operation.Token) + " " + check.Name
	g := c.given[key]
	defer func() { c.given[key] = g }()
	chance := chanceOf(fmt.Sprint(c.w.plan.Seed, key, g))
	switch {
	case c.within(c.dark, w.Application):
		g.unknown++
		return gitops.Verdict{}, errors.New("503 Service Unavailable")
	case c.within(c.out, w.Application):
		g.out++
		return gitops.Verdict{Reason: "it answers 503"}, nil
	case c.w.bad(w.Application, w.Revision.Commit):
		g.failed++
		return gitops.Verdict{Final: chance%4 == 0, Reason: "it answers 500"}, nil
	case g.failed < attempts-1 && chance%3 == 0:
		g.failed++
		return gitops.Verdict{Reason: "it is not warm yet"}, nil
	}
	g.passed++
	return gitops.Verdict{Passed: true, Reason: "it answers 200"}, nil
}

// within reports whether it is such a time for an application now.
func (c *checker) within(times []darkness, app string) bool {
	for _, d := range times {
		if d.app == app && c.w.at >= d.from && c.w.at < d.to {
			return true
		}
	}
	return false
}

// deploymentOf returns the deployment that a token belongs to.
func deploymentOf(token string) string {
	if parts := strings.Split(token, "-"); len(parts) == 3 {
		return parts[1]
	}
	return ""
}

func chanceOf(text string) uint32 {
	h := fnv.New32a()
	_, _ = h.Write([]byte(text)) // a hash.Hash never returns an error
	return h.Sum32() >> 8
}

// behaves reports whether a template's description is a behaviour.
func behaves(body, behaviour string) bool {
	return strings.HasPrefix(body, fmt.Sprintf(`{"Description":%q`, behaviour))
}

// locator finds the stack that has a resource.
type locator struct{ w *world }

// StackOf implements reconcile.Locator.
func (l locator) StackOf(_ context.Context, _ gitops.Target, physical string) (string, []string, error) {
	if err := l.w.gate("DescribeStackResources"); err != nil {
		return "", nil, err
	}
	stack, logical, found := l.w.cloud.Has(physical)
	if !found {
		return "", nil, fmt.Errorf("stack of resource %s: %w", physical, reconcile.ErrNotFound)
	}
	return stack, []string{logical}, nil
}

// failures returns how often the checks of a deployment were answered that they fail, where they do
// for more than that it was not warm yet.
func (c *checker) failures(d gitops.Deployment) (n int) {
	for _, check := range d.Settings.Verify.Checks {
		g := c.given[d.ID+" "+check.Name]
		if n += g.out; c.w.fails(d) {
			n += g.failed
		}
	}
	return n
}
