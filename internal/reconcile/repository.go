package reconcile

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/driftless-gitops/driftless/internal/config"
	"github.com/driftless-gitops/driftless/internal/gitops"
)

// repository looks at a repository's head once. It is the only step that reads git. Its
// writes stand in this order, so that a crash between any two is mended by looking again:
// the look that begins, each application's Wanted (its Bundle already stored), the
// messages, the look that ended.
func (r *Reconciler) repository(ctx context.Context, id string) error {
	repo, err := r.Store.Repository(ctx, id)
	if err != nil {
		return r.transient("read repository", err, "repo", id)
	}
	err = r.guardedLook(ctx, &repo)
	if lost(err) {
		return r.relook(ctx, repo) // another look was first, and it sends what there is to send
	}
	if err != nil {
		return r.transient("look at repository", err, "repo", id, "url", repo.URL)
	}
	return nil
}

// relook lets a repository be looked at once more after a look that another one overtook: a
// worker that froze may have written to applications what a later one had found to be past, and
// nobody compares them again until there is a commit; and one that had written nothing yet may
// have seen a commit that the other had not.
func (r *Reconciler) relook(ctx context.Context, overtaken gitops.Repository) error {
	for range conflicts {
		repo, err := r.Store.Repository(ctx, overtaken.ID)
		if err != nil {
			return r.transient("read repository", err, "repo", overtaken.ID)
		}
		if repo.Observing == overtaken.Observing {
			return nil // another worker's part of the same look
		}
		repo.Observing = gitops.Observing{N: repo.Observing.N + 1}
		repo.Applications = append(repo.Applications, without(overtaken.Applications, repo.Applications)...)
		err = r.Store.PutRepository(ctx, &repo)
		if lost(err) {
			continue
		}
		if err != nil {
			return r.transient("begin another look", err, "repo", repo.ID)
		}
		return r.Queue.Send(ctx, Message{Repository: repo.ID, Reason: "a look was overtaken"})
	}
	return nil
}

// look reads the head and, where it is news, everything that depends on it.
func (r *Reconciler) look(ctx context.Context, repo *gitops.Repository) error {
	commit, err := r.Git.Head(ctx, *repo)
	if err != nil {
		return r.trouble(ctx, repo, err)
	}
	if commit == repo.Head.Commit && !repo.Unfinished() && repo.Trouble == "" && !passing(*repo) {
		r.log().Info("step", "repo", repo.ID, "step", "rest", "revision", repo.Head.String(), "why", "nothing new")
		return nil
	}
	if !repo.Unfinished() || repo.Observing.Commit != commit {
		// It is stored before anything is written under its number. Most looks find that nothing
		// is to be written.
		repo.Observing = gitops.Observing{N: repo.Observing.N + 1, Commit: commit}
	}
	snapshot, err := r.Git.Snapshot(ctx, *repo, commit)
	if err != nil {
		return r.trouble(ctx, repo, err)
	}
	defer func() { _ = snapshot.Close() }() // what it leaves behind goes with the function's /tmp
	revision := snapshot.Revision()
	revision.Branch, revision.Commit, revision.Seq = repo.Tracked(), commit, repo.Observing.N
	woken, problems, err := r.register(ctx, repo, revision, snapshot)
	if err != nil {
		return r.trouble(ctx, repo, err)
	}
	if err := r.wake(ctx, revision.String(), woken); err != nil {
		r.log().Warn("wake applications", "repo", repo.ID, "error", err.Error()) // their records are unfinished: the sweep wakes them
	}
	repo.Note = rewritten(repo.Head, revision, repo.Note)
	repo.Head, repo.Done, repo.Problems, repo.Trouble, repo.SeenAt = revision, repo.Observing.N, problems, "", r.Now()
	r.log().Info("step", "repo", repo.ID, "step", "look", "revision", revision.String(),
		"why", fmt.Sprintf("%d applications to bring forward, %d problems", len(woken), len(problems)))
	return r.Store.PutRepository(ctx, repo)
}

// passing reports whether a problem may have ended without a commit.
func passing(repo gitops.Repository) bool {
	return slices.ContainsFunc(repo.Problems, func(p gitops.Problem) bool { return p.Passing })
}

// rewritten notes that a branch moved back in time, which a force push to an older commit
// does. It is applied all the same: what the branch stands at is what is wanted.
func rewritten(before, now gitops.Revision, note string) string {
	switch {
	case before.Commit == "" || before.Commit == now.Commit:
		return note
	case now.At.Before(before.At):
		return fmt.Sprintf("history was rewritten: %s moved from %s back to the older %s",
			now.Branch, gitops.Short(before.Commit), gitops.Short(now.Commit))
	}
	return ""
}

