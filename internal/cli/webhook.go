package cli

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"

	"github.com/driftless-gitops/driftless/internal/aws/vault"
	"github.com/driftless-gitops/driftless/internal/forge"
	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/reconcile"
	"github.com/driftless-gitops/driftless/internal/secret"
)

// webhook is the secrets of a repository's webhook. The newest stands first; the one before
// it counts beside it while people change it at the forge.
type webhook struct {
	repo    gitops.Repository
	secrets secrets

	made string            // the secret that was made just now
	old  bool              // one before it still counts
	told gitops.Repository // as the API answered
}

func (w *webhook) reference() string { return vault.Webhook(w.repo.ID) }

// renew makes a secret, and lets the one that is there count beside it. While two are there
// it refuses: the forge may sign with either.
func (w *webhook) renew(ctx context.Context) error {
	known, err := w.secrets.Read(ctx, w.reference())
	if err != nil && !errors.Is(err, reconcile.ErrNotFound) {
		return fmt.Errorf("read the webhook's secret, which is to count beside the new one: %w", err)
	}
	before := known.Lines()
	if len(before) >= forge.MaxSecrets {
		return usage(errors.New("--webhook: two secrets count already, and another one would end the older, which the forge may still sign with: " +
			"enter the newer one at the forge, then --webhook-finish"))
	}
	w.made = rand.Text()
	all := []secret.Secret{secret.New(w.made)}
	if len(before) > 0 {
		all, w.old = append(all, before[0]), true
	}
	return w.put(ctx, all)
}

// finish lets the newest secret count alone.
func (w *webhook) finish(ctx context.Context) error {
	known, err := w.secrets.Read(ctx, w.reference())
	if errors.Is(err, reconcile.ErrNotFound) {
		return usage(errors.New("--webhook-finish: the webhook has no secret yet; --webhook makes one"))
	}
	if err != nil {
		return fmt.Errorf("read the webhook's secrets: %w", err)
	}
	return w.put(ctx, known.Lines()[:1])
}

func (w *webhook) put(ctx context.Context, all []secret.Secret) error {
	if err := w.secrets.Put(ctx, w.reference(), secret.Join(all...)); err != nil {
		return fmt.Errorf("store the webhook's secret: %w", err)
	}
	return nil
}

// address returns where the forge sends to, empty where that is not known here.
func (w *webhook) address(base string) string {
	if base == "" {
		return ""
	}
	return strings.TrimRight(base, "/") + "/" + w.repo.ID
}

// entry is what a program enters at the forge.
type entry struct {
	URL    string   `json:"url,omitempty"` // empty: the stack's output WebhookUrl, and the repository's id
	Secret string   `json:"secret"`
	Events []string `json:"events"` // as the forge's API calls them
}

// entry returns what to enter at the forge, nil where no secret was made.
func (w *webhook) entry(base string) *entry {
	if w.made == "" {
		return nil
	}
	e := entry{URL: w.address(base), Secret: w.made, Events: []string{"push"}}
	switch {
	case w.told.Forge == gitops.ForgeGitLab && w.repo.Tag != "":
		e.Events = []string{"tag_push_events"}
	case w.told.Forge == gitops.ForgeGitLab:
		e.Events = []string{"push_events"}
	}
	return &e
}

// show says what to enter at the forge. The secret is shown this once.
func (w *webhook) show(f *flags, base string) {
	if w.made == "" {
		f.hint("the newest of the webhook's secrets counts alone, within five seconds")
		return
	}
	address := w.address(base)
	if address == "" {
		address = "<output WebhookUrl of the stack Driftless>/" + w.repo.ID
	}
	if w.told.Forge == gitops.ForgeGitLab {
		events := "Push events, of " + w.repo.Branch
		if w.repo.Tag != "" {
			events = "Tag push events"
		}
		f.hint("GitLab: Settings, Webhooks, Add new webhook\n  URL           %s\n  Secret token  %s\n  Trigger       %s", address, w.made, events)
	} else {
		f.hint("GitHub: Settings, Webhooks, Add webhook\n  Payload URL   %s\n  Content type  application/json\n  Secret        %s\n  Events        just the push event",
			address, w.made)
	}
	if w.old {
		f.hint("the secret before it counts too, until 'driftless repository add' with --webhook-finish in place of --webhook")
	}
}
