package git

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"
)

// maxPaths is how many times the files of one path all paths of one Fetch may have.
const maxPaths = 10

// collect returns the files at and below the paths, and the first refusal. What it needs
// is in the trees, so that what cannot be used is refused before a file is asked for.
func (s *Snapshot) collect(paths []string) (files map[string]object.TreeEntry, refused error) {
	files = make(map[string]object.TreeEntry)
	for _, name := range paths {
		w := &walk{snapshot: s, files: make(map[string]object.TreeEntry)}
		err := w.add(name)
		if most := maxPaths * s.limits.Files; err == nil && len(files)+len(w.files) > most {
			err = &PathError{Path: name, Why: fmt.Sprintf("with the paths before it, more than %d files, the most that is read at once", most)}
		}
		if err == nil {
			maps.Copy(files, w.files)
		} else if refused == nil {
			refused = err
		}
	}
	return files, refused
}

// walk collects the files at and below one path.
type walk struct {
	snapshot    *Snapshot
	files       map[string]object.TreeEntry
	directories int
}

func (w *walk) add(name string) error {
	entry, err := w.snapshot.find(name)
	if err != nil {
		return err
	}
	if name != "." {
		for part := range strings.SplitSeq(name, "/") {
			if why := badName(part); why != "" {
				return &PathError{Path: name, Why: why}
			}
		}
	}
	if why := badMode(entry.Mode); why != "" {
		return &PathError{Path: name, Why: why}
	}
	return w.visit(name, entry)
}

func (w *walk) visit(at string, entry object.TreeEntry) error {
	limits := w.snapshot.limits
	if depth := strings.Count(at, "/") + 1; depth > limits.Depth {
		return &PathError{Path: at, Why: fmt.Sprintf("lies %d deep; at most %d is read", depth, limits.Depth)}
	}
	if entry.Mode != filemode.Dir {
		w.files[at] = entry
		if len(w.files) > limits.Files {
			return &PathError{Path: at, Why: fmt.Sprintf("more than %d files, the most that is read", limits.Files)}
		}
		return nil
	}
	// Directories are counted as well: trees that name one another ten times over are
	// few objects and endless paths.
	if w.directories++; w.directories > limits.Files {
		return &PathError{Path: at, Why: fmt.Sprintf("more than %d directories, the most that is read", limits.Files)}
	}
	entries, err := w.snapshot.entries(entry.Hash)
	if err != nil {
		return err
	}
	if err := checkEntries(at, entries); err != nil {
		return err
	}
	for _, e := range entries {
		if err := w.visit(path.Join(at, e.Name), e); err != nil {
			return err
		}
	}
	return nil
}

// fetchMissing asks for the files that no pack holds yet, in one request. Where the server
// does not give files by their ids, it reads the whole commit instead, once.
func (s *Snapshot) fetchMissing(ctx context.Context, files map[string]object.TreeEntry) error {
	missing := s.missing(files)
	if len(missing) == 0 {
		return nil
	}
	err := s.receive(ctx, ask{wants: missing})
	var said errRemote
	if s.partial && errors.As(err, &said) {
		err = s.receiveAll(ctx)
	}
	if err != nil {
		return err
	}
	if left := s.missing(files); len(left) > 0 {
		return fmt.Errorf("the server left out %d files, %s among them", len(left), left[0])
	}
	return nil
}

// missing returns the ids of the files that no pack holds, each once.
func (s *Snapshot) missing(files map[string]object.TreeEntry) []plumbing.Hash {
	s.mu.Lock()
	defer s.mu.Unlock()
	var ids []plumbing.Hash
	for _, entry := range files {
		if !slices.ContainsFunc(s.packs, func(p *pack) bool { return p.has(entry.Hash) }) {
			ids = append(ids, entry.Hash)
		}
	}
	plumbing.HashesSort(ids)
	return slices.Compact(ids)
}

// receive adds a pack in memory.
func (s *Snapshot) receive(ctx context.Context, ask ask) error {
	file, err := newMemory()
	if err != nil {
		return err
	}
	return s.keep(s.client.fetch(ctx, s.repository, ask, file, s.limits.RequestBytes))
}

// receiveAll adds the whole commit, files and all, on disk.
func (s *Snapshot) receiveAll(ctx context.Context) error {
	file, err := newTemporary(s.client.TempDir)
	if err != nil {
		return err
	}
	return s.keep(s.client.fetch(ctx, s.repository, ask{wants: []plumbing.Hash{s.id}, shallow: true}, file, s.limits.DiskBytes))
}

func (s *Snapshot) keep(p *pack, err error) error {
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.packs = append(s.packs, p)
	return nil
}

// build reads the files and returns the root of their tree.
func (s *Snapshot) build(files map[string]object.TreeEntry) (*node, error) {
	root := newFolder()
	var total int64
	for _, at := range slices.Sorted(maps.Keys(files)) {
		n, err := s.file(at, files[at])
		if err != nil {
			return nil, err
		}
		if total += n.Size(); total > s.limits.TotalBytes {
			return nil, &PathError{Path: at, Why: fmt.Sprintf("with the files before it, more than %s, the most that is read", size(s.limits.TotalBytes))}
		}
		root.add(at, n)
	}
	return root.node("."), nil
}

// file reads one file and judges its content.
func (s *Snapshot) file(at string, entry object.TreeEntry) (*node, error) {
	o, err := s.read(entry.Hash, plumbing.BlobObject)
	if err != nil {
		return nil, err
	}
	if o.Size() > s.limits.FileBytes {
		return nil, &PathError{Path: at, Why: fmt.Sprintf("%s; at most %s is read", size(o.Size()), size(s.limits.FileBytes))}
	}
	data, err := content(o)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", at, err)
	}
	if isLFSPointer(data) {
		return nil, &PathError{Path: at, Why: "kept in Git LFS, which is not read; keep it in git itself"}
	}
	return &node{name: path.Base(at), mode: fileMode(entry.Mode), data: data, known: true}, nil
}
