package cli

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"regexp"
	"strings"

	"github.com/spf13/cobra"

	"github.com/driftless-gitops/driftless/internal/aws/ssm"
	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/render"
)

func repositoryCommand(f *flags) *cobra.Command {
	c := &cobra.Command{Use: "repository", Aliases: []string{"repo"}, Short: "Say which repositories are watched"}
	c.AddCommand(addCommand(f), listCommand(f), removeCommand(f))
	return c
}

// addition is what "repository add" was told.
type addition struct {
	branch    string
	targets   []string
	tokenFile string
	webhook   bool
}

func addCommand(f *flags) *cobra.Command {
	var a addition
	c := &cobra.Command{Use: "add URL", Short: "Watch a branch of a repository that has a driftless.yaml",
		Long: `Watch a branch of a repository that has a driftless.yaml at its root.

URL is codecommit::<region>://<name>, or https://… of GitHub or any other git server.
A token for a private repository is read from a file and written, with your rights, to the
SSM SecureString /driftless/git/<repository id>. With --webhook a secret is made for GitHub's
push webhook, written to /driftless/webhook/<repository id>, and shown once.

Adding a repository again changes its targets and credentials.`,
		Args: cobra.ExactArgs(1), RunE: func(cmd *cobra.Command, args []string) error {
			return add(cmd.Context(), f, args[0], a)
		}}
	c.Flags().StringVar(&a.branch, "branch", "main", "the branch to follow")
	c.Flags().StringArrayVar(&a.targets, "target", nil, "ACCOUNT or ACCOUNT:REGION that its applications may go to (repeatable; default: all of the installation's)")
	c.Flags().StringVar(&a.tokenFile, "token-file", "", "file with a token to read a private repository with (- for standard input)")
	c.Flags().BoolVar(&a.webhook, "webhook", false, "make a secret for GitHub's push webhook")
	return c
}

// registration is the body of the request.
type registration struct {
	URL         string          `json:"url"`
	Branch      string          `json:"branch"`
	Targets     []gitops.Target `json:"targets,omitempty"`
	Credentials string          `json:"credentials,omitempty"`
}

func add(ctx context.Context, f *flags, url string, a addition) error {
	if err := checkBranch(a.branch); err != nil {
		return usage(err)
	}
	if err := checkURL(url); err != nil {
		return usage(err)
	}
	body := registration{URL: url, Branch: a.branch}
	var err error
	if body.Targets, err = targets(a.targets); err != nil {
		return usage(err)
	}
	id, token := gitops.RepositoryID(url, a.branch), ""
	if a.tokenFile != "" {
		if token, err = readToken(f, a.tokenFile); err != nil {
			return err
		}
	}
	api, err := connect(ctx, f)
	if err != nil {
		return err
	}
	if token != "" {
		body.Credentials = gitops.CredentialsOf(id)
		if err := api.secrets.PutSecret(ctx, strings.TrimPrefix(body.Credentials, "ssm:"), ssm.NewSecret(token)); err != nil {
			return fmt.Errorf("store the token: %w", err)
		}
	}
	var secret string
	if a.webhook {
		secret = rand.Text()
		if err := api.secrets.PutSecret(ctx, ssm.WebhookName(id), ssm.NewSecret(secret)); err != nil {
			return fmt.Errorf("store the webhook's secret: %w", err)
		}
	}
	var r gitops.Repository
	if err := api.post(ctx, "/v1/repositories", body, &r); err != nil {
		return err
	}
	if a.webhook {
		showWebhook(f, api, id, secret)
	}
	f.hint("'driftless repository list' tells what is found")
	return f.print(r, func() string { return render.Lines(fmt.Sprintf("%s  %s %s is watched", r.ID, r.URL, r.Branch)) + "\n" })
}

// showWebhook says what to enter at GitHub. The secret is shown this once.
func showWebhook(f *flags, api *client, id, secret string) {
	address := strings.TrimRight(api.at.Webhook, "/")
	if address == "" {
		address = "<output WebhookUrl of the stack Driftless>"
	}
	f.hint("GitHub: Settings, Webhooks, Add webhook\n  Payload URL   %s/%s\n  Content type  application/json\n  Secret        %s\n  Events        just the push event",
		address, id, secret)
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
	var branch string
	c := &cobra.Command{Use: "remove URL|ID", Aliases: []string{"rm"}, Short: "Stop watching; stacks and history are kept",
		Args: cobra.ExactArgs(1), RunE: func(cmd *cobra.Command, args []string) error {
			id := args[0]
			if strings.Contains(id, "://") {
				id = gitops.RepositoryID(id, branch)
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
			if err := api.call(cmd.Context(), http.MethodDelete, api.at.Write, "/v1/repositories/"+id, nil, &removed); err != nil {
				return unwatched(err, args[0], branch)
			}
			return f.print(removed, func() string { return id + "  no longer watched; its applications' stacks are kept\n" })
		}}
	c.Flags().StringVar(&branch, "branch", "main", "with a URL: the branch that is followed")
	return c
}
