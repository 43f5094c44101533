package porttest

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/driftless-gitops/driftless/internal/reconcile"
)

// TestBlobs runs the contract of reconcile.Blobs.
func TestBlobs(t *testing.T, newBlobs func(*testing.T) reconcile.Blobs) {
	t.Helper()
	t.Run("a blob comes back byte by byte", func(t *testing.T) {
		b := newBlobs(t)
		data := make([]byte, 1<<20)
		_, _ = rand.Read(data) // never fails
		must(t, b.Put(t.Context(), "bundles/ab/cd", data))
		must(t, b.Put(t.Context(), "bundles/empty", nil))
		got, err := b.Get(t.Context(), "bundles/ab/cd")
		must(t, err)
		if string(got) != string(data) {
			t.Errorf("%d bytes came back changed", len(data))
		}
		empty, err := b.Get(t.Context(), "bundles/empty")
		must(t, err)
		wantEqual(t, len(empty), 0)
	})
	t.Run("a repeat is harmless and changes nothing", func(t *testing.T) {
		b := newBlobs(t)
		must(t, b.Put(t.Context(), "plans/1", []byte("first")))
		must(t, b.Put(t.Context(), "plans/1", []byte("second")))
		got, err := b.Get(t.Context(), "plans/1")
		must(t, err)
		wantEqual(t, string(got), "first")
	})
	t.Run("a file is a blob", func(t *testing.T) {
		b := newBlobs(t)
		must(t, b.Put(t.Context(), "bundles/1", []byte("one")))
		must(t, b.PutFile(t.Context(), "bundles/1", strings.NewReader("changed")))
		must(t, b.PutFile(t.Context(), "bundles/2", strings.NewReader("two")))
		var files strings.Builder
		must(t, b.GetFile(t.Context(), "bundles/1", &files))
		must(t, b.GetFile(t.Context(), "bundles/2", &files))
		wantEqual(t, files.String(), "onetwo")
		got, err := b.Get(t.Context(), "bundles/2")
		must(t, err)
		wantEqual(t, string(got), "two")
	})
	t.Run("a blob that was never put is not found", func(t *testing.T) {
		b := newBlobs(t)
		_, err := b.Get(t.Context(), "plans/none")
		wantError(t, err, reconcile.ErrNotFound)
		wantError(t, b.GetFile(t.Context(), "plans/none", io.Discard), reconcile.ErrNotFound)
	})
}

// TestQueue runs the contract of reconcile.Queue. The function makes an empty queue and
// what receives all of its messages, in the order in which they arrived.
func TestQueue(t *testing.T, newQueue func(*testing.T) (reconcile.Queue, func() []reconcile.Message)) {
	t.Helper()
	t.Run("no messages are no error", func(t *testing.T) {
		q, receive := newQueue(t)
		must(t, q.Send(t.Context()))
		wantEqual(t, len(receive()), 0)
	})
	t.Run("every message arrives, however many are sent at once", func(t *testing.T) {
		q, receive := newQueue(t)
		var sent []reconcile.Message
		for i := range 23 {
			sent = append(sent, reconcile.Message{Application: fmt.Sprintf("app-%02d", i), Reason: "push"})
		}
		sent = append(sent, reconcile.Message{Repository: "r1", Reason: "resync"})
		must(t, q.Send(t.Context(), sent...))
		got := receive()
		slices.SortFunc(got, func(a, b reconcile.Message) int { return strings.Compare(a.Group(), b.Group()) })
		slices.SortFunc(sent, func(a, b reconcile.Message) int { return strings.Compare(a.Group(), b.Group()) })
		wantEqual(t, got, sent)
	})
	t.Run("the second push of one application is not taken for the first", func(t *testing.T) {
		q, receive := newQueue(t)
		m := reconcile.Message{Application: "jobs", Reason: "push"}
		must(t, q.Send(t.Context(), m))
		must(t, q.Send(t.Context(), m))
		wantEqual(t, receive(), []reconcile.Message{m, m})
	})
}

// Deliveries remembers the deliveries of webhooks.
type Deliveries interface {
	SeenDelivery(ctx context.Context, host, id string) (bool, error)
	MarkDelivery(ctx context.Context, host, id string) error
}

// TestDeliveries runs the contract of what remembers deliveries.
func TestDeliveries(t *testing.T, newDeliveries func(*testing.T) Deliveries) {
	t.Helper()
	t.Run("a delivery is seen once it is marked, by host and id", func(t *testing.T) {
		d := newDeliveries(t)
		wantSeen(t, d, "github.com", "1", false)
		must(t, d.MarkDelivery(t.Context(), "github.com", "1"))
		must(t, d.MarkDelivery(t.Context(), "github.com", "1"))
		wantSeen(t, d, "github.com", "1", true)
		wantSeen(t, d, "github.com", "2", false)
		wantSeen(t, d, "gitlab.com", "1", false)
	})
}

func wantSeen(t *testing.T, d Deliveries, host, id string, want bool) {
	t.Helper()
	seen, err := d.SeenDelivery(t.Context(), host, id)
	must(t, err)
	if seen != want {
		t.Errorf("delivery %s of %s is seen: %v, want %v", id, host, seen, want)
	}
}
