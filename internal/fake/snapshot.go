package fake

import (
	"context"
	"crypto/sha1" //nolint:gosec // git names its objects by SHA-1
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"testing/fstest"

	"github.com/driftless-gitops/driftless/internal/gitops"
)

// snapshot is one commit of a fake Git. What is fetched stays there: a request, which counts
// as "Fetch", is made only for what is not.
type snapshot struct {
	git    *Git
	commit commit
	ids    map[string]string // of every tree and blob, by path
	there  map[string]bool   // the files that were fetched
}

func newSnapshot(g *Git, c commit) *snapshot {
	return &snapshot{git: g, commit: c, ids: objects(c.files), there: map[string]bool{}}
}

// Revision implements reconcile.Snapshot.
func (s *snapshot) Revision() gitops.Revision { return s.commit.revision }

// Object implements reconcile.Snapshot.
func (s *snapshot) Object(name string) (string, error) {
	id, ok := s.ids[path.Clean(name)]
	if !ok {
		return "", &fs.PathError{Op: "object", Path: name, Err: fs.ErrNotExist}
	}
	return id, nil
}

// Fetch implements reconcile.Snapshot.
func (s *snapshot) Fetch(_ context.Context, paths ...string) (fs.FS, error) {
	files := fstest.MapFS{}
	var refused error
	for _, p := range paths {
		if err := s.fetch(files, path.Clean(p)); err != nil && refused == nil {
			refused = err
		}
	}
	missing := false
	for name := range files {
		missing = missing || !s.there[name]
	}
	if missing {
		err := s.git.run("Fetch", func() error {
			for name := range files {
				s.there[name] = true
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	if refused != nil {
		return nil, refused
	}
	return files, nil
}

func (s *snapshot) fetch(files fstest.MapFS, at string) error {
	if _, ok := s.ids[at]; !ok {
		return &fs.PathError{Op: "fetch", Path: at, Err: fs.ErrNotExist}
	}
	for _, name := range slices.Sorted(maps.Keys(s.commit.files)) {
		if at != "." && name != at && !strings.HasPrefix(name, at+"/") {
			continue
		}
		content := s.commit.files[name]
		switch {
		case strings.HasPrefix(content, Symlink):
			return &gitops.Refusal{Reason: name + " is a symbolic link, which is not followed"}
		case strings.HasPrefix(content, Submodule):
			return &gitops.Refusal{Reason: name + " is a submodule, which is not read"}
		}
		files[name] = &fstest.MapFile{Data: []byte(content), Mode: 0o644}
	}
	return nil
}

// Tree implements reconcile.Snapshot.
func (s *snapshot) Tree() fs.FS {
	files := fstest.MapFS{}
	for name, content := range s.commit.files {
		f := &fstest.MapFile{Mode: 0o644}
		switch {
		case strings.HasPrefix(content, Symlink):
			f.Mode = fs.ModeSymlink | 0o777
		case strings.HasPrefix(content, Submodule):
			f.Mode = fs.ModeDir | fs.ModeIrregular
		}
		files[name] = f
	}
	return shape{files}
}

// Close implements reconcile.Snapshot.
func (s *snapshot) Close() error { return nil }

// shape is a file system whose files cannot be read, only seen.
type shape struct{ files fstest.MapFS }

// Open implements fs.FS.
func (s shape) Open(name string) (fs.File, error) {
	f, err := s.files.Open(name)
	if err != nil {
		return nil, err
	}
	if info, err := f.Stat(); err != nil || info.IsDir() {
		return f, err
	}
	return sealed{f}, nil
}

// Lstat and ReadLink let a symbolic link be seen as one.
func (s shape) Lstat(name string) (fs.FileInfo, error)  { return s.files.Lstat(name) }
func (s shape) ReadLink(name string) (string, error)    { return s.files.ReadLink(name) }
func (s shape) Stat(name string) (fs.FileInfo, error)   { return s.files.Lstat(name) }
func (s shape) ReadDir(n string) ([]fs.DirEntry, error) { return s.files.ReadDir(n) }

type sealed struct{ fs.File }

// Read refuses.
func (sealed) Read([]byte) (int, error) {
	return 0, errors.New("the tree has no content: fetch the file first")
}

// objects returns the ids of all trees and blobs as git computes them.
func objects(files map[string]string) map[string]string {
	ids := map[string]string{}
	tree(files, ".", ids)
	return ids
}

func rootID(files map[string]string) string { return objects(files)["."] }

// tree computes the ids at and below a directory.
func tree(files map[string]string, dir string, ids map[string]string) string {
	type entry struct{ mode, id string }
	entries := map[string]entry{} // directories with a slash, by which git sorts them
	for name, content := range files {
		rest := name
		if dir != "." {
			var inside bool
			if rest, inside = strings.CutPrefix(name, dir+"/"); !inside {
				continue
			}
		}
		if child, _, deeper := strings.Cut(rest, "/"); deeper {
			if _, done := entries[child+"/"]; !done {
				entries[child+"/"] = entry{"40000", tree(files, path.Join(dir, child), ids)}
			}
			continue
		}
		mode, data := "100644", content
		if target, link := strings.CutPrefix(content, Symlink); link {
			mode, data = "120000", target
		}
		id := object("blob", data)
		if commit, sub := strings.CutPrefix(content, Submodule); sub {
			mode, id = "160000", object("commit", commit)
		}
		ids[name] = id
		entries[rest] = entry{mode, id}
	}
	var data strings.Builder
	for _, name := range slices.Sorted(maps.Keys(entries)) {
		raw, _ := hex.DecodeString(entries[name].id) // made by object
		fmt.Fprintf(&data, "%s %s\x00%s", entries[name].mode, strings.TrimSuffix(name, "/"), raw)
	}
	ids[dir] = object("tree", data.String())
	return ids[dir]
}

func object(kind, data string) string {
	sum := sha1.Sum(fmt.Appendf(nil, "%s %d\x00%s", kind, len(data), data)) //nolint:gosec // as git does
	return hex.EncodeToString(sum[:])
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(s), "\n")
	return line
}
