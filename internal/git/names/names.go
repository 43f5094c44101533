// Package names judges names in a repository's trees: those that pass through git, and must
// not reach an archive, a terminal or a file system. It imports the standard library only, so
// that a checkout can be judged by the same rule before it is pushed.
package names

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxName is the longest name that file systems take, in bytes (Linux' NAME_MAX).
const maxName = 255

// Refused says what is wrong with a name, without directories, in a tree; "" when nothing is.
func Refused(name string) string {
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
