package reconcile

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/driftless-gitops/driftless/internal/config"
	"github.com/driftless-gitops/driftless/internal/gitops"
)

// bring stores what git wants of one application: its Bundle first, then its record. It
// reports whether the application has something to do. A record that a later look wrote is
// left alone: Wanted never goes back.
func (r *Reconciler) bring(ctx context.Context, repo gitops.Repository, rev gitops.Revision, c candidate, s Snapshot) (bool, error) {
	a := c.record
	if a.Wanted.Seq > rev.Seq && a.Repository == repo.ID {
		return false, nil
	}
	if a.Version != 0 && a.Repository != repo.ID && (!a.Removed || a.InFlight != "") {
		return false, &gitops.Refusal{Reason: fmt.Sprintf("the name %s is taken by an application of repository %s", a.ID, a.Repository)}
	}
	if a.Version != 0 && !a.Removed && a.Settings.Of != c.settings.Of {
		return false, &gitops.Refusal{Reason: fmt.Sprintf("the name %s is taken by %s", a.ID, whose(a.Settings))}
	}
	skipped, err := r.skipped(ctx, c, rev)
	if err != nil {
		return false, err
	}
	if c.stale() {
		files, err := s.Fetch(ctx, c.paths()...)
		if err != nil {
			return false, fmt.Errorf("fetch %s: %w", c.settings.Path, err)
		}
		key, err := r.putBundle(ctx, files, c.paths())
		if err != nil {
			return false, err
		}
		a.Wanted = gitops.Wanted{Revision: rev, Digest: c.digest, Seq: rev.Seq, Bundle: key}
	}
	if a.Repository != repo.ID && a.Version != 0 {
		a.Ended.Seq, a.Wanted.Seq, a.Wanted.Revision = 0, rev.Seq, rev // another repository's numbers order nothing here
	}
	moved := moves(c.record, c.settings)
	a.ID, a.Repository, a.Removed = c.settings.Name, repo.ID, false
	if a.Settings.Drift.EverySeconds != c.settings.Drift.EverySeconds && !a.Deployed.At.IsZero() {
		a.Settings = c.settings
		a.DriftDue = a.NextDrift(r.Now())
	}
	a.Settings, a.UpdatedAt = c.settings, r.Now()
	if c.back { // whoever suspended the app itself
		if err := r.resumeStacks(ctx, a.Stacks); err != nil {
			return false, err
		}
	}
	if a.Suspended != nil && a.Suspended.By == gitops.ByDriftless {
		a.Suspended = nil
	}
	if err := r.put(ctx, &a, c.record, moved, skipped); err != nil {
		return false, err
	}
	return a.Unfinished(), nil
}

// skipped returns the deployment that records a revision which was wanted, and which
// something newer replaces before it began: nobody should look in vain for what became of
// a push. Nil where there is none.
func (r *Reconciler) skipped(ctx context.Context, c candidate, by gitops.Revision) (*gitops.Deployment, error) {
	a := c.record
	if !c.stale() || a.Wanted.Seq <= a.Ended.Seq || a.Removed {
		return nil, nil
	}
	if a.InFlight != "" {
		d, err := r.Store.Deployment(ctx, a.ID, a.InFlight)
		if err != nil {
			return nil, fmt.Errorf("read deployment %s: %w", a.InFlight, err)
		}
		if d.Seq >= a.Wanted.Seq {
			return nil, nil // it says itself how it ends
		}
	}
	d := &gitops.Deployment{
		ID: r.NewID(), Application: a.ID, Repository: a.Repository, Kind: gitops.KindDeploy, Settings: a.Settings,
		Revision: a.Wanted.Revision, Digest: a.Wanted.Digest, Seq: a.Wanted.Seq, Bundle: a.Wanted.Bundle, Fence: a.Fence,
		Reason: "git has the newer " + by.String() + "; it never began", StartedAt: r.Now(), EndedAt: r.Now(),
	}
	r.enter(d, gitops.PhaseSuperseded)
	return d, nil
}

