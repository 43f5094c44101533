package reconcile

import (
	"archive/zip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/driftless-gitops/driftless/internal/gitops"
)

// expand brings the stacks of a synthesised CDK app forward, each an application of its own, and
// ends the deployment. It may end early anywhere and be done again: what is there already is left
// as it is. Names are noted before anything is registered under them, so that somebody knows
// what to mark as removed once the app has a stack no more.
func (r *Reconciler) expand(ctx context.Context, o gitops.Observation) (*records, error) {
	a, d := o.Application, o.Deployment
	settings, err := gitops.StackSettings(d.Settings, o.Operation.Stacks)
	if err != nil {
		return nil, r.finish(ctx, o, gitops.Step{Phase: gitops.PhaseFailed, Reason: err.Error()})
	}
	var names []string
	for _, s := range settings {
		names = append(names, s.Name)
	}
	gone := without(a.Stacks, names)
	if added := without(names, a.Stacks); len(added) > 0 {
		a.Stacks = append(slices.Clone(a.Stacks), added...)
		if err := r.Store.PutApplication(ctx, &a); err != nil {
			return nil, err
		}
		return &records{a, d}, nil // decided upon again, with the record as it is now
	}
	err = r.rollOut(ctx, o, settings, names, gone)
	if err != nil {
		err = errors.Join(err, r.expandAgain(ctx, *d, names))
	}
	return nil, err
}

// rollOut brings the stacks forward, marks those that are gone as removed, and ends the
// deployment.
func (r *Reconciler) rollOut(ctx context.Context, o gitops.Observation, settings []gitops.Settings, names, gone []string) error {
	a, d := o.Application, o.Deployment
	woken, refused, err := r.bringStacks(ctx, *d, a.Repository, settings, o.Operation.Stacks)
	if err != nil {
		return err
	}
	if err := r.wake(ctx, d.Revision.String(), woken); err != nil {
		r.log().Warn("wake stacks", "app", a.ID, "error", err.Error()) // their records are unfinished: the sweep wakes them
	}
	if refused != "" {
		return r.finish(ctx, o, gitops.Step{Phase: gitops.PhaseFailed, Reason: refused})
	}
	if err := r.removeStacks(ctx, a, gone); err != nil {
		return err
	}
	o.Application.Stacks = names
	return r.finish(ctx, o, gitops.Step{Phase: gitops.PhaseSucceeded, Reason: "synthesised: " + strings.Join(names, ", ")})
}

// expandAgain makes up for an expansion that came too late. Whoever froze in it may have registered
// a stack that the app has no more, or brought one to what a later expansion had found to be
// past, and nobody compares them again until there is a commit: the app is synthesised and
// expanded once more. Where it left meanwhile, its stacks leave too.
func (r *Reconciler) expandAgain(ctx context.Context, late gitops.Deployment, names []string) error {
	for range conflicts {
		a, err := r.Store.Application(ctx, late.Application)
		if err != nil {
			return fmt.Errorf("read application %s: %w", late.Application, err)
		}
		names = append(slices.Clone(a.Stacks), without(names, a.Stacks)...)
		if a.Removed {
			err := r.removeStacks(ctx, a, names)
			if lost(err) {
				continue // one of them begins to roll out meanwhile
			}
			return err
		}
		if a.InFlight == late.ID || a.InFlight == "" && a.Ended.Deployment == late.ID {
			return nil // it is not over, or nothing came after it: another worker did the same
		}
		a.Stacks, a.UpdatedAt = names, r.Now()
		if _, open := a.Open(); !open {
			a.Request = gitops.Request{Kind: gitops.RequestSync, N: a.Request.N + 1, By: gitops.ByDriftless, At: r.Now()}
		}
		err = r.Store.PutApplication(ctx, &a)
		if lost(err) {
			continue
		}
		if err != nil {
			return fmt.Errorf("ask for another expansion of %s: %w", a.ID, err)
		}
		return r.wake(ctx, "an expansion was overtaken", []string{a.ID})
	}
	return nil
}

