package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/driftless-gitops/driftless/internal/adopt"
	"github.com/driftless-gitops/driftless/internal/forge"
	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/reconcile"
	"github.com/driftless-gitops/driftless/internal/render"
)

func adoptCommand(f *flags) *cobra.Command {
	var dry bool
	c := one(f, "adopt", "Write what is live back into git, as a pull request", func(ctx context.Context, api *client, app string) error {
		return adoptDrift(ctx, f, api, app, dry)
	})
	c.Long = `Write what the latest drift report found live back into the files that declare it, at the
head of the tracked branch: templates, parameter files, Terraform's configuration and varFiles.
All else in them stays byte for byte. A branch of its own and a pull request are made, with your
own credentials; what cannot be written back is said, with the reason. Done again, it finds its
pull request and changes nothing.

CodeCommit  your AWS credentials
GitHub      GH_TOKEN or GITHUB_TOKEN; for a GitHub Enterprise Server also GH_HOST, its host
GitLab      GITLAB_TOKEN; for a GitLab of your own also GITLAB_HOST, its host

With --dry-run nothing is written: the edits are shown as a diff that "git apply" takes.`
	c.Flags().BoolVar(&dry, "dry-run", false, "show what would be written, and write nothing")
	return c
}

// adoption is what the command prints.
type adoption struct {
	adopt.Result
	Base        string             `json:"base,omitempty"`
	Branch      string             `json:"branch,omitempty"`
	Patch       string             `json:"patch,omitempty"` // of a dry run
	PullRequest *forge.PullRequest `json:"pullRequest,omitempty"`
}

func adoptDrift(ctx context.Context, f *flags, api *client, app string, dry bool) error {
	v, err := api.application(ctx, app)
	if err != nil {
		return err
	}
	var report gitops.DriftReport
	if err := api.getOf(ctx, app, "/drift", &report); err != nil {
		return err
	}
	if !report.Summary().Differs() && !report.Gone {
		r := adoption{Result: adopt.Result{Application: app, Files: []adopt.File{}, Written: []adopt.Change{}, Left: []adopt.Change{}}}
		return f.print(r, func() string {
			return app + "  has no drift to adopt: 'driftless drift " + app + " --detect' looks anew\n"
		})
	}
	repo, err := tracked(ctx, api, v)
	if err != nil {
		return err
	}
	w, err := f.way(ctx, repo, !dry)
	if err != nil {
		return err
	}
	out := adoption{Base: repo.Branch}
	commit, err := w.adopt(ctx, repo, v.Application.Settings, report, &out)
	if err != nil {
		return err
	}
	if err := sharers(ctx, api, v.Application, &out.Result); err != nil {
		return err
	}
	return f.propose(ctx, w, repo, commit, out, dry)
}

// tracked returns the repository of an application as the API has it.
func tracked(ctx context.Context, api *client, v gitops.View) (gitops.Repository, error) {
	var all []gitops.Repository
	if err := api.get(ctx, "/v1/repositories", &all); err != nil {
		return gitops.Repository{}, err
	}
	i := slices.IndexFunc(all, func(r gitops.Repository) bool { return r.ID == v.Application.Repository })
	switch {
	case i < 0:
		return gitops.Repository{}, fmt.Errorf("the repository of %s, %s, is no longer watched", v.Application.ID, v.Repository.URL)
	case all[i].Branch == "":
		return all[i], fmt.Errorf("%s follows the tag %s: a pull request needs a branch to be merged into", v.Application.ID, all[i].Tag)
	}
	return all[i], nil
}

