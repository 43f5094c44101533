package runner

import (
	"archive/zip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/reconcile"
)

// What a bundle may unpack to. The reconciler, which packs it, holds to as much.
const (
	maxBytes = 200 << 20
	maxFiles = 10_000
	maxDepth = 32
)

// download writes what stands under a key to a file, and returns its SHA-256 in hex.
func (s *session) download(ctx context.Context, key, name string) (sum string, err error) {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return "", err
	}
	hash := sha256.New()
	err = s.Blobs.GetFile(ctx, key, io.MultiWriter(f, hash))
	return hex.EncodeToString(hash.Sum(nil)), errors.Join(err, f.Close())
}

// fetch unpacks the bundle and finds the application's directory in it.
func (s *session) fetch(ctx context.Context) error {
	key, packed := s.order.Bundle, s.path("bundle.zip")
	sum, err := s.download(ctx, key, packed)
	if errors.Is(err, reconcile.ErrNotFound) {
		return blocked("bundle %s is no longer in the data bucket: a new commit makes a new one", key)
	}
	if err != nil {
		return fmt.Errorf("fetch bundle: %w", err)
	}
	if sum != strings.TrimSuffix(path.Base(key), ".zip") {
		return blocked("bundle %s was changed: its content has the hash %s", key, sum)
	}
	root := s.path("bundle")
	if err := unpack(packed, root); err != nil {
		return err
	}
	s.app = filepath.Join(root, filepath.FromSlash(s.order.Path))
	if info, err := os.Stat(s.app); err != nil || !info.IsDir() || s.order.Path != "." && !filepath.IsLocal(filepath.FromSlash(s.order.Path)) {
		return failed("path %q is no directory of the bundle", s.order.Path)
	}
	return nil
}

// unpack writes an archive's files below a directory that it makes. It refuses, before it writes
// anything, what is no regular file with a name of its own below that directory.
func unpack(archive, dir string) error {
	z, err := zip.OpenReader(archive)
	if err != nil {
		return failed("the bundle cannot be opened: %v", err)
	}
	defer z.Close()
	if len(z.File) > maxFiles {
		return failed("the bundle has %d files; at most %d are allowed", len(z.File), maxFiles)
	}
	left := uint64(maxBytes)
	for _, f := range z.File {
		if err := allowed(f); err != nil {
			return err
		}
		if f.UncompressedSize64 > left {
			return failed("the bundle holds more than %d bytes", maxBytes)
		}
		left -= f.UncompressedSize64
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		return fmt.Errorf("unpack bundle: %w", err)
	}
	for _, f := range z.File {
		if err := extract(f, filepath.Join(dir, filepath.FromSlash(f.Name))); err != nil {
			return fmt.Errorf("unpack %s: %w", gitops.Printable(f.Name), err)
		}
	}
	return nil
}

// allowed refuses names that lead elsewhere, and whatever is no regular file.
func allowed(f *zip.File) error {
	name := gitops.Printable(f.Name)
	switch {
	case !f.Mode().IsRegular():
		return failed("the bundle's %s is no regular file (%s)", name, f.Mode().Type())
	case strings.Contains(f.Name, `\`), !filepath.IsLocal(filepath.FromSlash(f.Name)), path.Clean(f.Name) != f.Name:
		return failed("the bundle's %s is no name below its root", name)
	case strings.Count(f.Name, "/") >= maxDepth:
		return failed("the bundle's %s lies deeper than %d directories", name, maxDepth)
	}
	return nil
}

// extract writes one file. What its header says of its size is held to.
func extract(f *zip.File, to string) error {
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		return err
	}
	in, err := f.Open()
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600|f.Mode().Perm()&0o100)
	if err != nil {
		return err
	}
	// The reader itself ends with an error where there is more or less than the header says.
	_, err = io.Copy(out, io.LimitReader(in, maxBytes))
	return errors.Join(err, out.Close())
}
