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

	"github.com/driftless-gitops/driftless/internal/git/names"
)

// maxPaths is how many times the files of one path all paths of one Fetch may have.
const maxPaths = 10

// collect returns the files at and below the paths, and the first refusal. What it needs
// is in the trees, so that what cannot be used is refused before a file is asked for.
func (s *Snapshot) collect(paths []string) (files map[string]treeEntry, refused error) {
	files = make(map[string]treeEntry)
	for _, name := range paths {
		w := &walk{snapshot: s, files: make(map[string]treeEntry)}
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
	files       map[string]treeEntry
	directories int
}

func (w *walk) add(name string) error {
	entry, err := w.snapshot.find(name)
	if err != nil {
		return err
	}
	if name != "." {
		for part := range strings.SplitSeq(name, "/") {
			if why := names.Refused(part); why != "" {
				return &PathError{Path: name, Why: why}
			}
		}
	}
	if why := badMode(entry.mode); why != "" {
		return &PathError{Path: name, Why: why}
	}
	return w.visit(name, entry)
}

func (w *walk) visit(at string, entry treeEntry) error {
	limits := w.snapshot.limits
	if depth := strings.Count(at, "/") + 1; depth > limits.Depth {
		return &PathError{Path: at, Why: fmt.Sprintf("lies %d deep; at most %d is read", depth, limits.Depth)}
	}
	if entry.mode != filemode.Dir {
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
	entries, err := w.snapshot.entries(entry.id)
	if err != nil {
		return err
	}
	if err := checkEntries(at, entries); err != nil {
		return err
	}
	for _, e := range entries {
		if err := w.visit(path.Join(at, e.name), e); err != nil {
			return err
		}
	}
	return nil
}

// fetchMissing asks for the files that no pack holds yet, in one request. Where the server
// does not give files by their ids, it reads the whole commit instead, once.
func (s *Snapshot) fetchMissing(ctx context.Context, files map[string]treeEntry) error {
	missing, err := s.missing(files)
	if err != nil || len(missing) == 0 {
		return err
	}
	if !s.isWhole() {
		wants := slices.Collect(maps.Keys(missing))
		plumbing.HashesSort(wants)
		err := s.receive(ctx, ask{wants: wants})
		if said := errRemote(""); errors.As(err, &said) {
			err = s.receiveAll(ctx)
		}
		if err != nil {
			return err
		}
		if missing, err = s.missing(files); err != nil || len(missing) == 0 {
			return err
		}
	}
	path := slices.Min(slices.Collect(maps.Values(missing)))
	if s.leftOut() {
		return &PathError{Path: path, Why: fmt.Sprintf("it, or what it is packed as a difference to, has more than %s; at most %s is read", size(maxObject), size(s.limits.FileBytes))}
	}
	return fmt.Errorf("the server left out %d files, %s among them", len(missing), path)
}

// missing returns the ids of the files that no pack holds, each with one of their paths.
func (s *Snapshot) missing(files map[string]treeEntry) (map[plumbing.Hash]string, error) {
	ids := make(map[plumbing.Hash]string)
	for at, entry := range files {
		_, _, err := s.where(entry.id)
		if errors.Is(err, plumbing.ErrObjectNotFound) {
			ids[entry.id] = at
		} else if err != nil {
			return nil, err
		}
	}
	return ids, nil
}

// leftOut reports whether a pack held objects that were too large to be unpacked.
func (s *Snapshot) leftOut() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.ContainsFunc(s.packs, func(p *pack) bool { return p.left })
}

// isWhole reports whether the packs hold whatever the server has of the commit.
func (s *Snapshot) isWhole() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.whole
}

// receiveAll adds the whole commit, files and all.
func (s *Snapshot) receiveAll(ctx context.Context) error {
	if err := s.receive(ctx, allOf(s.id)); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.whole = true
	return nil
}

// receive adds a pack, as far as the disk is for this snapshot.
func (s *Snapshot) receive(ctx context.Context, a ask) error {
	s.mu.Lock()
	left := s.limits.DiskBytes
	for _, p := range s.packs {
		left -= p.size
	}
	s.mu.Unlock()
	p, err := s.client.fetch(ctx, s.repository, a, left)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return errors.Join(errClosed, p.close())
	}
	s.packs = append(s.packs, p)
	return nil
}

// build returns the root of the files' tree. Every cap is judged here, by what the packs say
// of the files; their content is read when somebody reads it.
func (s *Snapshot) build(files map[string]treeEntry) (*node, error) {
	root := newFolder()
	var total int64
	for _, at := range slices.Sorted(maps.Keys(files)) {
		n, err := s.file(at, files[at])
		if err != nil {
			return nil, err
		}
		if total += n.size; total > s.limits.TotalBytes {
			return nil, &PathError{Path: at, Why: fmt.Sprintf("with the files before it, more than %s, the most that is read", size(s.limits.TotalBytes))}
		}
		root.add(at, n)
	}
	return root.node("."), nil
}

// file returns one file, once it is judged.
func (s *Snapshot) file(at string, entry treeEntry) (*node, error) {
	_, found, err := s.where(entry.id)
	switch {
	case err != nil:
		return nil, err
	case found.kind != plumbing.BlobObject:
		return nil, &PathError{Path: at, Why: fmt.Sprintf("a %s in place of a file", found.kind)}
	case found.size > s.limits.FileBytes:
		return nil, &PathError{Path: at, Why: fmt.Sprintf("%s; at most %s is read", size(found.size), size(s.limits.FileBytes))}
	case found.pointer:
		return nil, &PathError{Path: at, Why: "kept in Git LFS, which is not read; keep it in git itself"}
	}
	content := func() ([]byte, error) { return s.read(entry.id, plumbing.BlobObject) }
	return &node{name: path.Base(at), mode: fileMode(entry.mode), size: found.size, content: content}, nil
}
