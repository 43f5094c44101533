package reconcile

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/driftless-gitops/driftless/internal/gitops"
)

// ResourceHint says that somebody changed a resource, as an event told. It is a hint: whether a
// stack of an application's has the resource is asked of CloudFormation, and what became of the
// resource of a drift detection.
type ResourceHint struct {
	Account  string       `json:"account"`
	Region   string       `json:"region"`   // of the stack that may have it
	Physical string       `json:"physical"` // its id, as CloudFormation has it
	Touch    gitops.Touch `json:"touch"`
}

// group returns what orders messages of one resource: whatever it is called, what a queue takes
// for a group (SQS API reference, MessageGroupId: 128 characters).
func (h ResourceHint) group() string {
	sum := sha256.Sum256([]byte(h.Account + "#" + h.Region + "#" + h.Physical))
	return "resource-" + hex.EncodeToString(sum[:16])
}

// Locator finds the stack that has a resource.
type Locator interface {
	// StackOf returns the ARN of the stack that has a resource of a physical id, of a nested stack
	// that of its root, and the resource's logical ids there, "Nested/Resource" in a nested stack:
	// several resources may have one physical id, as a bucket and its policy do. ErrNotFound
	// where no stack has it.
	StackOf(ctx context.Context, to gitops.Target, physical string) (stack string, logical []string, err error)
}

const (
	// calm is how soon after a look at drift another one is begun for an event: what a program
	// changes every second is left to the one-minute sweep.
	calm = 10 * time.Second
	// alike is for how long a change is the same as the one before, of the same kind and by the
	// same principal, as far as the record is concerned.
	alike = time.Minute
)

// touch notes on its application that somebody changed a resource, and wakes it. Best effort: an
// event that cannot be placed now is let go, since drift is looked for on schedule anyway. It
// costs one call where no stack has the resource.
func (r *Reconciler) touch(ctx context.Context, at Locator, h ResourceHint) error {
	to := gitops.Target{Account: h.Account, Region: h.Region}
	if at == nil || r.Allowed(to) != nil {
		return nil
	}
	stack, logical, err := at.StackOf(ctx, to, h.Physical)
	if errors.Is(err, ErrNotFound) {
		r.log().Info("touch", "step", "ignore", "why", "no stack has it")
		return nil
	}
	if err != nil {
		return r.transient("find stack of resource", err)
	}
	owner, err := r.Store.Owner(ctx, ClaimStack(h.Account, h.Region, stackName(stack)))
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	if err != nil {
		return r.transient("read owner of stack", err)
	}
	for range conflicts {
		err = r.note(ctx, owner, stack, logical, h.Touch)
		if !lost(err) {
			break
		}
	}
	if err != nil && !lost(err) {
		return r.transient("note touch", err, "app", owner)
	}
	return nil
}

// note writes onto an application's record that resources of its were changed. While something
// else goes on there it is for nobody: a deployment ends with a look at all of it.
func (r *Reconciler) note(ctx context.Context, id, stack string, logical []string, by gitops.Touch) error {
	a, err := r.Store.Application(ctx, id)
	if err != nil {
		return fmt.Errorf("read application %s: %w", id, err)
	}
	if !a.Watched() || a.Settings.Drift.Every() <= 0 || a.Deployed.StackID != stack {
		return nil
	}
	now := r.Now()
	if by.At.After(now) { // clocks differ, and what lies ahead would never have been looked at
		by.At = now
	}
	news := false
	for _, l := range logical {
		if t := (gitops.Touched{LogicalID: l, Touch: by}); !repeats(a.Touched, t) {
			news = a.Note(t) || news
		}
	}
	if !news {
		return nil
	}
	a.UpdatedAt = now
	if err := r.Store.PutApplication(ctx, &a); err != nil {
		return fmt.Errorf("write application %s: %w", id, err)
	}
	reason := fmt.Sprintf("%s: %s by %s", strings.Join(logical, ", "), by.Event, by.By)
	r.log().Info("touch", "app", id, "step", "note", "why", reason)
	if now.Sub(a.Drift.At) < calm {
		return nil // the sweep wakes it
	}
	return r.Queue.Send(ctx, Message{Application: id, Reason: reason})
}

// repeats reports whether a change is one more of those that are noted already.
func repeats(all []gitops.Touched, t gitops.Touched) bool {
	return slices.ContainsFunc(all, func(o gitops.Touched) bool {
		return o.LogicalID == t.LogicalID && o.By == t.By && o.Event == t.Event && t.At.Sub(o.At) < alike
	})
}

// stackName returns the name in a stack's ARN, arn:aws:cloudformation:REGION:ACCOUNT:stack/NAME/ID.
func stackName(arn string) string {
	_, name, _ := strings.Cut(arn, ":stack/")
	name, _, _ = strings.Cut(name, "/")
	return name
}
