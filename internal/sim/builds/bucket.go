package builds

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/driftless-gitops/driftless/internal/aws/codebuild"
	"github.com/driftless-gitops/driftless/internal/build"
	"github.com/driftless-gitops/driftless/internal/fake"
	"github.com/driftless-gitops/driftless/internal/reconcile"
)

// bucket is S3 behind the gate.
type bucket struct {
	w       *world
	objects map[string][]byte
}

var (
	_ codebuild.Objects = (*bucket)(nil)
	_ reconcile.Blobs   = (*bucket)(nil)
)

// call makes one call, whose answer may be lost.
func (b *bucket) call(site string, do func() error) error {
	lost := b.w.gate(site)
	if lost != nil && !errors.Is(lost, fake.ErrLost) {
		return lost
	}
	if err := do(); err != nil {
		return err
	}
	return lost
}

// Put implements codebuild.Objects and reconcile.Blobs.
func (b *bucket) Put(_ context.Context, key string, data []byte) error {
	return b.call("Put", func() error {
		if _, there := b.objects[key]; !there {
			b.objects[key] = bytes.Clone(data)
		}
		return nil
	})
}

// PutNew implements codebuild.Objects.
func (b *bucket) PutNew(_ context.Context, key string, data []byte) (made bool, err error) {
	err = b.call("PutNew", func() error {
		if _, there := b.objects[key]; !there {
			b.objects[key], made = bytes.Clone(data), true
		}
		return nil
	})
	return made && err == nil, err
}

// Replace writes in place of whatever stands there.
func (b *bucket) Replace(_ context.Context, key string, data []byte) error {
	return b.call("Replace", func() error {
		b.objects[key] = bytes.Clone(data)
		return nil
	})
}

// Get implements codebuild.Objects and reconcile.Blobs.
func (b *bucket) Get(_ context.Context, key string) (data []byte, err error) {
	err = b.call("Get", func() error {
		stored, there := b.objects[key]
		if !there {
			return fmt.Errorf("get %s: %w", key, reconcile.ErrNotFound)
		}
		data = stored // whoever writes replaces the whole
		return nil
	})
	return data, err
}

// Has implements codebuild.Objects.
func (b *bucket) Has(_ context.Context, key string) (there bool, err error) {
	err = b.call("Has", func() error {
		_, there = b.objects[key]
		return nil
	})
	return there, err
}

// PutFile implements reconcile.Blobs.
func (b *bucket) PutFile(ctx context.Context, key string, from io.ReadSeeker) error {
	data, err := io.ReadAll(from)
	if err != nil {
		return fmt.Errorf("read %s: %w", key, err)
	}
	return b.Put(ctx, key, data)
}

// GetFile implements reconcile.Blobs.
func (b *bucket) GetFile(ctx context.Context, key string, into io.Writer) error {
	data, err := b.Get(ctx, key)
	if err == nil {
		_, err = into.Write(data)
	}
	return err
}

// patient is the bucket as a program has it, whose client tries a call three times.
type patient struct{ *bucket }

var _ build.Objects = patient{}

func (p patient) tries(call func() error) (err error) {
	for range 3 {
		if err = call(); err == nil || errors.Is(err, reconcile.ErrNotFound) {
			return err
		}
	}
	return err
}

// PutNew implements build.Objects: where it did not write, an earlier try may have, whose answer
// was lost.
func (p patient) PutNew(ctx context.Context, key string, data []byte) (made bool, err error) {
	err = p.tries(func() error {
		made, err = p.bucket.PutNew(ctx, key, data)
		return err
	})
	return made, err
}

// Get implements build.Objects.
func (p patient) Get(ctx context.Context, key string) (data []byte, err error) {
	err = p.tries(func() error {
		data, err = p.bucket.Get(ctx, key)
		return err
	})
	return data, err
}

// Replace writes in place of whatever stands there.
func (p patient) Replace(ctx context.Context, key string, data []byte) error {
	return p.tries(func() error { return p.bucket.Replace(ctx, key, data) })
}
