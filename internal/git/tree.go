package git

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"slices"
	"strings"
	"time"
)

// errNoContent answers whoever opens a file of a tree that was read without its files.
var errNoContent = errors.New("only its name was read, not its content")

// node is a file or a directory; it is its own fs.DirEntry and fs.FileInfo.
type node struct {
	name     string
	mode     fs.FileMode
	size     int64                   // of a file with content
	content  func() ([]byte, error)  // of a file; nil where only its name is known
	children func() ([]*node, error) // of a directory, sorted by name
	// child returns one of a directory's children, nil where there is none. It may be nil
	// itself, where to list the children costs nothing.
	child func(name string) (*node, error)
}

func (n *node) Name() string               { return n.name }
func (n *node) Size() int64                { return n.size }
func (n *node) Mode() fs.FileMode          { return n.mode }
func (n *node) Type() fs.FileMode          { return n.mode.Type() }
func (n *node) ModTime() time.Time         { return time.Time{} } // git keeps none
func (n *node) IsDir() bool                { return n.mode.IsDir() }
func (n *node) Sys() any                   { return nil }
func (n *node) Info() (fs.FileInfo, error) { return n, nil }

// read returns a file's content, which nobody may change.
func (n *node) read() ([]byte, error) {
	if n.content == nil {
		return nil, errNoContent
	}
	return n.content()
}

// find returns one of a directory's children, nil where there is none.
func (n *node) find(name string) (*node, error) {
	if n.child != nil {
		return n.child(name)
	}
	children, err := n.children()
	i, found := slices.BinarySearchFunc(children, name, func(n *node, name string) int { return strings.Compare(n.name, name) })
	if err != nil || !found {
		return nil, err
	}
	return children[i], nil
}

// treeFS is a tree of nodes as a file system. It is safe for concurrent use when the
// nodes' children are.
type treeFS struct{ root *node }

var (
	_ fs.ReadDirFS  = treeFS{}
	_ fs.ReadFileFS = treeFS{}
	_ fs.StatFS     = treeFS{}
)

// find walks from the root to a path.
func (t treeFS) find(op, name string) (*node, error) {
	if !fs.ValidPath(name) {
		return nil, &fs.PathError{Op: op, Path: name, Err: fs.ErrInvalid}
	}
	at := t.root
	if name == "." {
		return at, nil
	}
	for part := range strings.SplitSeq(name, "/") {
		if at.children == nil {
			return nil, &fs.PathError{Op: op, Path: name, Err: fs.ErrNotExist}
		}
		child, err := at.find(part)
		switch {
		case err != nil:
			return nil, &fs.PathError{Op: op, Path: name, Err: err}
		case child == nil:
			return nil, &fs.PathError{Op: op, Path: name, Err: fs.ErrNotExist}
		}
		at = child
	}
	return at, nil
}

// Open opens a file or a directory.
func (t treeFS) Open(name string) (fs.File, error) {
	n, err := t.find("open", name)
	if err != nil {
		return nil, err
	}
	if n.IsDir() {
		children, err := n.children()
		if err != nil {
			return nil, &fs.PathError{Op: "open", Path: name, Err: err}
		}
		return &openDir{node: n, path: name, rest: children}, nil
	}
	data, err := n.read()
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	return &openFile{Reader: bytes.NewReader(data), node: n}, nil
}

// ReadFile returns a copy of a file's content.
func (t treeFS) ReadFile(name string) ([]byte, error) {
	n, err := t.find("read", name)
	switch {
	case err != nil:
		return nil, err
	case n.IsDir():
		return nil, &fs.PathError{Op: "read", Path: name, Err: errors.New("is a directory")}
	}
	data, err := n.read()
	if err != nil {
		return nil, &fs.PathError{Op: "read", Path: name, Err: err}
	}
	return slices.Clone(data), nil // it may be kept for others
}

// ReadDir lists a directory, sorted by name.
func (t treeFS) ReadDir(name string) ([]fs.DirEntry, error) {
	n, err := t.find("readdir", name)
	if err != nil {
		return nil, err
	}
	if !n.IsDir() {
		return nil, &fs.PathError{Op: "readdir", Path: name, Err: errors.New("not a directory")}
	}
	children, err := n.children()
	if err != nil {
		return nil, &fs.PathError{Op: "readdir", Path: name, Err: err}
	}
	return entries(children), nil
}

// Stat describes a file or a directory. The size of a file without content is zero.
func (t treeFS) Stat(name string) (fs.FileInfo, error) {
	n, err := t.find("stat", name)
	if err != nil {
		return nil, err // not n: a nil *node is no nil fs.FileInfo
	}
	return n, nil
}

func entries(nodes []*node) []fs.DirEntry {
	list := make([]fs.DirEntry, len(nodes))
	for i, n := range nodes {
		list[i] = n
	}
	return list
}

type openFile struct {
	*bytes.Reader
	node *node
}

func (f *openFile) Stat() (fs.FileInfo, error) { return f.node, nil }
func (f *openFile) Close() error               { return nil }

type openDir struct {
	node *node
	path string
	rest []*node
}

func (d *openDir) Stat() (fs.FileInfo, error) { return d.node, nil }
func (d *openDir) Close() error               { return nil }
func (d *openDir) Read([]byte) (int, error) {
	return 0, &fs.PathError{Op: "read", Path: d.path, Err: errors.New("is a directory")}
}

// ReadDir returns the next n entries, or all that are left when n is not positive.
func (d *openDir) ReadDir(n int) ([]fs.DirEntry, error) {
	if n <= 0 || n > len(d.rest) {
		if n > 0 && len(d.rest) == 0 {
			return nil, io.EOF
		}
		n = len(d.rest)
	}
	list := entries(d.rest[:n])
	d.rest = d.rest[n:]
	return list, nil
}

// folder is a directory while files are added to it.
type folder struct {
	files   []*node
	folders map[string]*folder
}

func newFolder() *folder { return &folder{folders: make(map[string]*folder)} }

// add puts a file at a path below the folder.
func (f *folder) add(at string, file *node) {
	part, rest, deeper := strings.Cut(at, "/")
	if !deeper {
		f.files = append(f.files, file)
		return
	}
	if f.folders[part] == nil {
		f.folders[part] = newFolder()
	}
	f.folders[part].add(rest, file)
}

// node returns the folder as it is now.
func (f *folder) node(name string) *node {
	children := slices.Clone(f.files)
	for name, below := range f.folders {
		children = append(children, below.node(name))
	}
	slices.SortFunc(children, func(a, b *node) int { return strings.Compare(a.name, b.name) })
	return &node{name: name, mode: fs.ModeDir | 0o755, children: func() ([]*node, error) { return children, nil }}
}
