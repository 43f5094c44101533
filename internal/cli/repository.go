package cli

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/reconcile"
	"github.com/driftless-gitops/driftless/internal/render"
)

func repositoryCommand(f *flags) *cobra.Command {
	c := &cobra.Command{Use: "repository", Aliases: []string{"repo"}, Short: "Say which repositories are watched"}
	c.AddCommand(addCommand(f), listCommand(f), removeCommand(f))
	return c
}

// addition is what "repository add" was told.
type addition struct {
	reference
	access
	forge   string
	targets []string
	webhook bool
	finish  bool
}

func addCommand(f *flags) *cobra.Command {
	var a addition
	c := &cobra.Command{Use: "add URL", Short: "Watch a branch or tag of a repository that has a driftless.yaml",
		Long: `Watch a branch or a tag of a repository that has a driftless.yaml at its root.

URL is codecommit::<region>://<name>, or https://… of GitHub, GitLab or any other git server.
A GitHub Enterprise or a GitLab of your own is told by --forge; what became of a commit is
then shown on it.

What a private repository is read with is written, with your rights, where Driftless reads it:
a token to the SSM SecureString /driftless/git/<repository id>, or with --secret to the secret
driftless/git/<repository id> of Secrets Manager; the key of a GitHub App to the latter. With
--secret alone, that secret is there already.

With --webhook a secret is made for the forge's push webhook, written to the SSM SecureString
/driftless/webhook/<repository id>, and shown once, with --output json as the field webhook.
Done again it makes another one, and both count until --webhook-finish.

Adding a repository again changes what is given, and leaves the rest.`,
		Args: cobra.ExactArgs(1), RunE: func(cmd *cobra.Command, args []string) error {
			return add(cmd.Context(), f, args[0], a)
		}}
	a.reference.flags(c, "the ")
	a.access.flags(c)
	c.Flags().StringVar(&a.forge, "forge", "", "github or gitlab, where the host does not tell (github.com and gitlab.com do)")
	c.Flags().StringArrayVar(&a.targets, "target", nil, "ACCOUNT or ACCOUNT:REGION that its applications may go to (repeatable; default: all of the installation's)")
	c.Flags().BoolVar(&a.webhook, "webhook", false, "make a secret for the forge's push webhook; again: another one beside it")
	c.Flags().BoolVar(&a.finish, "webhook-finish", false, "let the newest of the webhook's secrets alone count")
	return c
}

// registration is the body of the request.
type registration struct {
	URL         string          `json:"url"`
	Branch      string          `json:"branch,omitempty"`
	Tag         string          `json:"tag,omitempty"`
	Forge       gitops.Forge    `json:"forge,omitempty"`
	Targets     []gitops.Target `json:"targets,omitempty"`
	Credentials string          `json:"credentials,omitempty"`
}

func add(ctx context.Context, f *flags, url string, a addition) error {
	repo, err := a.described(url)
	if err != nil {
		return usage(err)
	}
	held, err := a.read(f)
	if err != nil {
		return err
	}
	api, err := connect(ctx, f)
	if err != nil {
		return err
	}
	if repo.Credentials, err = a.put(ctx, api.secrets, repo.ID, held); err != nil {
		return err
	}
	hook := webhook{repo: repo, secrets: api.secrets}
	switch {
	case a.webhook:
		err = hook.renew(ctx)
	case a.finish:
		err = hook.finish(ctx)
	}
	if err != nil {
		return err
	}
	var r gitops.Repository
	if err := api.post(ctx, "/v1/repositories", registration{repo.URL, repo.Branch, repo.Tag, repo.Forge, repo.Targets, repo.Credentials}, &r); err != nil {
		return err
	}
	if hook.told = r; a.webhook || a.finish {
		hook.show(f, api.at.Webhook)
	}
	if strings.HasPrefix(r.URL, "http://") {
		f.hint("it is read without TLS, and only while its host is among allowPrivateHosts of the installation")
	}
	if r.Forge == "" {
		f.hint("it is plain git: no commit's status is shown there; --forge github or --forge gitlab says that it is one")
	}
	f.hint("'driftless repository list' tells what is found")
	result := struct {
		gitops.Repository
		Webhook *entry `json:"webhook,omitempty"`
	}{r, hook.entry(api.at.Webhook)}
	return f.print(result, func() string {
		return render.Lines(fmt.Sprintf("%s  %s %s is watched", r.ID, r.URL, render.Tracked(r))) + "\n"
	})
}