// trouble notes why a look could not be taken. What was known before still holds. A branch
// that is certainly gone suspends the applications; their stacks are never deleted.
func (r *Reconciler) trouble(ctx context.Context, repo *gitops.Repository, cause error) error {
	if lost(cause) {
		return cause
	}
	r.log().Warn("look at repository", "repo", repo.ID, "url", repo.URL, "error", cause.Error())
	if repo.Trouble != cause.Error() {
		repo.Trouble = cause.Error() // first: while it stands, a branch that is back resumes whom it finds suspended
		if err := r.Store.PutRepository(ctx, repo); err != nil {
			return err
		}
	}
	if !errors.Is(cause, ErrNotFound) {
		return nil
	}
	suspended, err := r.suspendAll(ctx, *repo, cause.Error())
	if err != nil || !suspended {
		return err
	}
	return r.relook(ctx, *repo) // where the branch was seen to be back before that
}

// suspendAll suspends the applications of a repository whose branch is gone, until it is back.
// It reports whether there was one to suspend.
func (r *Reconciler) suspendAll(ctx context.Context, repo gitops.Repository, why string) (done bool, err error) {
	apps, err := r.Store.ListApplications(ctx, repo.ID)
	if err != nil {
		return false, fmt.Errorf("list applications of %s: %w", repo.ID, err)
	}
	for _, a := range apps {
		if a.Suspended != nil || a.Removed {
			continue
		}
		a.Suspended = &gitops.Suspension{By: gitops.ByDriftless, At: r.Now(), Reason: why}
		if err := r.Store.PutApplication(ctx, &a); err != nil {
			return done, err
		}
		done = true
	}
	return done, nil
}

// register brings the applications' records to what the configuration says at a commit, and
// returns those that have something to do. With a problem in the root's file nothing moves;
// one of an included file, or with what a single application names, is theirs alone.
func (r *Reconciler) register(ctx context.Context, repo *gitops.Repository, rev gitops.Revision, s Snapshot) (woken []string, problems []gitops.Problem, err error) {
	c, err := r.readConfig(ctx, *repo, s)
	if err != nil || c.Stopped() {
		return nil, c.Problems, err
	}
	read := repo.Version
	if err := r.retire(ctx, repo, c); err != nil {
		return nil, nil, err
	}
	sound := slices.DeleteFunc(slices.Clone(c.Applications), func(a gitops.Settings) bool { return c.Stops(a.Name, a.File) })
	changed, refused, err := r.compare(ctx, *repo, sound, s)
	if err != nil {
		return nil, nil, err
	}
	refused = append(c.Problems, refused...)
	if len(changed) > 0 && repo.Version == read {
		if err := r.Store.PutRepository(ctx, repo); err != nil {
			return nil, nil, err
		}
	}
	if err := prefetch(ctx, s, changed); err != nil {
		return nil, nil, err
	}
	for _, c := range changed {
		moved, err := r.guardedBring(ctx, *repo, rev, c, s)
		if p, ok := problem(c.settings.Name, err); ok {
			refused = append(refused, p)
			continue
		}
		if err != nil {
			return nil, nil, err
		}
		if moved {
			woken = append(woken, c.settings.Name)
		}
	}
	repo.Files = c.Files
	return woken, refused, nil
}

// readConfig reads the configuration files by one request where they are those of the last
// look, else by two: what the root's file includes is known once it is there. Those that this
// process has read before it does not ask for.
func (r *Reconciler) readConfig(ctx context.Context, repo gitops.Repository, s Snapshot) (config.Config, error) {
	if err := r.fetchUnread(ctx, repo, s, append([]string{config.Name}, repo.Files...)); err != nil {
		return config.Config{}, err
	}
	var broken error
	read := func(name string) ([]byte, error) {
		data, err := r.readFile(ctx, repo, s, name) // it is there by now
		if err == nil {
			return data, nil
		}
		switch _, ours := problem("", err); {
		case errors.Is(err, fs.ErrNotExist):
			return nil, fmt.Errorf("the branch has no %s", name)
		case !ours && broken == nil:
			broken = err
		}
		return nil, err
	}
	if root, err := read(config.Name); err == nil {
		if err := r.fetchUnread(ctx, repo, s, config.Files(root, s.Tree())); err != nil {
			return config.Config{}, err
		}
	}
	c := config.Load(s.Tree(), read)
	return c, broken
}

// fetchUnread asks for the files that this process has not read before.
func (r *Reconciler) fetchUnread(ctx context.Context, repo gitops.Repository, s Snapshot, paths []string) error {
	return fetchAll(ctx, s, slices.DeleteFunc(slices.Clone(paths), func(p string) bool {
		_, read := r.files.get(whichFile(repo, s, p))
		return read
	}))
}

// readFile returns what a file holds.
func (r *Reconciler) readFile(ctx context.Context, repo gitops.Repository, s Snapshot, name string) ([]byte, error) {
	key := whichFile(repo, s, name)
	if data, read := r.files.get(key); read {
		return data, nil
	}
	files, err := s.Fetch(ctx, name)
	if err != nil {
		return nil, err
	}
	data, err := fs.ReadFile(files, name)
	if err == nil {
		r.files.put(key, data)
	}
	return data, err
}

