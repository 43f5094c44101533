// Package ssm reads and writes secrets: SecureStrings of SSM's Parameter Store.
//
// A parameter may hold two secrets, one per line, while one is being changed for the
// other. Secrets are never formatted: a Secret prints as "***".
package ssm

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"
	"github.com/aws/smithy-go"

	"github.com/driftless-gitops/driftless/internal/reconcile"
)

// fresh is how long a secret that was read is used again. GitHub sends a ping the moment a
// webhook is saved, so one that was just changed must count at once; and a storm of webhooks
// may not read more often than SSM answers, 40 times a second by default (quotas page).
const fresh = 5 * time.Second

const hidden = "***"

// Secret is a secret. Only Reveal gives it away.
type Secret struct{ value string }

// NewSecret returns a secret.
func NewSecret(value string) Secret { return Secret{value} }

// Reveal returns the secret itself, for the one place that uses it.
func (s Secret) Reveal() string { return s.value }

// String returns "***".
func (Secret) String() string { return hidden }

// GoString returns "***".
func (Secret) GoString() string { return hidden }

// LogValue returns "***".
func (Secret) LogValue() slog.Value { return slog.StringValue(hidden) }

// MarshalText returns "***", so that no encoder writes a secret.
func (Secret) MarshalText() ([]byte, error) { return []byte(hidden), nil }

// WebhookName returns the name of the parameter with the secrets of a repository's webhook.
func WebhookName(repository string) string { return "/driftless/webhook/" + repository }

// Secrets is the secrets in the Parameter Store. What was read is kept for a moment.
type Secrets struct {
	client *sdk.Client
	now    func() time.Time

	mu    sync.Mutex
	known map[string]reading
}

type reading struct {
	secrets []Secret
	until   time.Time
}

// New returns the Parameter Store's secrets; now tells how old what was read is.
func New(cfg aws.Config, now func() time.Time) *Secrets {
	return &Secrets{client: sdk.NewFromConfig(cfg), now: now, known: map[string]reading{}}
}

// Secret returns the secrets of a parameter, at least one; ErrNotFound.
func (s *Secrets) Secret(ctx context.Context, name string) ([]Secret, error) {
	s.mu.Lock()
	r, ok := s.known[name]
	s.mu.Unlock()
	if ok && s.now().Before(r.until) {
		return r.secrets, nil
	}
	out, err := s.client.GetParameter(ctx, &sdk.GetParameterInput{Name: &name, WithDecryption: aws.Bool(true)})
	if err != nil {
		return nil, fmt.Errorf("get parameter %s: %w", name, translate(err))
	}
	var secrets []Secret
	for line := range strings.Lines(aws.ToString(out.Parameter.Value)) {
		if line = strings.TrimSpace(line); line != "" {
			secrets = append(secrets, Secret{line})
		}
	}
	if len(secrets) == 0 { // an empty secret would accept whoever signs with an empty key
		return nil, fmt.Errorf("get parameter %s: it is empty: %w", name, reconcile.ErrNotFound)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.known[name] = reading{secrets, s.now().Add(fresh)}
	return secrets, nil
}

// Webhook returns the secrets that a repository's webhook may be signed with; ErrNotFound.
func (s *Secrets) Webhook(ctx context.Context, repository string) ([]string, error) {
	secrets, err := s.Secret(ctx, WebhookName(repository))
	var revealed []string
	for _, secret := range secrets {
		revealed = append(revealed, secret.Reveal())
	}
	return revealed, err
}

// PutSecret stores the secrets of a parameter, in place of what it holds.
func (s *Secrets) PutSecret(ctx context.Context, name string, secrets ...Secret) error {
	var lines []string
	for _, secret := range secrets {
		if strings.TrimSpace(secret.value) == "" || strings.ContainsAny(secret.value, "\r\n") {
			return fmt.Errorf("put parameter %s: a secret is one line and not empty", name)
		}
		lines = append(lines, secret.value)
	}
	if len(lines) == 0 {
		return fmt.Errorf("put parameter %s: no secret", name)
	}
	_, err := s.client.PutParameter(ctx, &sdk.PutParameterInput{
		Name:      &name,
		Value:     aws.String(strings.Join(lines, "\n")),
		Type:      types.ParameterTypeSecureString,
		Overwrite: aws.Bool(true),
	})
	if err != nil {
		return fmt.Errorf("put parameter %s: %w", name, translate(err))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.known, name)
	return nil
}

// translate turns what SSM says into reconcile's errors; the rest is transient.
func translate(err error) error {
	var apiErr smithy.APIError
	if !errors.As(err, &apiErr) {
		return err
	}
	switch apiErr.ErrorCode() {
	case "ParameterNotFound":
		return fmt.Errorf("%w: %w", reconcile.ErrNotFound, err)
	case "AccessDeniedException", "UnrecognizedClientException", "InvalidKeyId":
		return fmt.Errorf("%w: %w", reconcile.ErrDenied, err)
	}
	return err
}
