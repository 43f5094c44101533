package runner

import (
	"archive/zip"
	"compress/flate"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
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

// limits are what an archive may hold, and what of its files' modes is kept.
type limits struct {
	what  string // for people
	bytes uint64
	files int
	mode  fs.FileMode // permissions beside the owner's to read and write
}

var bundle = limits{"the bundle", maxBytes, maxFiles, 0o100}

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
	if err := bundle.unpack(packed, root); err != nil {
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
func (l limits) unpack(archive, dir string) error {
	z, err := zip.OpenReader(archive)
	if err != nil {
		return failed("%s cannot be opened: %v", l.what, err)
	}
	defer z.Close()
	if len(z.File) > l.files {
		return failed("%s has %d files; at most %d are allowed", l.what, len(z.File), l.files)
	}
	left := l.bytes
	for _, f := range z.File {
		if err := l.allowed(&f.FileHeader); err != nil {
			return err
		}
		if f.UncompressedSize64 > left {
			return failed("%s holds more than %d bytes", l.what, l.bytes)
		}
		left -= f.UncompressedSize64
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		return fmt.Errorf("unpack %s: %w", l.what, err)
	}
	for _, f := range z.File {
		if err := l.extract(f, filepath.Join(dir, filepath.FromSlash(f.Name))); err != nil {
			return fmt.Errorf("unpack %s: %w", gitops.Printable(f.Name), err)
		}
	}
	return nil
}

// pack writes an archive of what lies below a directory, with other contents for some files. What
// git notes of itself is left out. It refuses what unpack would.
func (l limits) pack(ctx context.Context, dir string, into io.Writer, instead map[string][]byte) error {
	z := zip.NewWriter(into)
	z.RegisterCompressor(zip.Deflate, func(w io.Writer) (io.WriteCloser, error) { return flate.NewWriter(w, flate.BestSpeed) })
	left, files := l.bytes, 0
	err := filepath.WalkDir(dir, func(name string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if e.IsDir() {
			if e.Name() == ".git" {
				return filepath.SkipDir
			}
			return ctx.Err()
		}
		header, err := l.header(dir, name, e)
		if err != nil {
			return err
		}
		if files++; files > l.files || header.UncompressedSize64 > left {
			return fmt.Errorf("%s has more than %d files or %d bytes", filepath.Base(dir), l.files, l.bytes)
		}
		left -= header.UncompressedSize64
		w, err := z.CreateHeader(header)
		if err != nil {
			return err
		}
		if data, ok := instead[header.Name]; ok {
			_, err = w.Write(data)
			return err
		}
		f, err := os.Open(name)
		if err != nil {
			return err
		}
		defer f.Close()
		_, err = io.Copy(w, f)
		return err
	})
	return errors.Join(err, z.Close())
}

// header is a file's in an archive of a directory.
func (l limits) header(dir, name string, e fs.DirEntry) (*zip.FileHeader, error) {
	info, err := e.Info()
	if err != nil {
		return nil, err
	}
	header, err := zip.FileInfoHeader(info)
	if err != nil {
		return nil, err
	}
	relative, err := filepath.Rel(dir, name)
	if err != nil {
		return nil, err
	}
	header.Name, header.Method = filepath.ToSlash(relative), zip.Deflate
	return header, l.allowed(header)
}

// allowed refuses names that lead elsewhere, and whatever is no regular file.
func (l limits) allowed(f *zip.FileHeader) error {
	name := gitops.Printable(f.Name)
	switch {
	case !f.Mode().IsRegular():
		return failed("%s's %s is no regular file (%s)", l.what, name, f.Mode().Type())
	case strings.Contains(f.Name, `\`), !filepath.IsLocal(filepath.FromSlash(f.Name)), path.Clean(f.Name) != f.Name:
		return failed("%s's %s is no name below its root", l.what, name)
	case strings.Count(f.Name, "/") >= maxDepth:
		return failed("%s's %s lies deeper than %d directories", l.what, name, maxDepth)
	}
	return nil
}

// extract writes one file. What its header says of its size is held to.
func (l limits) extract(f *zip.File, to string) error {
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		return err
	}
	in, err := f.Open()
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600|f.Mode().Perm()&l.mode)
	if err != nil {
		return err
	}
	// The reader itself ends with an error where there is more or less than the header says.
	_, err = io.Copy(out, io.LimitReader(in, int64(l.bytes)))
	return errors.Join(err, out.Close())
}