// adopt reads the application's files at the head of the branch, and edits them. It returns the
// commit that they were read at.
func (w way) adopt(ctx context.Context, repo gitops.Repository, s gitops.Settings, report gitops.DriftReport, out *adoption) (string, error) {
	commit, err := w.git.Head(ctx, repo)
	if err != nil {
		return "", w.explain(err)
	}
	snapshot, err := w.git.Snapshot(ctx, repo, commit)
	if err != nil {
		return "", w.explain(err)
	}
	if c, ok := snapshot.(io.Closer); ok {
		defer func() { _ = c.Close() }() // all that is needed of it was read by then
	}
	files, err := snapshot.Fetch(ctx, append([]string{s.Path}, s.Watch...)...)
	if errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("%s is deployed from %s, which is not on %s any more: %w", s.Name, s.Path, repo.Branch, err)
	}
	if err != nil {
		return "", w.explain(err)
	}
	out.Result, err = adopt.From(files, s, report)
	if err != nil {
		return "", fmt.Errorf("adopt the drift of %s: %w", s.Name, err)
	}
	return commit, nil
}

// sharers notes the other applications that are deployed from an edited file.
func sharers(ctx context.Context, api *client, a gitops.Application, r *adopt.Result) error {
	if len(r.Files) == 0 {
		return nil
	}
	var views []gitops.View
	if err := api.get(ctx, "/v1/applications", &views); err != nil {
		return err
	}
	for _, v := range views {
		other := v.Application
		uses := func(file adopt.File) bool {
			return slices.ContainsFunc(append([]string{other.Settings.Path}, other.Settings.Watch...), func(dir string) bool {
				return dir == "." || file.Path == dir || strings.HasPrefix(file.Path, path.Clean(dir)+"/")
			})
		}
		if other.ID != a.ID && other.Repository == a.Repository && !other.Removed && slices.ContainsFunc(r.Files, uses) {
			r.Also = append(r.Also, other.ID)
		}
	}
	return nil
}

// propose opens the pull request, unless it is a dry run, and shows what came of it.
func (f *flags) propose(ctx context.Context, w way, repo gitops.Repository, commit string, out adoption, dry bool) error {
	switch {
	case len(out.Files) == 0:
	case dry:
		out.Branch, out.Patch = out.Result.Branch(), out.Result.Patch()
	default:
		out.Branch = out.Result.Branch()
		p := forge.Proposal{Base: repo.Branch, Commit: commit, Branch: out.Branch, Title: out.Title(), Body: out.Body(), Message: out.Message()}
		for _, file := range out.Files {
			p.Files = append(p.Files, forge.File{Path: file.Path, Content: file.After, Executable: file.Executable})
		}
		opened, err := w.proposer.Propose(ctx, repo, p)
		if errors.Is(err, reconcile.ErrConflict) {
			return fmt.Errorf("%w\n%s has moved meanwhile: do it again", err, repo.Branch)
		}
		if err != nil {
			return w.explain(err)
		}
		out.PullRequest = &opened
	}
	if err := f.print(out, func() string { return out.text(f.TtyOut) }); err != nil {
		return err
	}
	if len(out.Files) == 0 {
		return fmt.Errorf("nothing of the drift of %s can be written back", out.Application)
	}
	return nil
}

// text shows an adoption. A diff goes to a terminal without what that would obey.
func (a adoption) text(terminal bool) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s  written back: %d, not: %d\n", a.Application, len(a.Written), len(a.Left))
	for _, c := range a.Written {
		fmt.Fprintf(&b, "  ~ %s\n      %s\n", c, gitops.Printable(fmt.Sprintf("%s:%d", c.File, c.Line)))
	}
	for _, c := range a.Left {
		fmt.Fprintf(&b, "  ? %s\n      %s\n", c, gitops.Printable(c.Reason))
	}
	if len(a.Also) > 0 {
		fmt.Fprintf(&b, "  ! deployed from the same files: %s\n", strings.Join(a.Also, ", "))
	}
	if p := a.PullRequest; p != nil {
		what := "opened"
		if p.Found {
			what = "there already, and " + p.State
		}
		fmt.Fprintf(&b, "%s -> %s  %s  %s\n", a.Branch, a.Base, render.Lines(p.URL), what)
	}
	if a.Patch != "" && terminal {
		return b.String() + "\n" + render.Lines(a.Patch) + "\n"
	}
	if a.Patch != "" {
		return b.String() + "\n" + a.Patch
	}
	return b.String()
}
