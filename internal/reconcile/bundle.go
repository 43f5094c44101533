package reconcile

import (
	"archive/zip"
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/driftless-gitops/driftless/internal/gitops"
)

// maxPlan caps a plan that is read back.
const maxPlan = 200 << 20

// Limits are the caps on a Bundle. A zero field is its default.
type Limits struct {
	TotalBytes  int64 // of its files, unpacked, so that no archive, whoever wrote it, keeps a function busy for ever; 200 MiB
	BundleBytes int64 // as it is stored: it has to fit on a function's disk, beside what was read of git; 50 MiB
}

// or returns the limits with the defaults filled in.
func (l Limits) or() Limits {
	return Limits{TotalBytes: cmp.Or(l.TotalBytes, 200<<20), BundleBytes: cmp.Or(l.BundleBytes, 50<<20)}
}

// putBundle packs the files at and below the paths and stores them under a key that is
// their content's hash: the same files give the same key, whatever the commit.
func (r *Reconciler) putBundle(ctx context.Context, files fs.FS, paths []string) (key string, err error) {
	names, err := regular(files, paths)
	if err != nil {
		return "", err
	}
	packed := &scratch{}
	defer packed.Close()
	most, sum := r.Limits.or().BundleBytes, sha256.New()
	out := &capped{to: io.MultiWriter(packed, sum), most: most}
	if err := pack(files, names, out); err != nil {
		return "", err
	}
	if out.size > most {
		return "", refuse("%s: packed, its files have %d bytes; at most %d are allowed", strings.Join(paths, ", "), out.size, most)
	}
	content, _, err := packed.content()
	if err != nil {
		return "", err
	}
	key = "bundles/" + hex.EncodeToString(sum.Sum(nil)) + ".zip"
	if err := r.Blobs.PutFile(ctx, key, content); err != nil {
		return "", fmt.Errorf("store bundle %s: %w", key, err)
	}
	return key, nil
}

// capped counts what is written to it, and passes on what comes before the cap.
type capped struct {
	to         io.Writer
	size, most int64
}

func (c *capped) Write(p []byte) (int, error) {
	c.size += int64(len(p))
	if c.size > c.most {
		return len(p), nil
	}
	return c.to.Write(p)
}

// pack writes files as an archive, without times, so that equal files make equal archives.
// A file that git calls executable stays so: code that is packaged from it may need to be.
func pack(files fs.FS, names []string, into io.Writer) error {
	w := zip.NewWriter(into)
	for _, name := range names {
		info, err := fs.Stat(files, name)
		if err != nil {
			return fmt.Errorf("read %s: %w", name, err)
		}
		data, err := fs.ReadFile(files, name)
		if err != nil {
			return fmt.Errorf("read %s: %w", name, err)
		}
		header := &zip.FileHeader{Name: name, Method: zip.Deflate}
		header.SetMode(info.Mode().Perm())
		f, err := w.CreateHeader(header)
		if err != nil {
			return fmt.Errorf("pack %s: %w", name, err)
		}
		if _, err := f.Write(data); err != nil {
			return fmt.Errorf("pack %s: %w", name, err)
		}
	}
	if err := w.Close(); err != nil {
		return fmt.Errorf("pack bundle: %w", err)
	}
	return nil
}

// regular lists the regular files at and below the paths, sorted, each once.
func regular(files fs.FS, paths []string) ([]string, error) {
	var names []string
	for _, p := range paths {
		err := fs.WalkDir(files, path.Clean(p), func(name string, e fs.DirEntry, err error) error {
			if err == nil && e.Type().IsRegular() {
				names = append(names, name)
			}
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("list %s: %w", p, err)
		}
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

// openBundle reads a Bundle back. Its content must have the hash that its key names. It can
// be read until ctx ends, which Lambda's does with its invocation: a disk that waited for
// garbage to be collected would be full before.
func (r *Reconciler) openBundle(ctx context.Context, key string) (fs.FS, error) {
	read, sum := &scratch{}, sha256.New()
	err := r.Blobs.GetFile(ctx, key, io.MultiWriter(read, sum))
	if read.file != nil {
		context.AfterFunc(ctx, func() { _ = read.Close() }) // nothing of it is kept
	}
	if errors.Is(err, ErrNotFound) {
		return nil, &gitops.Refusal{Reason: fmt.Sprintf("bundle %s is no longer in the data bucket: a new commit makes a new one", key), Blocked: true}
	}
	if err != nil {
		return nil, fmt.Errorf("read bundle %s: %w", key, err)
	}
	if got := hex.EncodeToString(sum.Sum(nil)); got != strings.TrimSuffix(path.Base(key), ".zip") {
		return nil, &gitops.Refusal{Reason: fmt.Sprintf("bundle %s was changed: its content has the hash %s", key, got), Blocked: true}
	}
	content, size, err := read.content()
	if err != nil {
		return nil, fmt.Errorf("read bundle %s: %w", key, err)
	}
	archive, err := zip.NewReader(content, size)
	if err != nil {
		return nil, fmt.Errorf("open bundle %s: %w", key, err)
	}
	var total uint64
	most := r.Limits.or().TotalBytes
	for _, f := range archive.File {
		// Held against what is left: a sum of sizes that somebody wrote may pass its type's end.
		if left := uint64(most) - total; f.UncompressedSize64 > left {
			return nil, &gitops.Refusal{Reason: fmt.Sprintf("bundle %s holds more than %d bytes", key, most)}
		}
		total += f.UncompressedSize64
	}
	return archive, nil
}

// putPlan stores a plan under its digest.
func putPlan(ctx context.Context, blobs Blobs, p gitops.Plan) (key string, err error) {
	data, err := json.Marshal(p)
	if err != nil {
		return "", fmt.Errorf("encode plan %s: %w", p.Digest, err)
	}
	key = "plans/" + p.Digest + ".json"
	if err := blobs.Put(ctx, key, data); err != nil {
		return "", fmt.Errorf("store plan %s: %w", p.Digest, err)
	}
	return key, nil
}

// readPlan reads a plan back.
func readPlan(ctx context.Context, blobs Blobs, key string) (gitops.Plan, error) {
	data, err := blobs.Get(ctx, key)
	if err != nil {
		return gitops.Plan{}, fmt.Errorf("read plan %s: %w", key, err)
	}
	var p gitops.Plan
	if err := json.NewDecoder(io.LimitReader(bytes.NewReader(data), maxPlan)).Decode(&p); err != nil {
		return gitops.Plan{}, fmt.Errorf("decode plan %s: %w", key, err)
	}
	return p, nil
}
