// Package ssm reads and writes secrets: SecureStrings of SSM's Parameter Store.
//
// A parameter may hold two secrets, one per line, while one is being changed for the
// other. The package reads and writes them; what they are for, and by whom they may be
// read, is known elsewhere.
package ssm

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"
	"github.com/aws/smithy-go"

	"github.com/driftless-gitops/driftless/internal/reconcile"
	"github.com/driftless-gitops/driftless/internal/secret"
)

// fresh is how long a secret that was read is used again. GitHub sends a ping the moment a
// webhook is saved, so one that was just changed must count at once; and a storm of webhooks
// may not read more often than SSM answers, 40 times a second by default (quotas page).
const fresh = 5 * time.Second

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
	value secret.Secret
	until time.Time
}

// New returns the Parameter Store's secrets; now tells how old what was read is.
func New(cfg aws.Config, now func() time.Time) *Secrets {
	return &Secrets{client: sdk.NewFromConfig(cfg), now: now, known: map[string]reading{}}
}

// Read returns what a parameter holds, which is not empty; ErrNotFound, ErrDenied.
func (s *Secrets) Read(ctx context.Context, name string) (secret.Secret, error) {
	s.mu.Lock()
	r, ok := s.known[name]
	s.mu.Unlock()
	if ok && s.now().Before(r.until) {
		return r.value, nil
	}
	out, err := s.client.GetParameter(ctx, &sdk.GetParameterInput{Name: &name, WithDecryption: aws.Bool(true)})
	if err != nil {
		return secret.Secret{}, fmt.Errorf("get parameter %s: %w", name, translate(err))
	}
	value := secret.New(aws.ToString(out.Parameter.Value))
	if len(value.Lines()) == 0 {
		return secret.Secret{}, fmt.Errorf("get parameter %s: it is empty: %w", name, reconcile.ErrNotFound)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.known[name] = reading{value, s.now().Add(fresh)}
	return value, nil
}

// Webhook returns the secrets that a repository's webhook may be signed with; ErrNotFound.
func (s *Secrets) Webhook(ctx context.Context, repository string) ([]string, error) {
	value, err := s.Read(ctx, WebhookName(repository))
	var revealed []string
	for _, line := range value.Lines() {
		revealed = append(revealed, line.Reveal())
	}
	return revealed, err
}

// Put stores what a parameter holds, in place of what is there. A repeat is harmless.
func (s *Secrets) Put(ctx context.Context, name string, value secret.Secret) error {
	if len(value.Lines()) == 0 {
		return fmt.Errorf("put parameter %s: it is empty", name)
	}
	_, err := s.client.PutParameter(ctx, &sdk.PutParameterInput{
		Name:      &name,
		Value:     aws.String(value.Reveal()),
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
