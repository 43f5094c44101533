package reconcile

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/driftless-gitops/driftless/internal/gitops"
)

// Operator does what people ask for, through the command line or the dashboard. It only
// writes requests, approvals and suspensions onto records, and sends a message: carrying
// out is the reconciler's affair. A *gitops.Refusal says what cannot be asked and why.
type Operator struct {
	Store   Store
	Queue   Queue
	Blobs   Blobs
	Allowed func(gitops.Target) error // the installation's allow-list
	Now     func() time.Time
}

// attempts is how often a write that lost against another writer reads and tries again.
const attempts = 5

// Sync asks for a deployment of what git wants, or, where live has drifted from it, for
// live to be brought back. Where a plan waits because of sync.mode manual, it is the
// approval of that plan.
func (o *Operator) Sync(ctx context.Context, app, by string) (gitops.Application, error) {
	a, err := o.Store.Application(ctx, app)
	if err != nil {
		return a, fmt.Errorf("read application %s: %w", app, err)
	}
	if a.InFlight != "" {
		d, err := o.Store.Deployment(ctx, app, a.InFlight)
		if err != nil {
			return a, fmt.Errorf("read deployment %s: %w", a.InFlight, err)
		}
		if d.Phase == gitops.PhaseAwaitingApproval && d.Settings.Sync.Mode == gitops.SyncManual && d.Kind == gitops.KindDeploy {
			_, err := o.Approve(ctx, app, d.Plan.Digest, by)
			return a, err
		}
		if d.Phase == gitops.PhaseAwaitingApproval {
			return a, refuse("%s waits for an approval (%s): look at the plan with 'driftless diff %s', then 'driftless approve %s'",
				app, d.Reason, app, app)
		}
	}
	return o.request(ctx, app, gitops.Request{Kind: gitops.RequestSync, By: by})
}

// DetectDrift asks for a look at drift.
func (o *Operator) DetectDrift(ctx context.Context, app, by string) (gitops.Application, error) {
	a, err := o.Store.Application(ctx, app)
	if err != nil {
		return a, fmt.Errorf("read application %s: %w", app, err)
	}
	if a.Deployed.StackID == "" {
		return a, refuse("%s has nothing deployed whose drift could be looked for", app)
	}
	return o.request(ctx, app, gitops.Request{Kind: gitops.RequestDrift, By: by})
}

// request asks for something once: where the answer to the write was lost, its repeat meets
// what it wrote itself, and asks for nothing more.
func (o *Operator) request(ctx context.Context, app string, r gitops.Request) (gitops.Application, error) {
	r.At = o.Now()
	return o.change(ctx, app, string(r.Kind)+" asked for by "+r.By, func(a *gitops.Application) error {
		if a.Removed {
			return refuse("%s is no longer in driftless.yaml", app)
		}
		if a.Suspended != nil {
			return refuse("%s is suspended by %s: 'driftless resume %s' first", app, a.Suspended.By, app)
		}
		if a.Request.Kind == r.Kind && a.Request.By == r.By && a.Request.At.Equal(r.At) {
			return nil
		}
		r.N = max(a.Request.N, a.Answered) + 1
		a.Request = r
		return nil
	})
}

// Suspend keeps an application from starting anything; what runs goes on to its end.
func (o *Operator) Suspend(ctx context.Context, app, by, reason string) (gitops.Application, error) {
	return o.change(ctx, app, "suspended by "+by, func(a *gitops.Application) error {
		a.Suspended = &gitops.Suspension{By: by, At: o.Now(), Reason: reason}
		return nil
	})
}

// Resume ends a suspension.
func (o *Operator) Resume(ctx context.Context, app, by string) (gitops.Application, error) {
	resumed := false // by this very call, whose answer was lost
	return o.change(ctx, app, "resumed by "+by, func(a *gitops.Application) error {
		if a.Suspended == nil && !resumed {
			return refuse("%s is not suspended", app)
		}
		a.Suspended, resumed = nil, true
		return nil
	})
}

// change changes an application's record and wakes the reconciler.
func (o *Operator) change(ctx context.Context, app, why string, change func(*gitops.Application) error) (gitops.Application, error) {
	var a gitops.Application
	err := retry(func() error {
		var err error
		if a, err = o.Store.Application(ctx, app); err != nil {
			return fmt.Errorf("read application %s: %w", app, err)
		}
		if err := change(&a); err != nil {
			return err
		}
		a.UpdatedAt = o.Now()
		return o.Store.PutApplication(ctx, &a)
	})
	if err != nil {
		return a, err
	}
	return a, o.wake(ctx, Message{Application: app, Reason: why})
}