// bringStacks brings each stack's application to what was synthesised, those first that others
// depend on. It returns those that have something to do, and why one of them may not go on.
func (r *Reconciler) bringStacks(ctx context.Context, d gitops.Deployment, repository string, settings []gitops.Settings, stacks []gitops.Stack) (woken []string, refused string, err error) {
	repo, err := r.Store.Repository(ctx, repository)
	if err != nil {
		return nil, "", fmt.Errorf("read repository %s: %w", repository, err)
	}
	snapshot, err := r.assemble(ctx, d.Revision, settings, stacks)
	var refusal *gitops.Refusal
	if errors.As(err, &refusal) {
		return nil, refusal.Reason, nil
	}
	if err != nil {
		return nil, "", err
	}
	revision := d.Revision
	revision.Seq = d.Seq
	changed, problems, err := r.compare(ctx, repo, settings, snapshot)
	if err != nil {
		return nil, "", err
	}
	if len(problems) > 0 {
		return nil, problems[0].Application + ": " + problems[0].Message, nil
	}
	for _, c := range changed {
		if c.stale() && c.record.Ended.Seq >= d.Seq {
			c.record.Ended.Seq = d.Seq - 1 // it was synthesised anew from the same commit, and is another one
		}
		moved, err := r.guardedBring(ctx, repo, revision, c, snapshot)
		if p, ok := problem(c.settings.Name, err); ok {
			return woken, p.Application + ": " + p.Message, nil
		}
		if err != nil {
			return nil, "", err
		}
		if moved {
			woken = append(woken, c.settings.Name)
		}
	}
	return woken, "", nil
}

// wakeStacks has those stacks of the same CDK app looked at that wait for one that has ended. A
// lost message delays them by a minute.
func (r *Reconciler) wakeStacks(ctx context.Context, a gitops.Application) {
	if a.Settings.Of == "" {
		return
	}
	err := func() error {
		app, err := r.Store.Application(ctx, a.Settings.Of)
		if err != nil {
			return err
		}
		kin, err := r.Store.ApplicationsByID(ctx, app.Stacks)
		if err != nil {
			return err
		}
		var waiting []string
		for _, id := range slices.Sorted(maps.Keys(kin)) {
			if slices.Contains(kin[id].Settings.DependsOn, a.ID) && kin[id].Unfinished() {
				waiting = append(waiting, id)
			}
		}
		return r.wake(ctx, a.ID+" has ended", waiting)
	}()
	if err != nil {
		r.log().Warn("wake stacks", "app", a.ID, "error", err.Error())
	}
}

// behind says which of the applications that one depends on is not at what git wants, "" where
// all are.
func (r *Reconciler) behind(ctx context.Context, a gitops.Application) (string, error) {
	if len(a.Settings.DependsOn) == 0 {
		return "", nil
	}
	records, err := r.Store.ApplicationsByID(ctx, a.Settings.DependsOn)
	if err != nil {
		return "", fmt.Errorf("read what %s depends on: %w", a.ID, err)
	}
	for _, id := range a.Settings.DependsOn {
		if why := records[id].Behind(); why != "" {
			return id + " " + why, nil
		}
	}
	return "", nil
}

// resumeStacks ends the suspensions that Driftless itself made of an app's stacks.
func (r *Reconciler) resumeStacks(ctx context.Context, ids []string) error {
	if len(ids) == 0 {
		return nil
	}
	kin, err := r.Store.ApplicationsByID(ctx, ids)
	if err != nil {
		return fmt.Errorf("read stacks: %w", err)
	}
	for _, id := range slices.Sorted(maps.Keys(kin)) {
		k := kin[id]
		if k.Suspended == nil || k.Suspended.By != gitops.ByDriftless {
			continue
		}
		k.Suspended, k.UpdatedAt = nil, r.Now()
		if err := r.Store.PutApplication(ctx, &k); err != nil {
			return err
		}
	}
	return nil
}

