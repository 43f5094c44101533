package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os/exec"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/driftless-gitops/driftless/internal/git/names"
	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/template"
)

// What is read of a repository, as internal/git has it.
const (
	largestFile = 1 << 20 // of one file
	mostFiles   = 10_000  // at and below one path
	deepest     = 32      // names in a path
)

// unreadable returns what at and below the paths would be refused once it is pushed, in the
// words of internal/git. What is not there is no affair of its own, and what git ignores in
// the directory is in no push.
func unreadable(files fs.FS, dir string, paths []string) ([]gitops.Problem, error) {
	w := &walker{files: files, found: map[string]string{}, folded: map[string]string{}}
	for _, root := range paths {
		w.seen = nil
		if err := fs.WalkDir(files, root, w.visit); err != nil {
			return nil, fmt.Errorf("read %s: %w", root, err)
		}
		if len(w.seen) > mostFiles && len(w.seen)-len(ignored(dir, w.seen)) > mostFiles {
			w.found[root] = fmt.Sprintf("more than %d files, the most that is read", mostFiles)
		}
	}
	names := slices.Sorted(maps.Keys(w.found))
	skip := ignored(dir, names)
	var problems []gitops.Problem
	for _, name := range names {
		if !skip[name] {
			problems = append(problems, gitops.Problem{File: name, Message: w.found[name]})
		}
	}
	return quoted(problems), nil
}

// walker looks at all that belongs to applications.
type walker struct {
	files  fs.FS
	found  map[string]string // why, by path
	folded map[string]string // paths by what they are where case does not count
	seen   []string          // files below the present root
}

// visit looks at one name.
func (w *walker) visit(name string, d fs.DirEntry, err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case name == ".git" && d.IsDir(): // the repository's own
		return fs.SkipDir
	case name == ".git": // a worktree's
		return nil
	}
	if !d.IsDir() {
		w.seen = append(w.seen, name)
	}
	why, err := w.refused(name, d)
	if why == "" || err != nil {
		return err
	}
	w.found[name] = why
	if d.IsDir() {
		return fs.SkipDir
	}
	return nil
}

// refused says why a name cannot be used, beside the others or at all.
func (w *walker) refused(name string, d fs.DirEntry) (string, error) {
	folded := strings.ToLower(name)
	first, there := w.folded[folded]
	if !there {
		w.folded[folded] = name
	}
	switch depth := strings.Count(name, "/") + 1; {
	case there && first != name:
		return fmt.Sprintf("differs from %q in case alone", path.Base(first)), nil
	case depth > deepest:
		return fmt.Sprintf("lies %d deep; at most %d is read", depth, deepest), nil
	}
	return refusedFile(w.files, name, d)
}

// refusedFile says why a file or a directory cannot be used, or nothing.
func refusedFile(files fs.FS, name string, d fs.DirEntry) (string, error) {
	if why := names.Refused(path.Base(name)); name != "." && why != "" {
		return why, nil
	}
	switch mode := d.Type(); {
	case mode&fs.ModeSymlink != 0:
		return "a symbolic link; only regular files are read", nil
	case mode.IsDir():
		if _, err := fs.Stat(files, path.Join(name, ".git")); name != "." && err == nil {
			return "a submodule; its files are in another repository", nil
		}
		return "", nil
	case !mode.IsRegular():
		return "neither a directory nor a regular file", nil
	}
	info, err := d.Info()
	switch {
	case err != nil:
		return "", err
	case info.Size() > largestFile:
		return fmt.Sprintf("%d bytes; at most %d are read", info.Size(), largestFile), nil
	case info.Size() > largestPointer:
		return "", nil
	}
	if data, err := fs.ReadFile(files, name); err == nil && template.IsPointer(data) {
		return "kept in Git LFS, which is not read; keep it in git itself", nil
	}
	return "", nil
}

// largestPointer is the most that a pointer of Git LFS has (git-lfs docs/spec.md).
const largestPointer = 1 << 10

// ignored returns those of the names that git ignores in a directory: no push holds them.
// Where there is no git, or no repository, that is none.
func ignored(dir string, names []string) map[string]bool {
	if len(names) == 0 {
		return nil
	}
	var out bytes.Buffer
	git := exec.Command("git", "-C", dir, "check-ignore", "-z", "--stdin")
	git.Stdin, git.Stdout = strings.NewReader(strings.Join(names, "\x00")+"\x00"), &out
	_ = git.Run() // it fails where nothing is ignored, too
	skip := map[string]bool{}
	for name := range strings.SplitSeq(strings.TrimSuffix(out.String(), "\x00"), "\x00") {
		skip[name] = true
	}
	delete(skip, "") // nothing is ignored
	return skip
}

// quoted returns the problems with names that a terminal can show.
func quoted(problems []gitops.Problem) []gitops.Problem {
	for i, p := range problems {
		if q := strconv.Quote(p.File); q != `"`+p.File+`"` {
			problems[i].File = q
		}
	}
	return problems
}