// Approve says yes to exactly the plan that has the digest.
func (o *Operator) Approve(ctx context.Context, app, digest, by string) (gitops.Deployment, error) {
	return o.answer(ctx, app, digest, "approved by "+by, func(d *gitops.Deployment) {
		d.Approved, d.Rejected = &gitops.Approved{By: by, At: o.Now(), Digest: digest}, nil
	})
}

// Reject says no to exactly the plan that has the digest: the deployment ends, and nothing
// is tried again until git or a person wants something.
func (o *Operator) Reject(ctx context.Context, app, digest, by, reason string) (gitops.Deployment, error) {
	return o.answer(ctx, app, digest, "rejected by "+by, func(d *gitops.Deployment) {
		d.Rejected, d.Approved = &gitops.Rejected{By: by, At: o.Now(), Digest: digest, Reason: reason}, nil
	})
}

// answer writes a person's answer onto the deployment that waits for it.
func (o *Operator) answer(ctx context.Context, app, digest, why string, set func(*gitops.Deployment)) (gitops.Deployment, error) {
	var d gitops.Deployment
	err := retry(func() error {
		a, err := o.Store.Application(ctx, app)
		if err != nil {
			return fmt.Errorf("read application %s: %w", app, err)
		}
		if a.InFlight == "" {
			return refuse("%s has nothing that waits for an approval", app)
		}
		if d, err = o.Store.Deployment(ctx, app, a.InFlight); err != nil {
			return fmt.Errorf("read deployment %s: %w", a.InFlight, err)
		}
		switch {
		case d.Phase != gitops.PhaseAwaitingApproval:
			return refuse("deployment %s of %s is %s: only what is AwaitingApproval can be answered", d.ID, app, d.Phase)
		case d.Plan.Digest != digest:
			return refuse("the plan of %s is now %s, not %s: look at it again with 'driftless diff %s'",
				app, gitops.Short(d.Plan.Digest), gitops.Short(digest), app)
		}
		set(&d)
		return o.Store.PutDeployment(ctx, &d)
	})
	if err != nil {
		return d, err
	}
	return d, o.wake(ctx, Message{Application: app, Reason: why})
}

// Plan reads the stored plan of a deployment.
func (o *Operator) Plan(ctx context.Context, d gitops.Deployment) (gitops.Plan, error) {
	if d.PlanKey == "" {
		return gitops.Plan{}, fmt.Errorf("plan of deployment %s: %w", d.ID, ErrNotFound)
	}
	return readPlan(ctx, o.Blobs, d.PlanKey)
}

// AddRepository watches a branch or a tag of a repository. Adding it again changes what is
// given of its forge, targets and credentials, and leaves the rest: whoever renews a token
// does not widen where the applications may go.
func (o *Operator) AddRepository(ctx context.Context, r gitops.Repository, by string) (gitops.Repository, error) {
	if err := addressable(r); err != nil {
		return r, err
	}
	if known := gitops.ForgeOf(r.URL); known != "" {
		r.Forge = known
	}
	for _, t := range r.Targets {
		if err := o.Allowed(t); err != nil {
			return r, &gitops.Refusal{Reason: err.Error()}
		}
	}
	r.ID = gitops.RepositoryID(r.URL, r.Ref())
	if err := readable(r); err != nil {
		return r, err
	}
	err := retry(func() error {
		known, err := o.Store.Repository(ctx, r.ID)
		switch {
		case errors.Is(err, ErrNotFound):
			r.AddedBy, r.AddedAt, r.Version = by, o.Now(), 0
			// The numbers of looks begin at the time in seconds, so that those of a repository
			// that was removed and is added again are newer than what its applications remember.
			r.Observing.N, r.Done = o.Now().Unix(), o.Now().Unix()
			return o.Store.PutRepository(ctx, &r)
		case err != nil:
			return fmt.Errorf("read repository %s: %w", r.ID, err)
		}
		known.URL, known.Forge = r.URL, cmp.Or(r.Forge, known.Forge)
		known.Credentials = cmp.Or(r.Credentials, known.Credentials)
		if len(r.Targets) > 0 {
			known.Targets = r.Targets
		}
		r = known
		return o.Store.PutRepository(ctx, &r)
	})
	if err != nil {
		return r, err
	}
	return r, o.wake(ctx, Message{Repository: r.ID, Reason: "added by " + by})
}

