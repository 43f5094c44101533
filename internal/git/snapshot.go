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

	"github.com/driftless-gitops/driftless/internal/git/names"
	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/reconcile"
)

// Snapshot is the tree of one commit. It is safe for concurrent use.
type Snapshot struct {
	client     *Client
	repository gitops.Repository
	id         plumbing.Hash
	limits     Limits
	revision   gitops.Revision
	root       plumbing.Hash

	mu     sync.Mutex
	whole  bool // the packs hold all files, not only those that were asked for
	closed bool
	packs  []*pack
}

var _ reconcile.Snapshot = (*Snapshot)(nil)

// errClosed answers whoever reads from a snapshot that was closed.
var errClosed = fmt.Errorf("the snapshot was closed: %w", fs.ErrClosed)

// Revision returns the commit's author, subject and time, in valid UTF-8. Seq is left to
// whoever counts observations.
func (s *Snapshot) Revision() gitops.Revision { return s.revision }

// Close frees what the snapshot keeps on disk. Nothing can be read afterwards, neither from
// it nor from what Fetch returned: that is an fs.ErrClosed.
func (s *Snapshot) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var errs []error
	for _, p := range s.packs {
		errs = append(errs, p.close())
	}
	s.packs, s.closed = nil, true
	return errors.Join(errs...)
}

// Object returns the id of the git object at a path, "." for the root's tree.
// fs.ErrNotExist; a *PathError when the way leads through a link or a submodule.
func (s *Snapshot) Object(name string) (string, error) {
	entry, err := s.find(name)
	if err != nil {
		return "", err
	}
	return entry.id.String(), nil
}

// Fetch returns the regular files at and below the paths, by one request for all that are
// not there yet. fs.ErrNotExist when a path is not in the commit; a *PathError that names
// what cannot be used, or what exceeds a cap. The file system holds the fetched paths
// alone; it reads a file when that is read, as long as the snapshot is open. A path that is
// refused does not keep the others from being fetched: asked for again without it, they are
// there.
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

// open receives the commit and its trees, and reads who made it.
func (s *Snapshot) open(ctx context.Context) error {
	err := errPartial
	if s.client.remote(s.repository).partial() {
		err = s.receive(ctx, treesOf(s.id))
	}
	if errors.Is(err, errPartial) || refusesFilter(err) {
		err = s.receiveAll(ctx)
	}
	if err != nil {
		return err
	}
	o, err := s.read(s.id, plumbing.CommitObject)
	if err != nil {
		return fmt.Errorf("read commit: %w", err)
	}
	c, err := readCommit(o)
	if err != nil {
		return err
	}
	subject, _, _ := strings.Cut(strings.TrimSpace(string(c.message)), "\n")
	s.root = c.tree
	s.revision = gitops.Revision{
		Branch:  s.repository.Tracked(),
		Commit:  s.id.String(),
		Author:  line(c.author.Name),
		Message: line(subject),
		At:      jsonTime(c.committer.When),
	}
	_, err = s.read(s.root, plumbing.TreeObject)
	return err
}

// refusesFilter reports whether a server says that it knows filters and does not allow this
// one (uploadpackfilter.blob:none.allow; git's upload-pack.c, send_err_and_die).
func refusesFilter(err error) bool {
	var said errRemote
	return errors.As(err, &said) && strings.Contains(string(said), "filter")
}

// line keeps a text of a commit's author fit for a record: valid, one line, not endless.
func line(text string) string {
	const most = 200
	text = gitops.Printable(strings.TrimSpace(strings.ToValidUTF8(text, "\ufffd")))
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

// where returns the pack that holds an object, and where in it.
func (s *Snapshot) where(id plumbing.Hash) (*pack, entry, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, entry{}, errClosed
	}
	for _, p := range s.packs {
		if e, found := p.find(id); found {
			return p, e, nil
		}
	}
	return nil, entry{}, fmt.Errorf("object %s: %w", id, plumbing.ErrObjectNotFound)
}

