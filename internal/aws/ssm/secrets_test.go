package ssm_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"
	"github.com/google/go-cmp/cmp"

	"github.com/driftless-gitops/driftless/internal/aws/awstest"
	"github.com/driftless-gitops/driftless/internal/aws/ssm"
	"github.com/driftless-gitops/driftless/internal/porttest"
	"github.com/driftless-gitops/driftless/internal/reconcile"
	"github.com/driftless-gitops/driftless/internal/secret"
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
	t.Run("what was read is used again for five seconds, then read again", func(t *testing.T) {
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
	t.Run("nothing is no secret", func(t *testing.T) {
		for _, value := range []string{"", " \n"} {
			if err := ssm.New(cfg, clock).Put(t.Context(), ssm.WebhookName("r5"), secret.New(value)); err == nil {
				t.Errorf("%q was put", value)
			}
		}
	})
}

func put(t *testing.T, s *ssm.Secrets, repository string, values ...string) {
	t.Helper()
	var secrets []secret.Secret
	for _, v := range values {
		secrets = append(secrets, secret.New(v))
	}
	if err := s.Put(t.Context(), ssm.WebhookName(repository), secret.Join(secrets...)); err != nil {
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

func TestErrorsAreTranslated(t *testing.T) {
	for code, want := range map[string]error{
		"ParameterNotFound":           reconcile.ErrNotFound,
		"AccessDeniedException":       reconcile.ErrDenied,
		"UnrecognizedClientException": reconcile.ErrDenied,
		"InvalidKeyId":                reconcile.ErrDenied,
		"ThrottlingException":         nil,
		"InternalServerError":         nil,
	} {
		t.Run(code, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/x-amz-json-1.1")
				w.WriteHeader(http.StatusBadRequest)
				_, _ = fmt.Fprintf(w, `{"__type":%q,"message":"no"}`, code)
			}))
			defer server.Close()
			_, err := ssm.New(awstest.At(server.URL), time.Now).Read(t.Context(), "driftless/git/a")
			porttest.WantKind(t, err, want)
		})
	}
}
