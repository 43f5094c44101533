package vault_test

import (
	"errors"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/driftless-gitops/driftless/internal/aws/awstest"
	"github.com/driftless-gitops/driftless/internal/aws/vault"
	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/reconcile"
	"github.com/driftless-gitops/driftless/internal/secret"
)

func TestEveryReferenceLeadsToItsPlace(t *testing.T) {
	cfg := awstest.Moto(t)
	v := vault.New(cfg, time.Now)
	for _, reference := range []string{gitops.CredentialsOf("r"), gitops.SecretOf("r"), vault.Webhook("r")} {
		if _, err := v.Read(t.Context(), reference); !errors.Is(err, reconcile.ErrNotFound) {
			t.Errorf("%s: %v before anything was put", reference, err)
		}
		if err := v.Put(t.Context(), reference, secret.New("the secret of "+reference)); err != nil {
			t.Fatal(err)
		}
	}
	for _, reference := range []string{gitops.CredentialsOf("r"), gitops.SecretOf("r"), vault.Webhook("r")} {
		if got, err := v.Read(t.Context(), reference); err != nil || got.Reveal() != "the secret of "+reference {
			t.Errorf("%s: %q, %v", reference, got.Reveal(), err)
		}
	}
	out, err := sdk.NewFromConfig(cfg).GetParameter(t.Context(), &sdk.GetParameterInput{Name: aws.String("/driftless/git/r")})
	if err != nil || out.Parameter.Type != types.ParameterTypeSecureString {
		t.Errorf("the parameter is a %v, %v, want a SecureString", out, err)
	}
	for _, reference := range []string{"", "ssm", "ssm:", "env:TOKEN", "/driftless/git/r"} {
		if _, err := v.Read(t.Context(), reference); err == nil || errors.Is(err, reconcile.ErrNotFound) {
			t.Errorf("%q was read: %v", reference, err)
		}
		if err := v.Put(t.Context(), reference, secret.New("x")); err == nil {
			t.Errorf("%q was put", reference)
		}
	}
}