// fetchAll asks for files by one request. Those that are not in the commit, or cannot be
// used, are left out: whoever reads one of them learns why.
func fetchAll(ctx context.Context, s Snapshot, paths []string) error {
	there := slices.DeleteFunc(slices.Clone(paths), func(p string) bool {
		_, err := s.Object(p)
		return errors.Is(err, fs.ErrNotExist)
	})
	if len(there) == 0 {
		return nil
	}
	_, err := s.Fetch(ctx, there...)
	if _, ok := problem("", err); err == nil || ok {
		return nil
	}
	return fmt.Errorf("fetch %d paths: %w", len(there), err)
}

// problem turns a person's mistake with one application into what is shown of it. What
// another application holds it may give up without a commit here.
func problem(application string, err error) (gitops.Problem, bool) {
	var refusal *gitops.Refusal
	var claimed *ClaimedError
	var ours *bug
	switch {
	case errors.As(err, &ours):
		return gitops.Problem{Application: application, Message: ours.Reason, Passing: true}, true
	case errors.As(err, &refusal):
		return gitops.Problem{Application: application, Message: refusal.Reason}, true
	case errors.As(err, &claimed):
		return gitops.Problem{Application: application, Message: claimed.Error(), Passing: true}, true
	}
	return gitops.Problem{}, false
}

// candidate is an application as the file has it, beside its record.
type candidate struct {
	settings gitops.Settings
	digest   string
	record   gitops.Application // Version zero: there is none
	back     bool               // the branch may have been gone, and its stacks suspended for that
}

// paths returns everything that belongs to the application.
func (c candidate) paths() []string { return append([]string{c.settings.Path}, c.settings.Watch...) }

// stale reports whether the application's files are wanted anew. An application that comes
// back into the file may have lost a deployment when it left, and one with a CDK app its stacks.
func (c candidate) stale() bool {
	lost := c.record.Deployed.Digest != c.digest || c.record.Ended.Phase == gitops.PhaseSuperseded
	return c.record.Wanted.Digest != c.digest || c.record.Removed && (lost || c.settings.CDK != nil)
}

// compare computes each application's digest and returns those whose record has to change.
// The records are read by the id and consistently: one from an index that is a moment behind
// could look as if it wanted already what it did not want any more.
func (r *Reconciler) compare(ctx context.Context, repo gitops.Repository, all []gitops.Settings, s Snapshot) ([]candidate, []gitops.Problem, error) {
	var candidates []candidate
	var refused []gitops.Problem
	var ids []string
	for _, settings := range all {
		if why := r.refuses(repo, settings.Target); why != nil {
			// The installation's targets change without a commit.
			refused = append(refused, gitops.Problem{Application: settings.Name, File: cmp.Or(settings.File, config.Name),
				Message: strings.TrimSuffix(why.Error(), ": "+ErrDenied.Error()), Passing: true})
			continue
		}
		c := candidate{settings: settings}
		var objects []string
		for _, p := range c.paths() {
			object, err := s.Object(p)
			if err != nil {
				return nil, nil, fmt.Errorf("find %s: %w", p, err)
			}
			objects = append(objects, object)
		}
		c.digest = gitops.Digest(settings, objects)
		candidates, ids = append(candidates, c), append(ids, settings.Name)
	}
	records, err := r.Store.ApplicationsByID(ctx, ids)
	if err != nil {
		return nil, nil, fmt.Errorf("read %d applications: %w", len(ids), err)
	}
	for i := range candidates {
		candidates[i].record = records[candidates[i].settings.Name]
		candidates[i].back = repo.Trouble != "" && len(candidates[i].record.Stacks) > 0
	}
	return slices.DeleteFunc(candidates, func(c candidate) bool { return !c.differs(repo.ID) }), refused, nil
}

// differs reports whether the record has to change at all.
func (c candidate) differs(repository string) bool {
	a := c.record
	back := c.back || a.Suspended != nil && a.Suspended.By == gitops.ByDriftless
	return a.Version == 0 || a.Repository != repository || a.Removed || back || c.stale() || !same(a.Settings, c.settings)
}

// refuses returns why an application of a repository may not go to a target.
func (r *Reconciler) refuses(repo gitops.Repository, t gitops.Target) error {
	if err := r.Allowed(t); err != nil {
		return err
	}
	narrowed := slices.ContainsFunc(repo.Targets, func(allowed gitops.Target) bool {
		return allowed.Account == t.Account && (allowed.Region == "" || allowed.Region == t.Region)
	})
	if len(repo.Targets) > 0 && !narrowed {
		return fmt.Errorf("target %s %s is not among those that the repository was added with", t.Account, t.Region)
	}
	return nil
}

// prefetch reads the files of all applications that need them by one request. What is
// wrong with one of them is said when that one is brought forward.
func prefetch(ctx context.Context, s Snapshot, changed []candidate) error {
	var paths []string
	for _, c := range changed {
		if c.stale() {
			paths = append(paths, c.paths()...)
		}
	}
	return fetchAll(ctx, s, paths)
}

// wake sends a message for each application.
func (r *Reconciler) wake(ctx context.Context, why string, ids []string) error {
	var messages []Message
	for _, id := range ids {
		messages = append(messages, Message{Application: id, Reason: why})
	}
	if len(messages) == 0 {
		return nil
	}
	return r.Queue.Send(ctx, messages...)
}
