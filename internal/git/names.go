package git

import (
	"fmt"
	"path"
	"strings"

	"github.com/go-git/go-git/v5/plumbing/filemode"

	"github.com/driftless-gitops/driftless/internal/git/names"
)

// badMode says why an entry is neither a directory nor a regular file, or nothing.
func badMode(mode filemode.FileMode) string {
	switch mode {
	case filemode.Dir, filemode.Regular, filemode.Executable, filemode.Deprecated:
		return ""
	case filemode.Symlink:
		return "a symbolic link; only regular files are read"
	case filemode.Submodule:
		return "a submodule; its files are in another repository"
	case filemode.Empty:
	}
	return "neither a directory nor a regular file"
}

// checkEntries refuses what cannot be used among the entries of the directory dir. Names
// that differ in case alone are one file to the file systems of macOS and Windows.
func checkEntries(dir string, entries []treeEntry) error {
	seen := make(map[string]string, len(entries))
	for _, e := range entries {
		at := below(dir, e.name)
		if why := names.Refused(e.name); why != "" {
			return &PathError{Path: at, Why: why}
		}
		if why := badMode(e.mode); why != "" {
			return &PathError{Path: at, Why: why}
		}
		folded := strings.ToLower(e.name)
		if other, ok := seen[folded]; ok {
			return &PathError{Path: at, Why: collision(e.name, other)}
		}
		seen[folded] = e.name
	}
	return nil
}

func collision(name, other string) string {
	if name == other {
		return "stands there twice"
	}
	return fmt.Sprintf("differs from %q in case alone", other)
}

// below returns the path of an entry of a directory, as it stands there: path.Join would
// resolve "..".
func below(dir, name string) string {
	if dir == "." {
		return name
	}
	return path.Clean(dir) + "/" + name
}

// lfsPrefix begins the text that stands in git for a file that Git LFS keeps elsewhere
// (git-lfs docs/spec.md: the first line, and less than 1024 bytes in all).
const lfsPrefix = "version https://git-lfs.github.com/spec/v1\n"

// isPointer reports whether a file that begins so, and has so many bytes, is one.
func isPointer(start []byte, size int64) bool {
	return size < 1024 && strings.HasPrefix(string(start[:min(len(start), len(lfsPrefix))]), lfsPrefix)
}
