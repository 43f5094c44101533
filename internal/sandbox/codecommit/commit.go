package codecommit

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"

	"github.com/driftless-gitops/driftless/internal/sandbox/wire"
)

// putFile is a file that a commit adds or replaces.
type putFile struct {
	FilePath    string          `json:"filePath"`
	FileMode    string          `json:"fileMode"`
	FileContent []byte          `json:"fileContent"` // as base64
	SourceFile  json.RawMessage `json:"sourceFile"`
}

// modes are git's words for CodeCommit's. A link is not made here.
var modes = map[string]string{"": "100644", "NORMAL": "100644", "EXECUTABLE": "100755"}

// largestFile is what one file of a commit may have (user guide, "Quotas").
const largestFile = 6 << 20

// createCommit makes a commit on the tip of a branch (API reference, CreateCommit). It adds
// and replaces files; what else the call can do is refused by name.
func (s *Service) createCommit(ctx context.Context, r *repository, in request) (any, error) {
	r.pushing.Lock()
	defer r.pushing.Unlock()
	heads, err := r.refs(branchPrefix)
	if err != nil {
		return nil, err
	}
	ref := branchPrefix + in.BranchName
	tip, there := heads[ref]
	switch {
	case in.BranchName == "":
		return nil, &wire.Error{Code: "BranchNameRequiredException", Message: "A branch name is required, but was not specified."}
	case !there:
		return nil, &wire.Error{Code: "BranchDoesNotExistException", Message: "Branch " + in.BranchName + " does not exist"}
	case in.ParentCommitID == "":
		return nil, &wire.Error{Code: "ParentCommitIdRequiredException", Message: "A parent commit ID is required."}
	case in.ParentCommitID != tip:
		return nil, &wire.Error{Code: "ParentCommitIdOutdatedException", Message: "The parent commit ID is not valid, since it is not the tip of the branch, " + tip}
	}
	if err := checkFiles(in); err != nil {
		return nil, err
	}
	tree, commit, err := r.commit(ctx, tip, in)
	if err != nil {
		return nil, err
	}
	if _, err := git(ctx, r.dir, "update-ref", ref, commit, tip); err != nil {
		return nil, fmt.Errorf("commit to %s: %w", in.BranchName, err)
	}
	s.announce(ctx, r, in.caller, ref, tip, commit)
	return map[string]any{"commitId": commit, "treeId": tree, "filesAdded": []any{}, "filesUpdated": []any{}, "filesDeleted": []any{}}, nil
}

// checkFiles refuses what CodeCommit refuses, and what is not there.
func checkFiles(in request) error {
	if len(in.DeleteFiles)+len(in.SetFileModes) > 0 {
		return &wire.Error{Code: "ValidationException", Message: "the sandbox's CreateCommit takes putFiles alone"}
	}
	if len(in.PutFiles) == 0 {
		return &wire.Error{Code: "FileEntryRequiredException", Message: "The commit cannot be created because no files have been specified as added, updated, or changed"}
	}
	seen := map[string]bool{}
	for _, f := range in.PutFiles {
		switch {
		case len(f.SourceFile) > 0 && string(f.SourceFile) != "null":
			return &wire.Error{Code: "ValidationException", Message: "the sandbox's CreateCommit takes no sourceFile"}
		case f.FilePath == "" || path.Clean(f.FilePath) != f.FilePath || strings.HasPrefix(f.FilePath, "/") || strings.HasPrefix(f.FilePath, ".."):
			return &wire.Error{Code: "InvalidPathException", Message: "The specified path is not valid: " + f.FilePath}
		case seen[f.FilePath]:
			return &wire.Error{Code: "SamePathRequestException", Message: "The path is there twice: " + f.FilePath}
		case modes[f.FileMode] == "":
			return &wire.Error{Code: "InvalidFileModeException", Message: "The specified file mode permission is not valid here: " + f.FileMode}
		case len(f.FileContent) > largestFile:
			return &wire.Error{Code: "FileContentSizeLimitExceededException", Message: "The file is too large: " + f.FilePath}
		}
		seen[f.FilePath] = true
	}
	return nil
}

// commit writes the tree and the commit, which no branch has yet.
func (r *repository) commit(ctx context.Context, tip string, in request) (tree, commit string, err error) {
	dir, err := os.MkdirTemp("", "commit-")
	if err != nil {
		return "", "", err
	}
	defer os.RemoveAll(dir)
	author, email := cmp.Or(in.AuthorName, in.caller.ARN), cmp.Or(in.Email, "nobody@example.com")
	environment := []string{"GIT_INDEX_FILE=" + filepath.Join(dir, "index"), "GIT_AUTHOR_NAME=" + author, "GIT_AUTHOR_EMAIL=" + email,
		"GIT_COMMITTER_NAME=" + author, "GIT_COMMITTER_EMAIL=" + email}
	run := func(input []byte, args ...string) (out string) {
		if err == nil {
			out, err = r.plumb(ctx, environment, input, args...)
		}
		return out
	}
	run(nil, "read-tree", tip)
	for _, f := range in.PutFiles {
		run(nil, "update-index", "--add", "--cacheinfo", modes[f.FileMode]+","+run(f.FileContent, "hash-object", "-w", "--stdin")+","+f.FilePath)
	}
	tree = run(nil, "write-tree")
	if before := run(nil, "rev-parse", tip+"^{tree}"); err == nil && before == tree {
		return "", "", &wire.Error{Code: "NoChangeException", Message: "The commit cannot be created because no changes will be made to the repository as a result of this commit."}
	}
	return tree, run([]byte(cmp.Or(in.CommitMessage, "Edited files")), "commit-tree", tree, "-p", tip, "-F", "-"), err
}

// plumb runs one git command in the repository with more of an environment, and an input.
func (r *repository) plumb(ctx context.Context, environment []string, input []byte, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "git", args...)
	cmd.Dir = r.dir
	cmd.Env = append(append([]string{"PATH=" + os.Getenv("PATH")}, gitEnv(r.dir)...), environment...)
	cmd.Stdin = bytes.NewReader(input)
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("git %s: %w", args[0], err)
	}
	return strings.TrimSpace(string(out)), nil
}
