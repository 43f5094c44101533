package git

import (
	"fmt"
	"path"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/go-git/go-git/v5/plumbing/filemode"
)

// maxName is the longest name that file systems take, in bytes (Linux' NAME_MAX).
const maxName = 255

// badName says what is wrong with a name in a tree, or nothing. Such names pass through
// git but must not reach an archive, a terminal or a file system.
func badName(name string) string {
	switch {
	case name == "" || name == "." || name == "..":
		return "is not a name"
	case len(name) > maxName:
		return fmt.Sprintf("its name has %d bytes; at most %d are read", len(name), maxName)
	case !utf8.ValidString(name):
		return "its name is not UTF-8"
	case strings.ContainsAny(name, `/\`):
		return "its name holds a slash or backslash"
	case strings.ContainsFunc(name, unicode.IsControl):
		return "its name holds a control character"
	case strings.ContainsFunc(name, hides):
		return "its name holds a character that changes the direction of text or its lines"
	case ofGit(name):
		return "a directory of git's own inside the tree"
	}
	return ""
}

// hides reports whether a character could make a name read as something else.
func hides(r rune) bool {
	return unicode.In(r, unicode.Bidi_Control, unicode.Zl, unicode.Zp)
}

// ofGit reports whether a file system might take a name for ".git": those of Windows drop
// what stands behind a colon and dots and spaces at the end and have the short name "git~1",
// that of macOS reads over characters without a shape (git's own path.c, is_ntfs_dotgit, and
// utf8.c, is_hfs_dotgit).
func ofGit(name string) bool {
	name = strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Cf, r) {
			return -1
		}
		return r
	}, name)
	name, _, _ = strings.Cut(name, ":")
	name = strings.TrimRight(name, " .")
	return strings.EqualFold(name, ".git") || strings.EqualFold(name, "git~1")
}

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
		if why := badName(e.name); why != "" {
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