// put stores the record with the claims that it needs, and with what was skipped.
func (r *Reconciler) put(ctx context.Context, a *gitops.Application, before gitops.Application, moved bool, skipped *gitops.Deployment) error {
	claims := claimsOf(a.Settings)
	if before.Version == 0 {
		return r.claiming(ctx, a.ID, func() error {
			return r.Store.Register(ctx, a, append([]Claim{ClaimApplication(a.ID)}, claims...))
		})
	}
	if moved {
		err := r.claiming(ctx, a.ID, func() error { return r.Store.Take(ctx, a.ID, claims) })
		if err != nil {
			return err
		}
	}
	if skipped != nil {
		return r.Store.Supersede(ctx, a, skipped)
	}
	return r.Store.PutApplication(ctx, a)
}

// claiming takes claims, and before that the one over that an application holds without need:
// that is how an application is renamed, and how two of them change places. What one has left
// stays its own until somebody needs it: given up before its record is stored, it would be
// taken while that record still goes there.
func (r *Reconciler) claiming(ctx context.Context, id string, take func() error) error {
	err := take()
	var claimed *ClaimedError
	if !errors.As(err, &claimed) || claimed.Owner == id {
		return err
	}
	owner, readErr := r.Store.Application(ctx, claimed.Owner)
	if readErr != nil {
		return err
	}
	if needed, readErr := r.needs(ctx, owner, claimed.Claim); readErr != nil || needed {
		return err
	}
	if owner.Removed {
		// From here on the stack is another's: what its former owner knew of it holds no longer,
		// and would be taken for deployed if that one ever came back. That something was good is not
		// forgotten: a rollback says that it went elsewhere.
		owner.Good = owner.LastGood()
		owner.Deployed, owner.Drift, owner.DriftDue = gitops.Deployed{}, gitops.DriftSummary{}, time.Time{}
	}
	if err := r.Store.Yield(ctx, &owner, claimed.Claim); err != nil {
		return err
	}
	return take()
}

// needs reports whether an application goes where a claim is to, by its record or by the
// deployment that it has in flight.
func (r *Reconciler) needs(ctx context.Context, a gitops.Application, c Claim) (bool, error) {
	if !a.Removed && slices.Contains(claimsOf(a.Settings), c) {
		return true, nil
	}
	if a.InFlight == "" {
		return false, nil
	}
	d, err := r.Store.Deployment(ctx, a.ID, a.InFlight)
	if err != nil {
		return false, fmt.Errorf("read deployment %s: %w", a.InFlight, err)
	}
	return slices.Contains(claimsOf(d.Settings), c), nil
}

// retire marks the applications that the configuration no longer has. Their stacks are kept,
// and so are their claims, until another application of the installation needs them. Those
// of a file that cannot be read now stay as they are. The look is stored before anything is
// removed, and with it new names before anything is registered under them: if it ends early
// and the next commit has them no more, somebody has to remember that they were there.
func (r *Reconciler) retire(ctx context.Context, repo *gitops.Repository, c config.Config) error {
	known, err := r.known(ctx, *repo)
	if err != nil {
		return err
	}
	var names []string
	for _, a := range c.Applications {
		names = append(names, a.Name)
	}
	gone, added := without(known, names), without(names, known)
	if len(added)+len(gone) > 0 {
		repo.Applications = append(slices.Clone(known), added...)
		if err := r.Store.PutRepository(ctx, repo); err != nil {
			return err
		}
	}
	kept, err := r.remove(ctx, repo.ID, gone, c.Stops)
	if err != nil {
		return err // those that are gone stay known, for the next look to mark them
	}
	repo.Applications = append(names, kept...)
	return nil
}

