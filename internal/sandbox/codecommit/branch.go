package codecommit

import (
	"context"
	"fmt"

	"github.com/driftless-gitops/driftless/internal/sandbox/wire"
)

// changeBranch makes or deletes a branch, which is announced as a push is, or makes one the
// default, which is not.
func (s *Service) changeBranch(ctx context.Context, r *repository, action string, in request) (any, error) {
	r.pushing.Lock()
	defer r.pushing.Unlock()
	heads, err := r.refs(branchPrefix)
	if err != nil {
		return nil, err
	}
	switch action {
	case "CreateBranch":
		return s.createBranch(ctx, r, heads, in)
	case "DeleteBranch":
		return s.deleteBranch(ctx, r, heads, in)
	}
	if _, ok := heads[branchPrefix+in.DefaultBranchName]; !ok {
		return nil, &wire.Error{Code: "BranchDoesNotExistException", Message: "Branch " + in.DefaultBranchName + " does not exist"}
	}
	return struct{}{}, r.setDefault(ctx, in.DefaultBranchName)
}

func (s *Service) createBranch(ctx context.Context, r *repository, heads map[string]string, in request) (any, error) {
	ref := branchPrefix + in.BranchName
	if _, ok := heads[ref]; ok {
		return nil, &wire.Error{Code: "BranchNameExistsException", Message: "Branch " + in.BranchName + " already exists"}
	}
	if _, err := git(ctx, r.dir, "cat-file", "-e", in.CommitID+"^{commit}"); err != nil {
		return nil, &wire.Error{Code: "CommitDoesNotExistException", Message: "Commit " + in.CommitID + " does not exist"}
	}
	if _, err := git(ctx, r.dir, "update-ref", ref, in.CommitID, ""); err != nil {
		return nil, fmt.Errorf("create branch %s: %w", in.BranchName, err)
	}
	s.announce(ctx, r, in.caller, ref, "", in.CommitID)
	return struct{}{}, nil
}

// deleteBranch answers without a deleted branch where there was none (API reference,
// DeleteBranch).
func (s *Service) deleteBranch(ctx context.Context, r *repository, heads map[string]string, in request) (any, error) {
	ref := branchPrefix + in.BranchName
	commit, ok := heads[ref]
	if !ok {
		return struct{}{}, nil
	}
	if ref == r.head() {
		return nil, &wire.Error{Code: "DefaultBranchCannotBeDeletedException", Message: "The default branch cannot be deleted: " + in.BranchName}
	}
	if _, err := git(ctx, r.dir, "update-ref", "-d", ref, commit); err != nil {
		return nil, fmt.Errorf("delete branch %s: %w", in.BranchName, err)
	}
	s.announce(ctx, r, in.caller, ref, commit, "")
	return map[string]any{"deletedBranch": map[string]string{"branchName": in.BranchName, "commitId": commit}}, nil
}
