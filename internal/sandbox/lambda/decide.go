package lambda

import (
	"context"
	"sync"
	"time"

	"github.com/driftless-gitops/driftless/internal/sandbox/lambda/policy"
)

// believed is how long a role's rights are taken for what they were, as long as they allow
// what is asked: what was refused is looked up again at once, what was taken away later.
const believed = 30 * time.Second

// Decider evaluates the policies of users and roles. It remembers them for a while, since a
// function makes many calls in a row.
type Decider struct {
	s       *Service
	reading sync.Mutex // one reads IAM at a time: those who wait find what it read
	mu      sync.RWMutex
	known   map[string]believedIdentity
}

type believedIdentity struct {
	identity
	read time.Time
}

// Decider returns one that reads the IAM of the service's account.
func (s *Service) Decider() *Decider {
	return &Decider{s: s, known: map[string]believedIdentity{}}
}

// Decide evaluates the policies of a user or role, or of a role's session, for a request. A
// caller that IAM does not know is an error.
func (d *Decider) Decide(ctx context.Context, arn string, r policy.Request) (policy.Decision, error) {
	asked := d.s.config.Now()
	if who, ok := d.believe(arn, asked.Add(-believed)); ok && who.decide(r) == policy.Allow {
		return policy.Allow, nil
	}
	d.reading.Lock()
	defer d.reading.Unlock()
	if who, ok := d.believe(arn, asked); ok {
		return who.decide(r), nil
	}
	d.s.calls.forget() // a right that was given a moment ago counts
	read := d.s.config.Now()
	found, err := d.s.calls.find(ctx, arn)
	if err != nil {
		return policy.Silent, err
	}
	d.mu.Lock()
	d.known[arn] = believedIdentity{found, read}
	d.mu.Unlock()
	return found.decide(r), nil
}

// believe returns what is known of somebody, where it was read after a moment.
func (d *Decider) believe(arn string, after time.Time) (believedIdentity, bool) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	who, ok := d.known[arn]
	return who, ok && who.read.After(after)
}
