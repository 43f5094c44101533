package git

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"

	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/reconcile"
)

// Snapshot is the tree of one commit. It is safe for concurrent use.
type Snapshot struct {
	client     *Client
	repository gitops.Repository
	id         plumbing.Hash
	limits     Limits
	partial    bool // packs hold trees, and files only once they were asked for
	revision   gitops.Revision
	root       plumbing.Hash

	mu    sync.Mutex
	packs []*pack // the reader of each has one position, which mu guards
}

var _ reconcile.Snapshot = (*Snapshot)(nil)

// Revision returns the commit's author, subject and time, in valid UTF-8. Seq is left to
// whoever counts observations.
func (s *Snapshot) Revision() gitops.Revision { return s.revision }

// Close frees what the snapshot keeps on disk. Nothing can be read afterwards.
func (s *Snapshot) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var errs []error
	for _, p := range s.packs {
		errs = append(errs, p.file.Close())
	}
	s.packs = nil
	return errors.Join(errs...)
}

// Object returns the id of the git object at a path, "." for the root's tree.
// fs.ErrNotExist; a *PathError when the way leads through a link or a submodule.
func (s *Snapshot) Object(name string) (string, error) {
	entry, err := s.find(name)
	if err != nil {
		return "", err
	}
	return entry.Hash.String(), nil
}

// Fetch returns the regular files at and below the paths, by one request for all that are
// not there yet. fs.ErrNotExist when a path is not in the commit; a *PathError that names
// what cannot be used, or what exceeds a cap. The file system holds the fetched paths
// alone. A path that is refused does not keep the others from being fetched: asked for
// again without it, they are there.
func (s *Snapshot) Fetch(ctx context.Context, paths ...string) (fs.FS, error) {
	ctx, cancel := s.client.deadline(ctx)
	defer cancel()
	files, refused := s.collect(paths)
	if err := s.fetchMissing(ctx, files); err != nil {
		return nil, fmt.Errorf("fetch files of %s: %w", gitops.Short(s.id.String()), err)
	}
	if refused != nil {
		return nil, fmt.Errorf("read %s: %w", gitops.Short(s.id.String()), refused)
	}
	root, err := s.build(files)
	if err != nil {
		return nil, fmt.Errorf("read files of %s: %w", gitops.Short(s.id.String()), err)
	}
	return treeFS{root}, nil
}

// Tree is the whole tree's shape. Files cannot be opened; symbolic links and submodules
// are listed as what they are and lead nowhere.
func (s *Snapshot) Tree() fs.FS {
	return treeFS{s.dir(".", s.root)}
}

// open reads the commit.
func (s *Snapshot) open() error {
	o, err := s.read(s.id, plumbing.CommitObject)
	if err != nil {
		return fmt.Errorf("read commit: %w", err)
	}
	var commit object.Commit
	if err := commit.Decode(o); err != nil {
		return fmt.Errorf("read commit: %w", err)
	}
	subject, _, _ := strings.Cut(strings.TrimSpace(commit.Message), "\n")
	s.root = commit.TreeHash
	s.revision = gitops.Revision{
		Branch:  s.repository.Branch,
		Commit:  s.id.String(),
		Author:  line(commit.Author.Name),
		Message: line(subject),
		At:      jsonTime(commit.Committer.When),
	}
	_, err = s.entries(s.root)
	return err
}

// line keeps a text of a commit's author fit for a record: valid, one line, not endless.
func line(text string) string {
	const most = 200
	text = strings.TrimSpace(strings.ToValidUTF8(text, "\ufffd"))
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most-1]) + "…"
	}
	return text
}

// jsonTime returns a commit's time where JSON can hold it, else none: a commit may claim
// any year, and time.Time refuses to be marshalled outside 0 to 9999.
func jsonTime(t time.Time) time.Time {
	if t = t.UTC(); t.Year() < 0 || t.Year() > 9999 {
		return time.Time{}
	}
	return t
}

// read returns an object of one of the packs. plumbing.ErrObjectNotFound.
func (s *Snapshot) read(id plumbing.Hash, want plumbing.ObjectType) (plumbing.EncodedObject, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.packs {
		if p.has(id) {
			return p.read(id, want)
		}
	}
	return nil, fmt.Errorf("%s: %w", id, plumbing.ErrObjectNotFound)
}

// entries returns the entries of a tree, in git's order.
func (s *Snapshot) entries(tree plumbing.Hash) ([]object.TreeEntry, error) {
	o, err := s.read(tree, plumbing.TreeObject)
	if err != nil {
		return nil, fmt.Errorf("read tree: %w", err)
	}
	var t object.Tree
	if err := t.Decode(o); err != nil {
		return nil, fmt.Errorf("read tree %s: %w", tree, err)
	}
	return t.Entries, nil
}

// find returns the entry at a path.
func (s *Snapshot) find(name string) (object.TreeEntry, error) {
	at := object.TreeEntry{Mode: filemode.Dir, Hash: s.root}
	if !fs.ValidPath(name) {
		return at, &PathError{Path: name, Why: "not a path inside the repository"}
	}
	if name == "." {
		return at, nil
	}
	done := "."
	for part := range strings.SplitSeq(name, "/") {
		if why := badMode(at.Mode); why != "" {
			return at, &PathError{Path: done, Why: why}
		}
		if at.Mode != filemode.Dir {
			return at, &fs.PathError{Op: "find", Path: name, Err: fs.ErrNotExist}
		}
		entries, err := s.entries(at.Hash)
		if err != nil {
			return at, err
		}
		i := slices.IndexFunc(entries, func(e object.TreeEntry) bool { return e.Name == part })
		if i < 0 {
			return at, &fs.PathError{Op: "find", Path: name, Err: fs.ErrNotExist}
		}
		at, done = entries[i], path.Join(done, part)
		for j, e := range entries {
			if j != i && strings.EqualFold(e.Name, part) {
				return at, &PathError{Path: done, Why: fmt.Sprintf("differs from %q in case alone", e.Name)}
			}
		}
	}
	return at, nil
}

// dir returns a directory that reads its tree when it is listed. Names that no path can
// hold are left out; Fetch names them.
func (s *Snapshot) dir(name string, tree plumbing.Hash) *node {
	return &node{name: name, mode: fs.ModeDir | 0o755, children: func() ([]*node, error) {
		list, err := s.entries(tree)
		if err != nil {
			return nil, err
		}
		nodes := make([]*node, 0, len(list))
		for _, e := range list {
			switch {
			case badName(e.Name) != "":
			case e.Mode == filemode.Dir:
				nodes = append(nodes, s.dir(e.Name, e.Hash))
			default:
				nodes = append(nodes, &node{name: e.Name, mode: fileMode(e.Mode)})
			}
		}
		slices.SortFunc(nodes, func(a, b *node) int { return strings.Compare(a.name, b.name) })
		return nodes, nil
	}}
}

// fileMode returns git's mode as that of a file system.
func fileMode(mode filemode.FileMode) fs.FileMode {
	switch mode {
	case filemode.Executable:
		return 0o755
	case filemode.Symlink:
		return fs.ModeSymlink | 0o777
	case filemode.Submodule:
		return fs.ModeIrregular
	case filemode.Empty, filemode.Dir, filemode.Regular, filemode.Deprecated:
	}
	return 0o644
}
