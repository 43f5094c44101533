package cli

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/driftless-gitops/driftless/internal/aws/codecommit"
	"github.com/driftless-gitops/driftless/internal/aws/jsonrpc"
	"github.com/driftless-gitops/driftless/internal/forge"
	codecommitforge "github.com/driftless-gitops/driftless/internal/forge/codecommit"
	"github.com/driftless-gitops/driftless/internal/forge/github"
	"github.com/driftless-gitops/driftless/internal/forge/gitlab"
	"github.com/driftless-gitops/driftless/internal/git"
	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/reconcile"
)

// way is how a repository is read, and pull requests are opened there, with the caller's own
// credentials: Driftless itself has no right to write to git.
type way struct {
	git      *git.Client
	proposer forge.Proposer
	need     string // what the caller's credentials have to be, for whom they are refused
}

// What the caller's credentials need (docs.github.com, "Permissions required for fine-grained
// personal access tokens" and "Scopes for OAuth apps"; docs.gitlab.com, "Personal access tokens";
// CodeCommit user guide, "CodeCommit permissions reference").
const (
	needGitHub = "a fine-grained token needs the repository permissions Contents and Pull requests, read and write; a classic one the scope repo " +
		"(with --dry-run: Contents, read)"
	needGitLab     = "the token needs the scope api, and the role Developer in the project (with --dry-run: read_repository)"
	needCodeCommit = "your principal needs codecommit:GetRepository and codecommit:GitPull on the repository, and to open a pull request " +
		"codecommit:GetBranch, CreateBranch, CreateCommit, ListPullRequests, GetPullRequest and CreatePullRequest"
)

// way finds the caller's credentials for a repository. Where something is to be written they
// have to be there.
func (f *flags) way(ctx context.Context, repo gitops.Repository, write bool) (way, error) {
	switch repo.Forge {
	case gitops.ForgeCodeCommit:
		return f.codeCommit(ctx, repo)
	case gitops.ForgeGitHub:
		return f.tokenWay(repo, write, []string{"GH_TOKEN", "GITHUB_TOKEN"}, []string{"GH_ENTERPRISE_TOKEN", "GITHUB_ENTERPRISE_TOKEN"}, "GH_HOST", needGitHub)
	case gitops.ForgeGitLab:
		return f.tokenWay(repo, write, []string{"GITLAB_TOKEN"}, nil, "GITLAB_HOST", needGitLab)
	}
	if write {
		return way{}, fmt.Errorf("%s is plain git, which has no pull requests: 'driftless adopt --dry-run' shows the edits as a diff that \"git apply\" takes, "+
			"and 'driftless repository add URL --forge github' (or gitlab) says that it is one", gitops.NormalURL(repo.URL))
	}
	return way{git: &git.Client{}, need: "only public repositories of plain git are read"}, nil
}

// codeCommit reads and writes with the caller's AWS credentials.
func (f *flags) codeCommit(ctx context.Context, repo gitops.Repository) (way, error) {
	a, err := signIn(ctx, f)
	if err != nil {
		return way{}, err
	}
	w := way{need: needCodeCommit}
	hooks := codecommit.New(a.AWS, f.Now)
	at, err := hooks.Resolve(ctx, repo)
	if err != nil {
		return way{}, w.explain(err)
	}
	// AWS itself has said where the repository is: in a VPC that may be a private address.
	w.git = &git.Client{Resolve: hooks.Resolve, Credentials: hooks.Credentials, AllowPrivateHosts: []string{hostOf(at)}}
	w.proposer = codecommitforge.Proposer{API: jsonrpc.New(a.AWS, jsonrpc.CodeCommit, f.Now)}
	return w, nil
}

// tokenWay reads and writes with a token of the environment, in the variables that gh and glab
// read (cli.github.com/manual/gh_help_environment; docs.gitlab.com, "GitLab CLI"). It is sent
// to the forge's own host, or to the one that the caller names: which repositories there are is
// for others to say, and a token is not.
func (f *flags) tokenWay(repo gitops.Repository, write bool, variables, own []string, hostVariable, need string) (way, error) {
	host := hostOf(repo.URL)
	named := strings.TrimSuffix(strings.TrimPrefix(strings.TrimPrefix(f.Env(hostVariable), "https://"), "http://"), "/")
	w := way{need: need, git: &git.Client{}}
	wanted := strings.Join(variables, " or ")
	if host != "github.com" && host != "gitlab.com" && !strings.HasSuffix(host, ".ghe.com") {
		variables = append(own, variables...)
		wanted = strings.Join(variables, " or ")
		if named != host {
			if write {
				return w, &exitError{ExitCredentials, fmt.Errorf("set %s=%s, so that your token is sent there, and %s: %s", hostVariable, host, wanted, need)}
			}
			return w, nil
		}
		w.git.AllowPrivateHosts = []string{host} // the caller has named it
	}
	token := ""
	for _, name := range variables {
		if token == "" {
			token = f.Env(name)
		}
	}
	w.need = "set " + wanted + ": " + need
	if token == "" && write {
		return w, &exitError{ExitCredentials, fmt.Errorf("no token for %s: %s", host, w.need)}
	}
	if token == "" {
		return w, nil
	}
	user := "x-access-token" // as internal/forge/credentials has it
	tokens := func(context.Context, gitops.Repository) ([]string, error) { return []string{token}, nil }
	client := forge.NewClient(w.git.AllowPrivateHosts)
	w.proposer = github.Proposer{HTTP: client, Tokens: tokens}
	if repo.Forge == gitops.ForgeGitLab {
		user, w.proposer = "oauth2", gitlab.Proposer{HTTP: client, Tokens: tokens}
	}
	w.git.Credentials = func(context.Context, gitops.Repository, string) (string, string, error) { return user, token, nil }
	return w, nil
}

// hostOf returns the host of a URL, with its port.
func hostOf(raw string) string {
	u, err := url.Parse(gitops.NormalURL(raw))
	if err != nil {
		return ""
	}
	return u.Host
}

// explain says what credentials need where they are refused: a forge answers as if there were
// nothing to whom it shows nothing.
func (w way) explain(err error) error {
	if errors.Is(err, reconcile.ErrDenied) || errors.Is(err, reconcile.ErrNotFound) {
		return fmt.Errorf("%w\n%s", err, w.need)
	}
	return err
}
