// Package secretsmanager reads and writes the secrets that a repository keeps in Secrets
// Manager: a token, or the key of a GitHub App, which may be too long for a parameter of
// SSM. It is where credentials are shared with others, or rotated; a secret there costs
// $0.40 a month (AWS Secrets Manager pricing), so nothing is kept there unless asked for.
//
// The package knows nothing of what a secret is for, or by whom it may be read.
package secretsmanager

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
	"github.com/aws/smithy-go"

	"github.com/driftless-gitops/driftless/internal/reconcile"
	"github.com/driftless-gitops/driftless/internal/secret"
)

// fresh is how long a secret that was read is used again: through all requests of one look
// at a repository, of which each asks for it.
const fresh = 5 * time.Second

// Secrets is the secrets in Secrets Manager. What was read is kept for a moment.
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

// New returns the secrets of Secrets Manager; now tells how old what was read is.
func New(cfg aws.Config, now func() time.Time) *Secrets {
	return &Secrets{client: sdk.NewFromConfig(cfg), now: now, known: map[string]reading{}}
}

// Read returns the text of a secret's current version, which is not empty; ErrNotFound, ErrDenied.
func (s *Secrets) Read(ctx context.Context, name string) (secret.Secret, error) {
	s.mu.Lock()
	r, ok := s.known[name]
	s.mu.Unlock()
	if ok && s.now().Before(r.until) {
		return r.value, nil
	}
	out, err := s.client.GetSecretValue(ctx, &sdk.GetSecretValueInput{SecretId: &name})
	if err != nil {
		return secret.Secret{}, fmt.Errorf("get secret %s: %w", name, translate(err))
	}
	value := secret.New(aws.ToString(out.SecretString))
	if len(value.Lines()) == 0 {
		return secret.Secret{}, fmt.Errorf("get secret %s: it holds no text: %w", name, reconcile.ErrNotFound)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.known[name] = reading{value, s.now().Add(fresh)}
	return value, nil
}

// Put stores the text of a secret as its current version, and makes the secret where there
// is none. A repeat is harmless.
func (s *Secrets) Put(ctx context.Context, name string, value secret.Secret) error {
	if len(value.Lines()) == 0 {
		return fmt.Errorf("put secret %s: it is empty", name)
	}
	_, err := s.client.PutSecretValue(ctx, &sdk.PutSecretValueInput{SecretId: &name, SecretString: aws.String(value.Reveal())})
	var missing *types.ResourceNotFoundException
	if errors.As(err, &missing) {
		_, err = s.client.CreateSecret(ctx, &sdk.CreateSecretInput{Name: &name, SecretString: aws.String(value.Reveal()),
			Description: aws.String("Read by Driftless: the credentials of a repository")})
	}
	if err != nil {
		return fmt.Errorf("put secret %s: %w", name, translate(err))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.known, name)
	return nil
}

// translate turns what Secrets Manager says into reconcile's errors; the rest is transient
// (Secrets Manager API reference, GetSecretValue, "Errors"). InvalidRequestException is
// what a secret answers that is scheduled for deletion.
func translate(err error) error {
	var apiErr smithy.APIError
	if !errors.As(err, &apiErr) {
		return err
	}
	switch apiErr.ErrorCode() {
	case "ResourceNotFoundException":
		return fmt.Errorf("%w: %w", reconcile.ErrNotFound, err)
	case "AccessDeniedException", "UnrecognizedClientException", "DecryptionFailure", "InvalidRequestException":
		return fmt.Errorf("%w: %w", reconcile.ErrDenied, err)
	}
	return err
}
