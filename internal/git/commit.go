package git

import (
	"bytes"
	"fmt"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"
)

// commit is what matters of one.
type commit struct {
	tree              plumbing.Hash
	author, committer object.Signature
	message           []byte
}

// readCommit goes through a commit once: headers, an empty line, the message. Of a header that
// stands there twice the first counts; what else there is, signatures above all, is passed
// over. go-git's object.Commit puts headers of many lines together line by line, which takes a
// minute for a megabyte of them.
func readCommit(data []byte) (c commit, err error) {
	seen := map[string]bool{}
	for len(data) > 0 {
		var line []byte
		line, data, _ = bytes.Cut(data, []byte("\n"))
		if len(line) == 0 {
			c.message = data
			break
		}
		key, value, _ := bytes.Cut(line, []byte(" "))
		name := string(key)
		if name != "tree" && name != "author" && name != "committer" || seen[name] {
			continue
		}
		seen[name] = true
		switch name {
		case "tree":
			if !isCommit(string(value)) {
				return c, fmt.Errorf("read commit: the tree %.50q is no id: %w", value, errDamaged)
			}
			c.tree = plumbing.NewHash(string(value))
		case "author":
			c.author.Decode(value)
		case "committer":
			c.committer.Decode(value)
		}
	}
	if !seen["tree"] {
		return c, fmt.Errorf("read commit: it names no tree: %w", errDamaged)
	}
	return c, nil
}
