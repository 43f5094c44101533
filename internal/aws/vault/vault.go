// Package vault reads and writes secrets by the references that a repository's record has:
// "ssm:<parameter>" and "secretsmanager:<secret>" (gitops.CredentialsOf and SecretOf). It
// leads to the packages ssm and secretsmanager, and keeps nothing itself.
package vault

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/driftless-gitops/driftless/internal/aws/secretsmanager"
	"github.com/driftless-gitops/driftless/internal/aws/ssm"
	"github.com/driftless-gitops/driftless/internal/secret"
)

// Vault is every place that keeps secrets.
type Vault struct{ places map[string]place }

// place is one of them.
type place interface {
	Read(ctx context.Context, name string) (secret.Secret, error)
	Put(ctx context.Context, name string, value secret.Secret) error
}

// New returns the places of an account and region; now tells how old what was read is.
func New(cfg aws.Config, now func() time.Time) *Vault {
	return &Vault{map[string]place{"ssm": ssm.New(cfg, now), "secretsmanager": secretsmanager.New(cfg, now)}}
}

// Read returns what is kept under a reference, which is not empty; reconcile.ErrNotFound,
// reconcile.ErrDenied. What was read is used again for five seconds.
func (v *Vault) Read(ctx context.Context, reference string) (secret.Secret, error) {
	p, name, err := v.find(reference)
	if err != nil {
		return secret.Secret{}, err
	}
	return p.Read(ctx, name)
}

// Put keeps a value under a reference, in place of what is there. A repeat is harmless.
func (v *Vault) Put(ctx context.Context, reference string, value secret.Secret) error {
	p, name, err := v.find(reference)
	if err != nil {
		return err
	}
	return p.Put(ctx, name, value)
}

// Webhook returns the reference of the secrets of a repository's webhook.
func Webhook(repository string) string { return "ssm:" + ssm.WebhookName(repository) }

func (v *Vault) find(reference string) (place, string, error) {
	kind, name, _ := strings.Cut(reference, ":")
	p, ok := v.places[kind]
	if !ok || name == "" {
		return nil, "", fmt.Errorf("reference %q: must be ssm:<parameter> or secretsmanager:<secret>", reference)
	}
	return p, name, nil
}
