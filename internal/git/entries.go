package git

import (
	"bytes"
	"fmt"
	"iter"

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
		for rest := tree; len(rest) > 0; {
			mode, after, spaced := bytes.Cut(rest, []byte(" "))
			name, after, ended := bytes.Cut(after, []byte("\x00"))
			var e treeEntry
			if !spaced || !ended || len(after) < len(e.id) {
				yield(e, fmt.Errorf("read tree: %w", errDamaged))
				return
			}
			e.name = string(name)
			e.mode, _ = filemode.New(string(mode)) // what is no mode is none, and refused as that
			rest = after[copy(e.id[:], after):]
			if !yield(e, nil) {
				return
			}
		}
	}
}
