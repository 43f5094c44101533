package runner

import (
	"cmp"
	"fmt"
	"regexp"
	"strings"

	"github.com/driftless-gitops/driftless/internal/build"
	"github.com/driftless-gitops/driftless/internal/gitops"
)

// ofBackend is how what the S3 backend says of its state begins (seen with Terraform 1.11.4). What
// a provider is refused is told in other words.
var ofBackend = regexp.MustCompile(`^(Error (acquiring the state lock|refreshing state|loading state|saving state)|Failed to (get existing workspaces|refresh state|load state|save state))\b`)

// ended is what a call that failed is told as. A backend of the application's own that refuses is
// a person's to open, who is told to whom and for what.
func (s *session) ended(call string, r result) error {
	err := ended(call, r)
	summary, _ := firstError(r.output)
	if !s.order.Terraform.Backend || !ofBackend.MatchString(summary) || !strings.Contains(err.Error(), "StatusCode: 403") {
		return err
	}
	return blocked("the state's backend refuses %s. %v", s.needs(), err)
}

// needs says who reads and writes the state of a backend of the application's own, and which
// rights that takes (https://developer.hashicorp.com/terraform/language/backend/s3, "S3 Bucket
// Permissions"; without s3:ListBucket S3 says of a state that is not there yet that it is
// forbidden).
func (s *session) needs() string {
	bucket, key, _ := strings.Cut(strings.TrimPrefix(s.order.Terraform.State, "s3://"), "/")
	lock := build.State{Key: key}.LockKey(s.order.Terraform.Workspace)
	state, who := strings.TrimSuffix(lock, ".tflock"), cmp.Or(s.order.Access.Role, "the role of the build")
	needs := fmt.Sprintf("%s, or the role that its backend block names: it needs s3:ListBucket on %s, s3:GetObject on %s", who, bucket, state)
	switch s.job.Kind {
	case gitops.OperationApply:
		needs = strings.Replace(needs, "s3:GetObject on", "s3:GetObject and s3:PutObject on", 1)
		fallthrough
	case gitops.OperationPlan:
		needs += fmt.Sprintf(", and s3:GetObject, s3:PutObject and s3:DeleteObject on %s", lock)
	case gitops.OperationDetect, gitops.OperationCancel, gitops.OperationRecover: // which lock nothing
	}
	if strings.HasSuffix(who, ":role/driftless-terraform-plan") {
		needs += ", which that role is never granted, since it reads no data: give the target a planRole"
	}
	return needs + ` ("A backend of its own" in docs/terraform.md)`
}
