package reconcile_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/driftless-gitops/driftless/internal/gitops"
)

func TestARepositoryThatCannotBeWatchedIsRefusedWithTheReason(t *testing.T) {
	const github, own = "https://github.com/acme/infra", "https://ghe.example.com/acme/infra"
	id := gitops.RepositoryID(github, "main")
	for name, c := range map[string]struct {
		repository gitops.Repository
		why        string // empty: it is watched
	}{
		"a branch of GitHub":                   {gitops.Repository{URL: github, Branch: "main"}, ""},
		"a tag of a GitHub Enterprise":         {gitops.Repository{URL: own, Tag: "v1", Forge: gitops.ForgeGitHub}, ""},
		"a GitLab of one's own":                {gitops.Repository{URL: own, Branch: "main", Forge: gitops.ForgeGitLab}, ""},
		"what is known anyway":                 {gitops.Repository{URL: github, Branch: "main", Forge: gitops.ForgeGitHub}, ""},
		"neither branch nor tag":               {gitops.Repository{URL: github}, "exactly one of the two"},
		"both a branch and a tag":              {gitops.Repository{URL: github, Branch: "main", Tag: "v1"}, "exactly one of the two"},
		"a branch by its full name":            {gitops.Repository{URL: github, Branch: "refs/heads/main"}, "not begin with refs/"},
		"a branch that reads as a tag":         {gitops.Repository{URL: github, Branch: "refs/tags/v1"}, "not begin with refs/"},
		"a tag by its full name":               {gitops.Repository{URL: github, Tag: "refs/tags/v1"}, "not begin with refs/"},
		"a branch with a space":                {gitops.Repository{URL: github, Branch: "a b"}, "without spaces"},
		"a tag of 256 characters":              {gitops.Repository{URL: github, Tag: strings.Repeat("v", 256)}, "1 to 255"},
		"a forge that nobody knows":            {gitops.Repository{URL: own, Branch: "main", Forge: "bitbucket"}, `forge "bitbucket": must be one of [github gitlab codecommit]`},
		"GitHub called GitLab":                 {gitops.Repository{URL: github, Branch: "main", Forge: gitops.ForgeGitLab}, "is not of it"},
		"somebody's host called CodeCommit":    {gitops.Repository{URL: own, Branch: "main", Forge: gitops.ForgeCodeCommit}, "is not of it"},
		"CodeCommit called GitHub":             {gitops.Repository{URL: "codecommit::eu-west-1://infra", Branch: "main", Forge: gitops.ForgeGitHub}, "is not of it"},
		"a token of its own":                   {gitops.Repository{URL: github, Branch: "main", Credentials: gitops.CredentialsOf(id)}, ""},
		"a secret of its own":                  {gitops.Repository{URL: github, Branch: "main", Credentials: gitops.SecretOf(id)}, ""},
		"a secret of its branch, for a tag":    {gitops.Repository{URL: github, Tag: "main", Credentials: gitops.SecretOf(id)}, "its own alone"},
		"another repository's secret":          {gitops.Repository{URL: own, Branch: "main", Credentials: gitops.SecretOf(id)}, "its own alone"},
		"any secret of the account":            {gitops.Repository{URL: github, Branch: "main", Credentials: "secretsmanager:prod/database"}, "its own alone"},
		"a token for CodeCommit":               {gitops.Repository{URL: "codecommit::eu-west-1://infra", Branch: "main", Credentials: "ssm:x"}, "Driftless's own role"},
		"a URL that holds somebody's password": {gitops.Repository{URL: "https://ann:hunter2@github.com/acme/infra", Branch: "main"}, "holds credentials"},
		"a URL of ssh":                         {gitops.Repository{URL: "ssh://git@github.com/acme/infra", Branch: "main"}, "must be codecommit"},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := newWorld(t).op.AddRepository(t.Context(), c.repository, "ann")
			refusal := (*gitops.Refusal)(nil)
			switch {
			case c.why == "" && (err != nil || r.ID != gitops.RepositoryID(c.repository.URL, c.repository.Ref())):
				t.Errorf("got %+v, %v", r, err)
			case c.why != "" && (!errors.As(err, &refusal) || !strings.Contains(refusal.Reason, c.why) || strings.Contains(refusal.Reason, "hunter2")):
				t.Errorf("got %v, want %q", err, c.why)
			}
		})
	}
}

// Whoever renews a token or a webhook's secret must not widen where the applications may go.
func TestAddingARepositoryAgainChangesWhatIsGivenAlone(t *testing.T) {
	w := newWorld(t)
	first := gitops.Repository{URL: "https://ghe.example.com/acme/infra", Branch: "main", Forge: gitops.ForgeGitHub, Targets: []gitops.Target{target}}
	id := gitops.RepositoryID(first.URL, first.Ref())
	first.Credentials = gitops.CredentialsOf(id)
	if _, err := w.op.AddRepository(t.Context(), first, "ann"); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ again, want gitops.Repository }{
		"nothing": {gitops.Repository{}, first},
		"a secret in place of the token": {gitops.Repository{Credentials: gitops.SecretOf(id)},
			gitops.Repository{Forge: first.Forge, Targets: first.Targets, Credentials: gitops.SecretOf(id)}},
		"fewer targets": {gitops.Repository{Credentials: first.Credentials, Targets: []gitops.Target{{Account: target.Account}}},
			gitops.Repository{Forge: first.Forge, Targets: []gitops.Target{{Account: target.Account}}, Credentials: first.Credentials}},
	} {
		again := first
		if _, err := w.op.AddRepository(t.Context(), again, "ann"); err != nil { // as it was
			t.Fatal(err)
		}
		again = c.again
		again.URL, again.Branch = first.URL, first.Branch
		if _, err := w.op.AddRepository(t.Context(), again, "ann"); err != nil {
			t.Fatal(err)
		}
		got, err := w.store.Repository(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		got = gitops.Repository{Forge: got.Forge, Targets: got.Targets, Credentials: got.Credentials}
		want := gitops.Repository{Forge: c.want.Forge, Targets: c.want.Targets, Credentials: c.want.Credentials}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}
