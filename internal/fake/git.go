package fake

import (
	"context"
	"crypto/sha1" //nolint:gosec // git names its objects by SHA-1
	"encoding/hex"
	"fmt"
	"maps"
	"sync"
	"time"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/reconcile"
)

// Contents that stand for what a repository can hold and Driftless refuses.
const (
	Symlink   = "symlink to "   // followed by its target
	Submodule = "submodule at " // followed by its commit
)

// Git holds repositories in memory, each a set of commits and branches.
type Git struct {
	Calls
	mu       sync.Mutex
	commits  map[string]commit // by id
	branches map[string]string // commit by URL and branch
	refused  map[string]error  // by URL
}

// commit is a whole tree and who made it.
type commit struct {
	files    map[string]string
	revision gitops.Revision
}

var _ reconcile.Git = (*Git)(nil)

// NewGit returns a Git without repositories.
func NewGit() *Git {
	return &Git{commits: map[string]commit{}, branches: map[string]string{}, refused: map[string]error{}}
}

// Txtar returns the files of a txtar archive, and its comment as the message of a commit.
func Txtar(archive string) (message string, files map[string]string) {
	a := txtar.Parse([]byte(archive))
	files = map[string]string{}
	for _, f := range a.Files {
		files[f.Name] = string(f.Data)
	}
	return string(a.Comment), files
}

// Push commits exactly these files to a branch and returns the commit. The message's first
// line is the subject. A content that begins with Symlink or Submodule is one.
func (g *Git) Push(url, branch, message string, files map[string]string) string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.push(url, branch, message, maps.Clone(files))
}

// Edit commits a change of the branch's files: those given are written, those given empty
// are removed, the others stay.
func (g *Git) Edit(url, branch, message string, changes map[string]string) string {
	g.mu.Lock()
	defer g.mu.Unlock()
	files := maps.Clone(g.commits[g.branches[at(url, branch)]].files)
	if files == nil {
		files = map[string]string{}
	}
	for name, content := range changes {
		files[name] = content
		if content == "" {
			delete(files, name)
		}
	}
	return g.push(url, branch, message, files)
}

// Reset moves a branch to a commit, as a force push does.
func (g *Git) Reset(url, branch, commit string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.branches[at(url, branch)] = commit
}

// Delete removes a branch.
func (g *Git) Delete(url, branch string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.branches, at(url, branch))
}

// Refuse makes every read of a repository fail with err, until err is nil.
func (g *Git) Refuse(url string, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.refused[gitops.NormalURL(url)] = err
}

func (g *Git) push(url, branch, message string, files map[string]string) string {
	n := len(g.commits) + 1
	subject := firstLine(message)
	sum := sha1.Sum(fmt.Appendf(nil, "%d %s %s %s", n, rootID(files), g.branches[at(url, branch)], subject)) //nolint:gosec // as git does
	id := hex.EncodeToString(sum[:])
	g.commits[id] = commit{files: files, revision: gitops.Revision{
		Branch:  branch,
		Commit:  id,
		Author:  "Ada Lovelace",
		Message: subject,
		At:      time.Date(2026, 1, 1, 0, n, 0, 0, time.UTC),
	}}
	g.branches[at(url, branch)] = id
	return id
}

// Head implements reconcile.Git.
func (g *Git) Head(_ context.Context, r gitops.Repository) (head string, err error) {
	err = g.run("Head", func() error {
		g.mu.Lock()
		defer g.mu.Unlock()
		if err := g.refused[gitops.NormalURL(r.URL)]; err != nil {
			return err
		}
		var ok bool
		if head, ok = g.branches[at(r.URL, r.Tracked())]; !ok {
			return fmt.Errorf("head of %s in %s: %w", r.Tracked(), r.URL, reconcile.ErrNotFound)
		}
		return nil
	})
	return head, err
}

// Snapshot implements reconcile.Git.
func (g *Git) Snapshot(_ context.Context, r gitops.Repository, id string) (s reconcile.Snapshot, err error) {
	err = g.run("Snapshot", func() error {
		g.mu.Lock()
		defer g.mu.Unlock()
		if err := g.refused[gitops.NormalURL(r.URL)]; err != nil {
			return err
		}
		c, ok := g.commits[id]
		if !ok {
			return fmt.Errorf("commit %s of %s: %w", id, r.URL, reconcile.ErrNotFound)
		}
		c.revision.Branch = r.Tracked()
		s = newSnapshot(g, c)
		return nil
	})
	return s, err
}

// at is the key of a branch.
func at(url, branch string) string { return gitops.NormalURL(url) + "\x00" + branch }