// addressable refuses what is no address of a repository, carries somebody's credentials, or
// names a forge that the address is not of.
func addressable(r gitops.Repository) error {
	u, err := url.Parse(strings.TrimPrefix(r.URL, "codecommit::"))
	known := strings.HasPrefix(r.URL, "codecommit::") || strings.HasPrefix(r.URL, "https://") || strings.HasPrefix(r.URL, "http://")
	of := gitops.ForgeOf(r.URL)
	switch {
	case err != nil || !known || u.Host == "":
		return refuse("url %q: must be codecommit::<region>://<name> or https://…", r.URL)
	case u.User != nil:
		return refuse("url %q: holds credentials; give them apart, they would stand on the record", u.Redacted())
	case (r.Branch == "") == (r.Tag == ""):
		return refuse("branch %q, tag %q: a repository is followed by exactly one of the two", r.Branch, r.Tag)
	case len(r.Tracked()) > 255 || strings.HasPrefix(r.Tracked(), "refs/") || strings.ContainsFunc(r.Tracked(), unusual):
		return refuse("branch or tag %q: must be 1 to 255 printable characters without spaces, and not begin with refs/", r.Tracked())
	case r.Forge != "" && !slices.Contains(gitops.Forges(), r.Forge):
		return refuse("forge %q: must be one of %v, or empty for plain git", r.Forge, gitops.Forges())
	case r.Forge != "" && r.Forge != of && (of != "" || r.Forge == gitops.ForgeCodeCommit):
		return refuse("forge %q: %s is not of it", r.Forge, r.URL)
	}
	return nil
}

// readable refuses credentials that are not the repository's own.
func readable(r gitops.Repository) error {
	switch {
	case r.Credentials == "":
		return nil
	case r.Forge == gitops.ForgeCodeCommit:
		return refuse("credentials %q: CodeCommit is read with Driftless's own role", r.Credentials)
	case r.Credentials != gitops.CredentialsOf(r.ID) && r.Credentials != gitops.SecretOf(r.ID):
		return refuse("credentials %q: a repository is read with its own alone, %s or %s",
			r.Credentials, gitops.CredentialsOf(r.ID), gitops.SecretOf(r.ID))
	}
	return nil
}

func unusual(c rune) bool { return !unicode.IsPrint(c) || unicode.IsSpace(c) }

// RemoveRepository stops watching a repository. Its applications are marked removed; their
// stacks, their history and their claims are kept.
func (o *Operator) RemoveRepository(ctx context.Context, id string) error {
	if _, err := o.Store.Repository(ctx, id); err != nil {
		return fmt.Errorf("read repository %s: %w", id, err)
	}
	apps, err := o.Store.ListApplications(ctx, id)
	if err != nil {
		return fmt.Errorf("list applications of %s: %w", id, err)
	}
	for _, a := range apps {
		err := retry(func() error {
			now, err := o.Store.Application(ctx, a.ID)
			if err != nil {
				return fmt.Errorf("read application %s: %w", a.ID, err)
			}
			now.Removed, now.UpdatedAt = true, o.Now()
			return o.Store.PutApplication(ctx, &now)
		})
		if err != nil {
			return err
		}
	}
	return o.Store.DeleteRepository(ctx, id)
}

// wake sends a message. What was written stands: without the message the sweep finds it.
func (o *Operator) wake(ctx context.Context, m Message) error {
	if err := o.Queue.Send(ctx, m); err != nil {
		return fmt.Errorf("wake %s: %w; what you asked for is stored, and taken up within a minute", m.Group(), err)
	}
	return nil
}

// retry repeats a read-and-write that lost against another writer.
func retry(f func() error) error {
	var err error
	for range attempts {
		var claimed *ClaimedError
		if err = f(); !errors.Is(err, ErrConflict) || errors.As(err, &claimed) {
			return err
		}
	}
	return err
}

func refuse(format string, args ...any) error {
	return &gitops.Refusal{Reason: fmt.Sprintf(format, args...)}
}
