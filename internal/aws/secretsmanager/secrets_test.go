package secretsmanager_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/driftless-gitops/driftless/internal/aws/awstest"
	"github.com/driftless-gitops/driftless/internal/aws/secretsmanager"
	"github.com/driftless-gitops/driftless/internal/porttest"
	"github.com/driftless-gitops/driftless/internal/reconcile"
	"github.com/driftless-gitops/driftless/internal/secret"
)

func TestSecrets(t *testing.T) {
	cfg := awstest.Moto(t)
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	clock := func() time.Time { return now }
	put := func(t *testing.T, name, value string) {
		t.Helper()
		if err := secretsmanager.New(cfg, clock).Put(t.Context(), name, secret.New(value)); err != nil {
			t.Fatal(err)
		}
	}
	want := func(t *testing.T, s *secretsmanager.Secrets, name, value string) {
		t.Helper()
		if got, err := s.Read(t.Context(), name); err != nil || got.Reveal() != value {
			t.Errorf("%s is %q, %v; want %q", name, got.Reveal(), err, value)
		}
	}

	t.Run("a secret that was never put is not found", func(t *testing.T) {
		_, err := secretsmanager.New(cfg, clock).Read(t.Context(), "driftless/git/none")
		if !errors.Is(err, reconcile.ErrNotFound) {
			t.Errorf("the error is %v, want %v", err, reconcile.ErrNotFound)
		}
	})
	t.Run("a secret is made, and then replaced", func(t *testing.T) {
		put(t, "driftless/git/a", "first")
		want(t, secretsmanager.New(cfg, clock), "driftless/git/a", "first")
		put(t, "driftless/git/a", strings.Repeat("second\n", 900)) // more than a parameter would hold
		want(t, secretsmanager.New(cfg, clock), "driftless/git/a", strings.Repeat("second\n", 900))
	})
	t.Run("what was read is used again for five seconds, then read again", func(t *testing.T) {
		s := secretsmanager.New(cfg, clock)
		put(t, "driftless/git/b", "first")
		want(t, s, "driftless/git/b", "first")
		put(t, "driftless/git/b", "second")
		now = now.Add(4 * time.Second)
		want(t, s, "driftless/git/b", "first")
		now = now.Add(time.Second)
		want(t, s, "driftless/git/b", "second")
	})
	t.Run("a secret without text is not found, and none can be put", func(t *testing.T) {
		_, err := sdk.NewFromConfig(cfg).CreateSecret(t.Context(), &sdk.CreateSecretInput{Name: aws.String("driftless/git/c"), SecretBinary: []byte("x")})
		if err != nil {
			t.Fatal(err)
		}
		if got, err := secretsmanager.New(cfg, clock).Read(t.Context(), "driftless/git/c"); !errors.Is(err, reconcile.ErrNotFound) {
			t.Errorf("got %v, %v", got, err)
		}
		if err := secretsmanager.New(cfg, clock).Put(t.Context(), "driftless/git/c", secret.New(" \n")); err == nil {
			t.Error("nothing was put")
		}
	})
	t.Run("a secret that is to be deleted is denied, not gone", func(t *testing.T) {
		put(t, "driftless/git/d", "first")
		_, err := sdk.NewFromConfig(cfg).DeleteSecret(t.Context(), &sdk.DeleteSecretInput{SecretId: aws.String("driftless/git/d")})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := secretsmanager.New(cfg, clock).Read(t.Context(), "driftless/git/d"); !errors.Is(err, reconcile.ErrDenied) {
			t.Errorf("the error is %v, want %v", err, reconcile.ErrDenied)
		}
	})
}

func TestErrorsAreTranslated(t *testing.T) {
	for code, want := range map[string]error{
		"ResourceNotFoundException":   reconcile.ErrNotFound,
		"AccessDeniedException":       reconcile.ErrDenied,
		"UnrecognizedClientException": reconcile.ErrDenied,
		"DecryptionFailure":           reconcile.ErrDenied,
		"InvalidRequestException":     reconcile.ErrDenied,
		"ThrottlingException":         nil,
		"InternalServiceError":        nil,
	} {
		t.Run(code, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/x-amz-json-1.1")
				w.WriteHeader(http.StatusBadRequest)
				_, _ = fmt.Fprintf(w, `{"__type":%q,"message":"no"}`, code)
			}))
			defer server.Close()
			_, err := secretsmanager.New(awstest.At(server.URL), time.Now).Read(t.Context(), "driftless/git/a")
			porttest.WantKind(t, err, want)
		})
	}
}
