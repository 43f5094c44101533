package forgetest

import (
	"fmt"
	"maps"
	"os"
	"slices"
)

// Commit makes a commit of exactly these files the newest of a reference, such as
// "refs/heads/main", on top of the one that it has, and returns the commit's id.
func (s *Server) Commit(name, ref, message string, files map[string]string) (id string, err error) {
	index, err := os.CreateTemp("", "index")
	if err != nil {
		return "", fmt.Errorf("make an index: %w", err)
	}
	_ = index.Close()
	_ = os.Remove(index.Name()) // git wants to make it itself
	defer os.Remove(index.Name())
	environment := []string{"GIT_INDEX_FILE=" + index.Name(), "GIT_AUTHOR_NAME=Ada", "GIT_AUTHOR_EMAIL=ada@example.com",
		"GIT_COMMITTER_NAME=Ada", "GIT_COMMITTER_EMAIL=ada@example.com"}
	dir := s.bare(name)
	git := func(in string, args ...string) (out string) {
		if err == nil {
			out, err = output(environment, in, "git", append([]string{"--git-dir", dir}, args...)...)
		}
		return out
	}
	for _, path := range slices.Sorted(maps.Keys(files)) {
		git("", "update-index", "--add", "--cacheinfo", "100644,"+git(files[path], "hash-object", "-w", "--stdin")+","+path)
	}
	arguments := []string{"commit-tree", "-m", message, git("", "write-tree")}
	if parent, _ := output(nil, "", "git", "--git-dir", dir, "rev-parse", "--verify", "--quiet", ref+"^{commit}"); parent != "" {
		arguments = append(arguments, "-p", parent)
	}
	id = git("", arguments...)
	git("", "update-ref", ref, id)
	if err != nil {
		return "", fmt.Errorf("commit to %s: %w", name, err)
	}
	return id, nil
}
