package e2e_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codecommit"
	"github.com/aws/aws-sdk-go-v2/service/codecommit/types"
	"github.com/google/go-cmp/cmp"

	"github.com/driftless-gitops/driftless/internal/demo"
	"github.com/driftless-gitops/driftless/internal/gitops"
)

const commented = `# Jobs of the team.
Resources:
  Queue:   # one
    Type: AWS::SQS::Queue
    Properties:
      QueueName: 'adopted'

      VisibilityTimeout:   5   # as long as a job
`

// pulls returns the pull requests of a repository with a status.
func (r *repo) pulls(status types.PullRequestStatusEnum) []*types.PullRequest {
	r.t.Helper()
	client := codecommit.NewFromConfig(config(r.t))
	listed, err := client.ListPullRequests(r.t.Context(), &codecommit.ListPullRequestsInput{RepositoryName: &r.name, PullRequestStatus: status})
	r.must(err)
	var all []*types.PullRequest
	for _, id := range listed.PullRequestIds {
		out, err := client.GetPullRequest(r.t.Context(), &codecommit.GetPullRequestInput{PullRequestId: &id})
		r.must(err)
		all = append(all, out.PullRequest)
	}
	return all
}

func TestWhatSomebodyChangedByHandIsAdoptedReviewedMergedAndInSync(t *testing.T) {
	const name = "adopted"
	r := watch(t, mapFS(map[string]string{"driftless.yaml": file(name), "stacks/adopted/template.yaml": commented}))
	head := r.git("rev-parse", "HEAD")
	r.ends(name, head, gitops.PhaseSucceeded)
	r.must(r.stage.Sandbox.SetQueueAttribute(t.Context(), name, "VisibilityTimeout", "77"))
	if out, err := r.stage.Run(t.Context(), "drift", name, "--detect", "--exit-code"); demo.ExitCode(err) != 2 {
		t.Fatalf("the change is not found: %v\n%s", err, out)
	}

	want := strings.Replace(commented, "5   # as", "77   # as", 1)
	if out := r.cli("adopt", name, "--dry-run"); !strings.Contains(out, "-      VisibilityTimeout:   5   # as long as a job\n+      VisibilityTimeout:   77   # as long as a job\n") || len(r.pulls("OPEN")) > 0 {
		t.Errorf("a dry run opens %d pull requests, and says:\n%s", len(r.pulls("OPEN")), out)
	}
	if out := r.cli("adopt", name); !strings.Contains(out, "opened") {
		t.Errorf("it says:\n%s", out)
	}
	if out := r.cli("adopt", name); !strings.Contains(out, "there already") {
		t.Errorf("again, it says:\n%s", out)
	}
	open := r.pulls(types.PullRequestStatusEnumOpen)
	if len(open) != 1 || *open[0].PullRequestTargets[0].DestinationReference != "refs/heads/main" || !strings.Contains(aws.ToString(open[0].Description), "`/VisibilityTimeout`: `5` → `77`") {
		t.Fatalf("pull requests: %+v", open)
	}

	at := r.stage.Sandbox.GitURL(r.name)
	r.git("fetch", "-q", at, *open[0].PullRequestTargets[0].SourceReference)
	if diff := cmp.Diff(strings.TrimSpace(want), r.git("show", "FETCH_HEAD:stacks/adopted/template.yaml")); diff != "" {
		t.Errorf("the template (-want +got):\n%s", diff)
	}
	if changed := r.git("diff", "--numstat", head, "FETCH_HEAD"); strings.Join(strings.Fields(changed), " ") != "1 1 stacks/adopted/template.yaml" {
		t.Errorf("it changes %s", changed)
	}
	r.git("merge", "-q", "--ff-only", "FETCH_HEAD")
	r.git("push", "-q", at, "HEAD:main")
	r.ends(name, r.git("rev-parse", "HEAD"), gitops.PhaseSucceeded)
	if out, err := r.stage.Run(t.Context(), "drift", name, "--detect", "--exit-code"); err != nil || !strings.Contains(out, "in sync") {
		t.Errorf("after the merge: %v\n%s", err, out)
	}
	if v, _ := r.app(name); v.Sync != gitops.StatusSynced {
		t.Errorf("it is %s: %s", v.Sync, v.Message)
	}
	if got, err := r.stage.Sandbox.QueueAttribute(t.Context(), name, "VisibilityTimeout"); err != nil || got != "77" {
		t.Errorf("live VisibilityTimeout is %q, %v", got, err)
	}
	if closed := r.pulls(types.PullRequestStatusEnumClosed); len(closed) != 1 {
		t.Errorf("%d pull requests are closed", len(closed))
	}
}
