package cli

import (
	"bytes"
	"cmp"
	"io"
	"io/fs"
	"path"
	"slices"
	"time"

	"github.com/driftless-gitops/driftless/internal/propose"
)

// overlay is a file system with files put over it, in directories that are there.
type overlay struct {
	fs.FS
	files map[string]string
}

var (
	_ fs.ReadFileFS = overlay{}
	_ fs.ReadDirFS  = overlay{}
	_ fs.StatFS     = overlay{}
)

// over puts files over a file system.
func over(files fs.FS, written []propose.File) overlay {
	o := overlay{files, map[string]string{}}
	for _, f := range written {
		o.files[f.Name] = f.Text
	}
	return o
}

// Open opens a file, one that was put over it first.
func (o overlay) Open(name string) (fs.File, error) {
	if text, ok := o.files[name]; ok {
		return &overlaid{name: path.Base(name), size: int64(len(text)), Reader: bytes.NewReader([]byte(text))}, nil
	}
	return o.FS.Open(name)
}

// ReadFile reads a file, one that was put over it first.
func (o overlay) ReadFile(name string) ([]byte, error) {
	if text, ok := o.files[name]; ok {
		return []byte(text), nil
	}
	return fs.ReadFile(o.FS, name)
}

// Stat describes a file, one that was put over it first.
func (o overlay) Stat(name string) (fs.FileInfo, error) {
	if text, ok := o.files[name]; ok {
		return &overlaid{name: path.Base(name), size: int64(len(text))}, nil
	}
	return fs.Stat(o.FS, name)
}

// ReadDir lists a directory with the files that were put into it, sorted by name.
func (o overlay) ReadDir(dir string) ([]fs.DirEntry, error) {
	entries, err := fs.ReadDir(o.FS, dir)
	if err != nil {
		return nil, err
	}
	entries = slices.DeleteFunc(entries, func(e fs.DirEntry) bool { _, over := o.files[path.Join(dir, e.Name())]; return over })
	for name, text := range o.files {
		if path.Dir(name) == dir {
			entries = append(entries, &overlaid{name: path.Base(name), size: int64(len(text))})
		}
	}
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return cmp.Compare(a.Name(), b.Name()) })
	return entries, nil
}

// overlaid is a file of an overlay: open, as an entry, and described.
type overlaid struct {
	io.Reader
	name string
	size int64
}

func (f *overlaid) Close() error               { return nil }
func (f *overlaid) Stat() (fs.FileInfo, error) { return f, nil }
func (f *overlaid) Info() (fs.FileInfo, error) { return f, nil }
func (f *overlaid) Name() string               { return f.name }
func (f *overlaid) Size() int64                { return f.size }
func (f *overlaid) Mode() fs.FileMode          { return 0o644 }
func (f *overlaid) Type() fs.FileMode          { return 0 }
func (f *overlaid) ModTime() time.Time         { return time.Time{} }
func (f *overlaid) IsDir() bool                { return false }
func (f *overlaid) Sys() any                   { return nil }
