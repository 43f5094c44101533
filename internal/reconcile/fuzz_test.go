package reconcile

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/driftless-gitops/driftless/internal/fuzzing"
	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/hostile"
)

// oneBlob is a bucket with one blob, whatever the key.
type oneBlob []byte

func (b *oneBlob) Put(_ context.Context, _ string, data []byte) error { *b = data; return nil }
func (b *oneBlob) Get(context.Context, string) ([]byte, error)        { return *b, nil }

func (b *oneBlob) PutFile(_ context.Context, _ string, from io.ReadSeeker) (err error) {
	*b, err = io.ReadAll(from)
	return err
}

func (b *oneBlob) GetFile(_ context.Context, _ string, into io.Writer) error {
	_, err := into.Write(*b)
	return err
}

// archive packs files under names that nobody checks.
func archive(t testing.TB, files ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for i := 0; i+1 < len(files); i += 2 {
		f, err := w.Create(files[i])
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(files[i], "/") {
			continue // a directory
		}
		if _, err := f.Write([]byte(files[i+1])); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// claiming packs files that are said to have these sizes.
func claiming(t testing.TB, sizes ...uint64) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for i, size := range sizes {
		f, err := w.CreateRaw(&zip.FileHeader{Name: string(rune('a' + i)), UncompressedSize64: size, CompressedSize64: 1})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write([]byte("x")); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// FuzzOpenBundle opens whatever may lie in the bucket under its own hash: what comes out are
// files with paths inside it, no more of them than a bundle may hold, however it was packed.
func FuzzOpenBundle(f *testing.F) {
	f.Add(archive(f, "driftless.yaml", "version: 1\n", "stacks/jobs/template.yaml", "Resources: {}\n"))
	f.Add(archive(f, "bomb", strings.Repeat("\x00", 1<<20)))
	f.Add(claiming(f, 100, 1<<64-100)) // together nothing, as far as the type goes
	for _, name := range append(hostile.Refused(), hostile.Inert()...) {
		if len(name) < 1<<16 { // what a zip can name
			f.Add(archive(f, name, "x", "a/"+name, "y"))
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		const most = 2 << 20
		bucket, sum := oneBlob(data), sha256.Sum256(data)
		r := &Reconciler{Blobs: &bucket, Limits: Limits{TotalBytes: most}}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		fuzzing.Bounded(t, len(data), func() {
			files, err := r.openBundle(ctx, "bundles/"+hex.EncodeToString(sum[:])+".zip")
			if err != nil {
				return
			}
			total := 0
			err = fs.WalkDir(files, ".", func(name string, e fs.DirEntry, err error) error {
				if !fs.ValidPath(name) {
					t.Errorf("%q leads out of the bundle", name)
				}
				if err == nil && e.Type().IsRegular() {
					read, _ := fs.ReadFile(files, name) // one that is broken is read as far as it goes
					total += len(read)
				}
				return nil
			})
			if err != nil || total > most {
				t.Errorf("%d bytes were read of it, %v; at most %d are allowed", total, err, most)
			}
		})
		if _, err := r.openBundle(ctx, "bundles/"+strings.Repeat("0", 64)+".zip"); !isBlocked(err) {
			t.Errorf("under another hash: %v", err)
		}
	})
}

func isBlocked(err error) bool {
	var refusal *gitops.Refusal
	return errors.As(err, &refusal) && refusal.Blocked
}

// FuzzBundle packs files and opens them again: they are what they were, under a key that is
// the same for the same files.
func FuzzBundle(f *testing.F) {
	f.Add("driftless.yaml", "version: 1\n", "stacks/jobs/template.yaml", "Resources: {}\n")
	f.Add("a", "", "b", "\x00\xff")
	for _, name := range hostile.Inert() {
		f.Add(name, "x", "dir/"+name, "y")
	}
	f.Fuzz(func(t *testing.T, name, data, other, more string) {
		files := fstest.MapFS{}
		for name, data := range map[string]string{name: data, other: more} {
			if !fs.ValidPath(name) || name == "." || strings.Contains(name, `\`) || len(name) >= 1<<16 {
				return // git's names are judged before (package names)
			}
			files[name] = &fstest.MapFile{Data: []byte(data)}
		}
		if strings.HasPrefix(name, other+"/") || strings.HasPrefix(other, name+"/") {
			return
		}
		var keys [2]string
		var bucket oneBlob
		r := &Reconciler{Blobs: &bucket}
		fuzzing.Bounded(t, len(name)+len(data)+len(other)+len(more), func() {
			for i := range keys {
				var err error
				if keys[i], err = r.putBundle(t.Context(), files, []string{"."}); err != nil {
					t.Fatal(err)
				}
			}
		})
		opened, err := r.openBundle(t.Context(), keys[0])
		if err != nil || keys[0] != keys[1] {
			t.Fatalf("packed as %v, opened: %v", keys, err)
		}
		for name, want := range files {
			if got, err := fs.ReadFile(opened, name); err != nil || !bytes.Equal(got, want.Data) {
				t.Errorf("%q is %q, %v; want %q", name, got, err, want.Data)
			}
		}
	})
}
