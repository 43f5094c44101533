package git

import (
	"fmt"
	"iter"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
)

// treeEntry is a name in a directory.
type treeEntry struct {
	name string
	mode filemode.FileMode
	id   plumbing.Hash
}

// entriesOf goes through a tree's data: mode, space, name, zero byte, id, again and again. A
// directory with thousands of entries is gone through for every application below it, which
// go-git's object.Tree would make a list of each time.
func entriesOf(tree []byte) iter.Seq2[treeEntry, error] {
	return func(yield func(treeEntry, error) bool) {
		for rest := string(tree); len(rest) > 0; { // one copy, that all names are parts of
			mode, after, spaced := strings.Cut(rest, " ")
			name, after, ended := strings.Cut(after, "\x00")
			e := treeEntry{name: name}
			if !spaced || !ended || len(after) < len(e.id) {
				yield(e, fmt.Errorf("read tree: %w", errDamaged))
				return
			}
			e.mode, _ = filemode.New(mode) // what is no mode is none, and refused as that
			rest = after[copy(e.id[:], after):]
			if !yield(e, nil) {
				return
			}
		}
	}
}