// assembly is what was synthesised as a tree, in which each stack has a directory of its own.
type assembly struct {
	revision gitops.Revision
	files    fs.FS
	objects  map[string]string // by path
}

var _ Snapshot = assembly{}

// assemble reads the stacks' templates. Each must have the hash that its key names. They lie on
// disk where they are many, until ctx ends.
func (r *Reconciler) assemble(ctx context.Context, rev gitops.Revision, settings []gitops.Settings, stacks []gitops.Stack) (assembly, error) {
	packed := &scratch{}
	context.AfterFunc(ctx, func() { _ = packed.Close() }) // nothing of it is kept
	w, objects := zip.NewWriter(packed), map[string]string{}
	add := func(name string, data []byte) error {
		f, err := w.Create(name)
		if err == nil {
			_, err = f.Write(data)
		}
		if err != nil {
			return fmt.Errorf("pack %s: %w", name, err)
		}
		return nil
	}
	for i, s := range stacks {
		data, err := r.Blobs.Get(ctx, s.Template)
		if errors.Is(err, ErrNotFound) {
			return assembly{}, &gitops.Refusal{Reason: fmt.Sprintf("template %s is no longer in the data bucket: a sync synthesises it again", s.Template)}
		}
		if err != nil {
			return assembly{}, fmt.Errorf("read template of %s: %w", s.Name, err)
		}
		sum := sha256.Sum256(data)
		if got := hex.EncodeToString(sum[:]); got != strings.TrimSuffix(path.Base(s.Template), ".json") {
			return assembly{}, &gitops.Refusal{Reason: fmt.Sprintf("template %s was changed: its content has the hash %s", s.Template, got)}
		}
		c, parameters := settings[i].CloudFormation, parametersOf(s)
		objects[settings[i].Path] = hex.EncodeToString(sum[:]) + " " + string(parameters)
		if err := add(path.Join(settings[i].Path, c.Template), data); err != nil {
			return assembly{}, err
		}
		if c.Parameters != "" {
			if err := add(path.Join(settings[i].Path, c.Parameters), parameters); err != nil {
				return assembly{}, err
			}
		}
	}
	if err := w.Close(); err != nil {
		return assembly{}, fmt.Errorf("pack templates: %w", err)
	}
	content, size, err := packed.content()
	if err != nil {
		return assembly{}, fmt.Errorf("read templates back: %w", err)
	}
	files, err := zip.NewReader(content, size)
	if err != nil {
		return assembly{}, fmt.Errorf("open templates: %w", err)
	}
	return assembly{rev, files, objects}, nil
}

// parametersOf returns a stack's parameters as the AWS CLI takes them, sorted; nothing for none.
func parametersOf(s gitops.Stack) []byte {
	var all []map[string]string
	for _, name := range slices.Sorted(maps.Keys(s.Parameters)) {
		all = append(all, map[string]string{"ParameterKey": name, "ParameterValue": s.Parameters[name]})
	}
	if len(all) == 0 {
		return nil
	}
	data, _ := json.Marshal(all) // texts alone
	return data
}

// Revision implements Snapshot.
func (s assembly) Revision() gitops.Revision { return s.revision }

// Object implements Snapshot: what decides of a stack is its template and its parameters.
func (s assembly) Object(name string) (string, error) {
	if object, ok := s.objects[name]; ok {
		return object, nil
	}
	return "", fmt.Errorf("find %s: %w", name, fs.ErrNotExist)
}

// Fetch implements Snapshot: all is there.
func (s assembly) Fetch(context.Context, ...string) (fs.FS, error) { return s.files, nil }

// Tree implements Snapshot.
func (s assembly) Tree() fs.FS { return s.files }

// Close implements Snapshot.
func (s assembly) Close() error { return nil }
