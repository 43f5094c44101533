package forgetest

import (
	"fmt"
	"os"
	"strings"
)

// entry is a file that goes into a tree.
type entry struct{ path, mode, content string }

// run runs git in a repository with an input, and returns what it says.
func (s *Server) run(name, in string, args ...string) (string, error) {
	environment := []string{"GIT_AUTHOR_NAME=Ada", "GIT_AUTHOR_EMAIL=ada@example.com", "GIT_COMMITTER_NAME=Ada", "GIT_COMMITTER_EMAIL=ada@example.com"}
	return output(environment, in, "git", append([]string{"--git-dir", s.bare(name)}, args...)...)
}

// tree makes a tree of another one, or of a commit's, with files put over it.
func (s *Server) tree(name, base string, entries []entry) (id string, err error) {
	index, err := os.CreateTemp("", "index")
	if err != nil {
		return "", fmt.Errorf("make an index: %w", err)
	}
	_ = index.Close()
	_ = os.Remove(index.Name()) // git wants to make it itself
	defer os.Remove(index.Name())
	git := func(in string, args ...string) (out string) {
		if err == nil {
			out, err = output([]string{"GIT_INDEX_FILE=" + index.Name()}, in, "git", append([]string{"--git-dir", s.bare(name)}, args...)...)
		}
		return out
	}
	git("", "read-tree", base)
	for _, e := range entries {
		git("", "update-index", "--add", "--cacheinfo", e.mode+","+git(e.content, "hash-object", "-w", "--stdin")+","+e.path)
	}
	return git("", "write-tree"), err
}

// commitTree makes a commit of a tree, on no branch.
func (s *Server) commitTree(name, tree, message string, parents ...string) (string, error) {
	args := []string{"commit-tree", tree, "-F", "-"}
	for _, p := range parents {
		args = append(args, "-p", p)
	}
	return s.run(name, message, args...)
}

// head returns the commit of a branch, empty where there is no such branch.
func (s *Server) head(name, branch string) string {
	id, err := s.run(name, "", "rev-parse", "--verify", "--quiet", "refs/heads/"+branch+"^{commit}")
	if err != nil {
		return ""
	}
	return id
}

// modeOf returns the mode of a file of a commit, empty where there is no such file.
func (s *Server) modeOf(name, commit, path string) string {
	line, err := s.run(name, "", "ls-tree", commit, "--", path)
	if err != nil {
		return ""
	}
	mode, _, _ := strings.Cut(line, " ")
	return mode
}

// Show returns what a file holds on a branch of a repository.
func (s *Server) Show(name, branch, path string) (string, error) {
	return s.run(name, "", "show", "refs/heads/"+branch+":"+path)
}

// Log returns the subjects of a branch's commits, the newest first.
func (s *Server) Log(name, branch string) ([]string, error) {
	out, err := s.run(name, "", "log", "--format=%s", "refs/heads/"+branch)
	return strings.Split(out, "\n"), err
}