// remove marks applications of the file as removed, and returns those that stay where they are, or
// are not there yet. With a CDK app go its stacks, after it: where this ends early and the app is
// back in the next commit, its own mark has it expanded.
func (r *Reconciler) remove(ctx context.Context, repository string, ids []string, stays func(id, file string) bool) (kept []string, err error) {
	if len(ids) == 0 {
		return nil, nil
	}
	records, err := r.Store.ApplicationsByID(ctx, ids)
	if err != nil {
		return nil, fmt.Errorf("read %d applications: %w", len(ids), err)
	}
	for _, id := range ids {
		a, ok := records[id]
		switch {
		case !ok: // it was noted by a look that may register it yet, and die then
			kept = append(kept, id)
			continue
		case a.Repository != repository || a.Settings.Of != "":
			continue
		case !a.Removed && stays(id, a.Settings.File):
			kept = append(kept, id)
			continue
		case !a.Removed:
			a.Removed, a.UpdatedAt = true, r.Now()
			if err := r.Store.PutApplication(ctx, &a); err != nil {
				return nil, err
			}
			r.retired(a)
		}
		if err := r.removeStacks(ctx, a, a.Stacks); err != nil {
			return nil, err
		}
	}
	return kept, nil
}

// removeStacks marks stacks of a CDK app as removed, as long as the app is as it was read.
func (r *Reconciler) removeStacks(ctx context.Context, app gitops.Application, ids []string) error {
	if len(ids) == 0 {
		return nil
	}
	records, err := r.Store.ApplicationsByID(ctx, ids)
	if err != nil {
		return fmt.Errorf("read %d stacks of %s: %w", len(ids), app.ID, err)
	}
	for _, id := range ids {
		a, ok := records[id]
		if !ok || a.Repository != app.Repository || a.Settings.Of != app.ID || a.Removed {
			continue
		}
		a.Removed, a.UpdatedAt = true, r.Now()
		if err := r.Store.Retire(ctx, &a, app); err != nil {
			return err
		}
		r.retired(a)
	}
	return nil
}

func (r *Reconciler) retired(a gitops.Application) {
	r.log().Info("step", "repo", a.Repository, "app", a.ID, "step", "retire", "why", "no longer in driftless.yaml; its stack is kept")
}

// without returns what of a list is not in another.
func without(list, other []string) []string {
	there := make(map[string]bool, len(other))
	for _, o := range other {
		there[o] = true
	}
	return slices.DeleteFunc(slices.Clone(list), func(s string) bool { return there[s] })
}

// known returns the applications that the last look found. A repository that was added again
// remembers none, so that the index has to tell.
func (r *Reconciler) known(ctx context.Context, repo gitops.Repository) ([]string, error) {
	if repo.Applications != nil {
		return slices.Clone(repo.Applications), nil
	}
	records, err := r.Store.ListApplications(ctx, repo.ID)
	if err != nil {
		return nil, fmt.Errorf("list applications of %s: %w", repo.ID, err)
	}
	var ids []string
	for _, a := range records {
		if a.Settings.Of == "" {
			ids = append(ids, a.ID)
		}
	}
	return ids, nil
}

// moves reports whether an application claims another stack or state than before.
func moves(before gitops.Application, now gitops.Settings) bool {
	return before.Version != 0 && (before.Removed || !slices.Equal(claimsOf(before.Settings), claimsOf(now)))
}

// claimsOf returns the claims to what an application changes: its stack, or its state. One with
// a CDK app changes nothing; the applications that its stacks are do.
func claimsOf(s gitops.Settings) []Claim {
	switch t := s.Terraform; {
	case s.CDK != nil:
		return nil
	case t != nil:
		return []Claim{ClaimState(s.Name, t.State, t.Workspace)}
	}
	return []Claim{ClaimStack(s.Target.Account, s.Target.Region, s.CloudFormation.Stack)}
}

// whose says where an application stands.
func whose(s gitops.Settings) string {
	if s.Of != "" {
		return "a stack of the CDK app " + s.Of
	}
	return "an application of driftless.yaml"
}

// same compares settings as they are stored, where an empty list and none are one.
func same(a, b gitops.Settings) bool {
	left, err1 := json.Marshal(a)
	right, err2 := json.Marshal(b)
	return err1 == nil && err2 == nil && bytes.Equal(left, right)
}
