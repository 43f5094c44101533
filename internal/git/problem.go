package git

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"

	"github.com/driftless-gitops/driftless/internal/gitops"
)

// PathError names something in a repository that cannot be used, and why, for the person
// who can change it. It unwraps to a *gitops.Refusal: trying again changes nothing.
type PathError struct {
	Path string // relative to the repository's root, slash-separated; "." for all of it
	Why  string
}

// Error returns the path, quoted where a terminal could misread it, and the reason.
func (e *PathError) Error() string {
	name := e.Path
	switch {
	case name == ".":
		name = "the repository"
	case strconv.Quote(name) != `"`+name+`"`:
		name = strconv.Quote(name)
	}
	return name + ": " + e.Why
}

// Unwrap returns the error as a refusal of gitops.
func (e *PathError) Unwrap() error { return &gitops.Refusal{Reason: e.Error()} }

// badName says what is wrong with a name in a tree, or nothing. Such names pass through
// git but must not reach an archive, a terminal or a file system.
func badName(name string) string {
	switch {
	case name == "" || name == "." || name == "..":
		return "is not a name"
	case strings.EqualFold(name, ".git"):
		return "a directory of git's own inside the tree"
	case !utf8.ValidString(name):
		return "its name is not UTF-8"
	case strings.ContainsAny(name, `/\`):
		return "its name holds a slash or backslash"
	case strings.ContainsFunc(name, unicode.IsControl):
		return "its name holds a control character"
	}
	return ""
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
func checkEntries(dir string, entries []object.TreeEntry) error {
	seen := make(map[string]string, len(entries))
	for _, e := range entries {
		at := strings.TrimPrefix(dir+"/"+e.Name, "./") // path.Join would resolve ".."
		if why := badName(e.Name); why != "" {
			return &PathError{Path: at, Why: why}
		}
		if why := badMode(e.Mode); why != "" {
			return &PathError{Path: at, Why: why}
		}
		folded := strings.ToLower(e.Name)
		if other, ok := seen[folded]; ok {
			return &PathError{Path: at, Why: fmt.Sprintf("differs from %q in case alone", other)}
		}
		seen[folded] = e.Name
	}
	return nil
}

// lfsPrefix begins the text that stands in git for a file that Git LFS keeps elsewhere
// (git-lfs docs/spec.md: the first line, and less than 1024 bytes in all).
const lfsPrefix = "version https://git-lfs.github.com/spec/v1\n"

func isLFSPointer(data []byte) bool {
	return len(data) < 1024 && strings.HasPrefix(string(data), lfsPrefix)
}

// Limits are the caps on what is read from one repository. A zero field is its default.
type Limits struct {
	FileBytes    int64 // of one file; 1 MiB
	Files        int   // files, and as many directories, at and below one path; 10,000
	TotalBytes   int64 // of all files of one Fetch; 50 MiB
	Depth        int   // names in a path; 32
	RequestBytes int64 // of one answer that is kept in memory, compressed; 64 MiB
	DiskBytes    int64 // of one answer that is kept on disk; 400 MiB, of the 512 that Lambda gives
}

// or returns the limits with the defaults filled in.
func (l Limits) or() Limits {
	if l.FileBytes == 0 {
		l.FileBytes = 1 << 20
	}
	if l.Files == 0 {
		l.Files = 10_000
	}
	if l.TotalBytes == 0 {
		l.TotalBytes = 50 << 20
	}
	if l.Depth == 0 {
		l.Depth = 32
	}
	if l.RequestBytes == 0 {
		l.RequestBytes = 64 << 20
	}
	if l.DiskBytes == 0 {
		l.DiskBytes = 400 << 20
	}
	return l
}

// size writes a number of bytes for people: "1.5 MiB".
func size(n int64) string {
	switch {
	case n >= 1<<20:
		return strconv.FormatFloat(float64(n)/(1<<20), 'f', -1, 64) + " MiB"
	case n >= 1<<10:
		return strconv.FormatFloat(float64(n)/(1<<10), 'f', -1, 64) + " KiB"
	}
	return strconv.FormatInt(n, 10) + " bytes"
}