// read returns the content of an object of the kind that is wanted, which nobody may change.
// plumbing.ErrObjectNotFound; fs.ErrClosed.
func (s *Snapshot) read(id plumbing.Hash, want plumbing.ObjectType) ([]byte, error) {
	p, e, err := s.where(id)
	if err != nil {
		return nil, err
	}
	if e.kind != want {
		return nil, &PathError{Path: ".", Why: fmt.Sprintf("object %s is a %s where a %s belongs", id, e.kind, want)}
	}
	o, err := p.unpack(e.offset)
	switch {
	case errors.Is(err, fs.ErrClosed):
		return nil, errClosed
	case errors.Is(err, errLarge):
		return nil, &PathError{Path: ".", Why: fmt.Sprintf("%s %s has %s; at most %s are read", want, id, size(e.size), size(p.largest))}
	case err != nil:
		return nil, fmt.Errorf("read object %s: %w", id, err)
	}
	return o.data, nil
}

// find returns the entry at a path.
func (s *Snapshot) find(name string) (treeEntry, error) {
	at := treeEntry{mode: filemode.Dir, id: s.root}
	if !fs.ValidPath(name) {
		return at, &PathError{Path: name, Why: "not a path inside the repository"}
	}
	if name == "." {
		return at, nil
	}
	done := "."
	for part := range strings.SplitSeq(name, "/") {
		if why := badMode(at.mode); why != "" {
			return at, &PathError{Path: done, Why: why}
		}
		if at.mode != filemode.Dir {
			return at, &fs.PathError{Op: "find", Path: name, Err: fs.ErrNotExist}
		}
		tree, err := s.read(at.id, plumbing.TreeObject)
		if err != nil {
			return at, err
		}
		done = path.Join(done, part)
		if at, err = findIn(tree, part, done); errors.Is(err, fs.ErrNotExist) {
			return at, &fs.PathError{Op: "find", Path: name, Err: fs.ErrNotExist}
		} else if err != nil {
			return at, err
		}
	}
	return at, nil
}

// findIn returns the entry of a tree that has a name, the last of a path. fs.ErrNotExist.
func findIn(tree []byte, name, path string) (treeEntry, error) {
	var found treeEntry
	var other string
	for e, err := range entriesOf(tree) {
		if err != nil {
			return e, err
		}
		switch {
		case e.name == name && found.name == "":
			found = e
		case strings.EqualFold(e.name, name):
			other = e.name
		}
	}
	switch {
	case found.name == "":
		return found, fs.ErrNotExist
	case other != "":
		return found, &PathError{Path: path, Why: collision(name, other)}
	}
	return found, nil
}

// entries returns the entries of a tree, in git's order.
func (s *Snapshot) entries(tree plumbing.Hash) ([]treeEntry, error) {
	data, err := s.read(tree, plumbing.TreeObject)
	if err != nil {
		return nil, err
	}
	var all []treeEntry
	for e, err := range entriesOf(data) {
		if err != nil {
			return nil, fmt.Errorf("tree %s: %w", tree, err)
		}
		all = append(all, e)
	}
	return all, nil
}

// dir returns a directory that reads its tree when it is listed or gone through.
func (s *Snapshot) dir(name string, tree plumbing.Hash) *node {
	children := func() ([]*node, error) {
		list, err := s.entries(tree)
		if err != nil {
			return nil, err
		}
		nodes := make([]*node, 0, len(list))
		for _, e := range list {
			if n := s.node(e); n != nil {
				nodes = append(nodes, n)
			}
		}
		slices.SortFunc(nodes, func(a, b *node) int { return strings.Compare(a.name, b.name) })
		return nodes, nil
	}
	child := func(name string) (*node, error) {
		data, err := s.read(tree, plumbing.TreeObject)
		if err != nil {
			return nil, err
		}
		for e, err := range entriesOf(data) {
			if err != nil || e.name == name {
				return s.node(e), err
			}
		}
		return nil, nil
	}
	return &node{name: name, mode: fs.ModeDir | 0o755, children: children, child: child}
}

// node returns an entry as what it is, without content; nil where no path can hold its name,
// which Fetch names.
func (s *Snapshot) node(e treeEntry) *node {
	switch {
	case names.Refused(e.name) != "":
		return nil
	case e.mode == filemode.Dir:
		return s.dir(e.name, e.id)
	}
	return &node{name: e.name, mode: fileMode(e.mode)}
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
