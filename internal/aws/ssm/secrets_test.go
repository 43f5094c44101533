package ssm_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"
	"github.com/google/go-cmp/cmp"

	"github.com/driftless-gitops/driftless/internal/aws/awstest"
	"github.com/driftless-gitops/driftless/internal/aws/ssm"
	"github.com/driftless-gitops/driftless/internal/reconcile"
)

func TestSecrets(t *testing.T) {
	cfg := awstest.Moto(t)
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	clock := func() time.Time { return now }

	t.Run("a secret that was never put is not found", func(t *testing.T) {
		_, err := ssm.New(cfg, clock).Webhook(t.Context(), "nowhere")
		if !errors.Is(err, reconcile.ErrNotFound) {
			t.Errorf("the error is %v, want %v", err, reconcile.ErrNotFound)
		}
	})
	t.Run("two secrets come back while one is being changed for the other", func(t *testing.T) {
		s := ssm.New(cfg, clock)
		put(t, s, "r1", "old", "new")
		wantSecrets(t, s, "r1", "old", "new")
		put(t, s, "r1", "new")
		wantSecrets(t, s, "r1", "new")
	})
	t.Run("a secret is kept encrypted", func(t *testing.T) {
		put(t, ssm.New(cfg, clock), "r2", "secret")
		out, err := sdk.NewFromConfig(cfg).GetParameter(t.Context(), &sdk.GetParameterInput{Name: aws.String("/driftless/webhook/r2")})
		if err != nil {
			t.Fatal(err)
		}
		if out.Parameter.Type != types.ParameterTypeSecureString {
			t.Errorf("the parameter is a %s, want a SecureString", out.Parameter.Type)
		}
	})
	t.Run("what was read is used again for a minute, then read again", func(t *testing.T) {
		reader, writer := ssm.New(cfg, clock), ssm.New(cfg, clock)
		put(t, writer, "r3", "first")
		wantSecrets(t, reader, "r3", "first")
		put(t, writer, "r3", "second")
		now = now.Add(4 * time.Second)
		wantSecrets(t, reader, "r3", "first")
		now = now.Add(time.Second)
		wantSecrets(t, reader, "r3", "second")
	})
	t.Run("a parameter without a secret is not found, so that nobody signs with nothing", func(t *testing.T) {
		_, err := sdk.NewFromConfig(cfg).PutParameter(t.Context(), &sdk.PutParameterInput{
			Name: aws.String(ssm.WebhookName("r4")), Value: aws.String(" \n"), Type: types.ParameterTypeSecureString})
		if err != nil {
			t.Fatal(err)
		}
		if got, err := ssm.New(cfg, clock).Webhook(t.Context(), "r4"); !errors.Is(err, reconcile.ErrNotFound) {
			t.Errorf("got %q and %v, want %v", got, err, reconcile.ErrNotFound)
		}
	})
	t.Run("a secret that would be two is refused, and so is none", func(t *testing.T) {
		s := ssm.New(cfg, clock)
		for _, secrets := range [][]ssm.Secret{{}, {ssm.NewSecret("")}, {ssm.NewSecret("a\nb")}} {
			if err := s.PutSecret(t.Context(), ssm.WebhookName("r5"), secrets...); err == nil {
				t.Errorf("%d secrets were put", len(secrets))
			}
		}
	})
}

func put(t *testing.T, s *ssm.Secrets, repository string, values ...string) {
	t.Helper()
	var secrets []ssm.Secret
	for _, v := range values {
		secrets = append(secrets, ssm.NewSecret(v))
	}
	if err := s.PutSecret(t.Context(), ssm.WebhookName(repository), secrets...); err != nil {
		t.Fatal(err)
	}
}

func wantSecrets(t *testing.T, s *ssm.Secrets, repository string, want ...string) {
	t.Helper()
	got, err := s.Webhook(t.Context(), repository)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestASecretIsNeverFormatted(t *testing.T) {
	secret := ssm.NewSecret("hunter2")
	var out bytes.Buffer
	type holder struct{ Inner ssm.Secret }
	fmt.Fprintf(&out, "%v %+v %#v %s %q %x %v\n", secret, secret, secret, secret, secret, secret, &secret)
	fmt.Fprintf(&out, "%v %+v %#v\n", holder{secret}, holder{secret}, holder{secret})
	slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "secret", secret, "holder", holder{secret})
	slog.New(slog.NewTextHandler(&out, nil)).Info("x", "secret", secret, "holder", holder{secret})
	if err := json.NewEncoder(&out).Encode(holder{secret}); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(out.String(), "hunter2") || strings.Contains(out.String(), fmt.Sprintf("%x", "hunter2")) {
		t.Errorf("the secret was written:\n%s", &out)
	}
	if got := secret.Reveal(); got != "hunter2" {
		t.Errorf("the secret is %q", got)
	}
}
