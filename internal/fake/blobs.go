package fake

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"

	"github.com/driftless-gitops/driftless/internal/reconcile"
)

// Blobs keeps blobs in memory.
type Blobs struct {
	Calls
	mu   sync.Mutex
	data map[string][]byte
}

var _ reconcile.Blobs = (*Blobs)(nil)

// NewBlobs returns an empty bucket.
func NewBlobs() *Blobs { return &Blobs{data: map[string][]byte{}} }

// Put implements reconcile.Blobs. What stands under the key already stays.
func (b *Blobs) Put(_ context.Context, key string, data []byte) error {
	return b.run("Put", func() error {
		b.mu.Lock()
		defer b.mu.Unlock()
		if _, ok := b.data[key]; !ok {
			b.data[key] = bytes.Clone(data)
		}
		return nil
	})
}

// Get implements reconcile.Blobs.
func (b *Blobs) Get(_ context.Context, key string) (data []byte, err error) {
	err = b.run("Get", func() error {
		b.mu.Lock()
		defer b.mu.Unlock()
		stored, ok := b.data[key]
		if !ok {
			return fmt.Errorf("get %s: %w", key, reconcile.ErrNotFound)
		}
		data = bytes.Clone(stored)
		return nil
	})
	return data, err
}

// PutFile implements reconcile.Blobs. It fails where Put does.
func (b *Blobs) PutFile(ctx context.Context, key string, from io.ReadSeeker) error {
	data, err := io.ReadAll(from)
	if err != nil {
		return fmt.Errorf("read %s: %w", key, err)
	}
	return b.Put(ctx, key, data)
}

// GetFile implements reconcile.Blobs. It fails where Get does.
func (b *Blobs) GetFile(ctx context.Context, key string, into io.Writer) error {
	data, err := b.Get(ctx, key)
	if err != nil {
		return err
	}
	_, err = into.Write(data)
	return err
}

// Keys returns the keys of all blobs, sorted.
func (b *Blobs) Keys() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Sorted(maps.Keys(b.data))
}
