package ssm_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/driftless-gitops/driftless/internal/aws/awstest"
	"github.com/driftless-gitops/driftless/internal/aws/ssm"
	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/reconcile"
)

func TestARepositoryIsReadAsItsCredentialsSay(t *testing.T) {
	secrets := ssm.New(awstest.Moto(t), time.Now)
	if err := secrets.PutSecret(t.Context(), "/driftless/git/infra", ssm.NewSecret("token")); err != nil {
		t.Fatal(err)
	}
	read := secrets.Git(func(context.Context, gitops.Repository, string) (string, string, error) {
		return "role", "signature", nil
	})
	for name, c := range map[string]struct {
		id, credentials, user, password string
		refused                         bool
		err                             error
	}{
		"none named: as the function's own role says": {"infra", "", "role", "signature", false, nil},
		"a parameter: by the token in it":             {"infra", "ssm:/driftless/git/infra", ssm.GitUser, "token", false, nil},
		"a parameter that is not there is denied":     {"none", "ssm:/driftless/git/none", "", "", false, reconcile.ErrDenied},
		"a parameter of somebody else's is refused":   {"infra", "ssm:/driftless/webhook/r1", "", "", true, nil},
		"another repository's token is refused":       {"mine", "ssm:/driftless/git/infra", "", "", true, nil},
		"another kind of reference is refused":        {"infra", "env:TOKEN", "", "", true, nil},
	} {
		t.Run(name, func(t *testing.T) {
			user, password, err := read(t.Context(), gitops.Repository{ID: c.id, URL: "https://example.com/infra", Credentials: c.credentials}, "")
			if user != c.user || password != c.password {
				t.Errorf("it is read as %q with %q", user, password)
			}
			if refusal := (*gitops.Refusal)(nil); errors.As(err, &refusal) != c.refused {
				t.Errorf("the error is %v, refused: %v", err, c.refused)
			}
			if c.err != nil && (!errors.Is(err, c.err) || errors.Is(err, reconcile.ErrNotFound)) {
				t.Errorf("the error is %v, want %v alone", err, c.err)
			}
		})
	}
}