// described returns the repository as the flags describe it, once they agree.
func (a addition) described(url string) (gitops.Repository, error) {
	repo, err := a.repository(url)
	if err != nil {
		return repo, err
	}
	if err := checkURL(url); err != nil {
		return repo, err
	}
	if repo.Targets, err = targets(a.targets); err != nil {
		return repo, err
	}
	known := gitops.ForgeOf(url)
	repo.Forge = gitops.Forge(a.forge)
	choice := []gitops.Forge{"", gitops.ForgeGitHub, gitops.ForgeGitLab}
	switch {
	case !slices.Contains(choice, repo.Forge):
		return repo, fmt.Errorf("--forge %q: must be github or gitlab", a.forge)
	case known != "" && repo.Forge != "" && repo.Forge != known:
		return repo, fmt.Errorf("--forge %s: %s is of %s", a.forge, url, known)
	case known != "":
		repo.Forge = known
	}
	switch {
	case a.webhook && a.finish:
		return repo, errors.New("--webhook, --webhook-finish: one makes a secret, the other ends its change")
	case repo.Forge == gitops.ForgeCodeCommit && (a.webhook || a.finish):
		return repo, errors.New("--webhook: CodeCommit needs none, its pushes come as events")
	}
	return repo, a.check(repo.Forge)
}

func listCommand(f *flags) *cobra.Command {
	var watch bool
	c := &cobra.Command{Use: "list", Aliases: []string{"ls"}, Short: "Show the repositories that are watched, and their problems",
		RunE: func(cmd *cobra.Command, _ []string) error {
			api, err := connect(cmd.Context(), f)
			if err != nil {
				return err
			}
			return f.show(cmd.Context(), watch, func(ctx context.Context) (any, func() string, error) {
				all := []gitops.Repository{}
				err := api.get(ctx, "/v1/repositories", &all)
				return all, func() string { return render.Repositories(all, f.Now(), f.Color) }, err
			})
		}}
	c.Flags().BoolVarP(&watch, "watch", "w", false, "show it again whenever it changes, until Ctrl-C")
	return c
}

var repositoryPattern = regexp.MustCompile(`^[0-9a-f]{16}$`)

func removeCommand(f *flags) *cobra.Command {
	var ref reference
	c := &cobra.Command{Use: "remove URL|ID", Aliases: []string{"rm"}, Short: "Stop watching; stacks and history are kept",
		Args: cobra.ExactArgs(1), RunE: func(cmd *cobra.Command, args []string) error {
			id, what := args[0], args[0]
			if strings.Contains(id, "://") {
				repo, err := ref.repository(id)
				if err != nil {
					return usage(err)
				}
				id, what = repo.ID, what+" with "+kind(repo)
			}
			if !repositoryPattern.MatchString(id) {
				return usage(fmt.Errorf("%q is neither a URL nor an id of a repository: 'driftless repository list' shows both", args[0]))
			}
			api, err := connect(cmd.Context(), f)
			if err != nil {
				return err
			}
			var removed struct {
				Removed string `json:"removed"`
			}
			err = api.call(cmd.Context(), http.MethodDelete, api.at.Write, "/v1/repositories/"+id, nil, &removed)
			if errors.Is(err, reconcile.ErrNotFound) {
				return fmt.Errorf("%s is not watched: 'driftless repository list' shows what is", what)
			}
			if err != nil {
				return err
			}
			return f.print(removed, func() string { return id + "  no longer watched; its applications' stacks are kept\n" })
		}}
	ref.flags(c, "with a URL: the ")
	return c
}

// kind returns the branch or tag of a repository with the word for it.
func kind(r gitops.Repository) string {
	if r.Tag != "" {
		return "the tag " + r.Tag
	}
	return "the branch " + r.Branch
}
