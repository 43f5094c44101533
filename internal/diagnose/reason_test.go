package diagnose

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/driftless-gitops/driftless/internal/gitops"
)

var jobs = gitops.Application{ID: "jobs", Settings: gitops.Settings{Name: "jobs", Target: gitops.Target{Account: "111122223333", Region: "eu-west-1"},
	CloudFormation: gitops.CloudFormation{Stack: "prod-jobs"}}}

// Texts as AWS, Terraform and Driftless write them, and what the first step or the reason must say.
func TestEveryWellKnownReasonIsToldByItsWords(t *testing.T) {
	seen := map[string]bool{}
	for text, test := range map[string]struct{ reason, says string }{
		"Role arn:aws:iam::111122223333:role/driftless-exec is invalid or cannot be assumed":                                                                                                                                            {"a role that cannot be assumed", "target-role.yaml"},
		"User: arn:aws:sts::1:assumed-role/x/y is not authorized to perform: sts:AssumeRole on resource: arn:aws:iam::2:role/z":                                                                                                         {"a role that cannot be assumed", "target-role.yaml"},
		"Resource handler returned message: \"User: arn:aws:sts::1:assumed-role/driftless-exec/AWSCloudFormation is not authorized to perform: sqs:CreateQueue on resource: arn:aws:sqs:eu-west-1:1:a because no identity-based policy": {"a missing right", "allow sqs:CreateQueue on arn:aws:sqs:eu-west-1:1:a in a policy that ExecPolicies"},
		"denied: User: arn:aws:sts::1:assumed-role/driftless-deploy/r is not authorized to perform: cloudformation:ListStackResources on resource: arn:aws:cloudformation:eu-west-1:1:stack/a/*":                                        {"a missing right", "deploy templates/target-role.yaml of this version"},
		"User: arn:aws:iam::1:user/ann is not authorized to perform: ssm:GetParameter":                                                                                                                                                  {"a missing right", "allow ssm:GetParameter to arn:aws:iam::1:user/ann"},
		"(RequestToken: 1, HandlerErrorCode: AccessDenied)":                                                                                                                                                                             {"a refusal without a name", "CloudTrail"},
		"Requires capabilities : [CAPABILITY_NAMED_IAM]":                                                                                                                                                                                {"a capability that is missing", "capabilities: [CAPABILITY_NAMED_IAM]"},
		"Export prod-vpc cannot be deleted as it is in use by app and web":                                                                                                                                                              {"an export that is in use", "take the import out of app and web"},
		"resource sg-1 has a dependent object (Service: Ec2, Status Code: 400) (RequestToken: 1, HandlerErrorCode: InvalidRequest)":                                                                                                     {"a dependency that is in use", "end what uses it"},
		"The bucket you tried to delete is not empty":                                                                                                                                                                                   {"a dependency that is in use", "empty it"},
		"ChangeSet limit exceeded for stack arn:aws:cloudformation:eu-west-1:1:stack/a/b":                                                                                                                                               {"a full stack of change sets", "description"},
		"The maximum number of VPCs has been reached. (RequestToken: 1, HandlerErrorCode: ServiceLimitExceeded)":                                                                                                                        {"a limit", "aws service-quotas"},
		"Rate exceeded (Service: Lambda, Status Code: 429) (RequestToken: 1, HandlerErrorCode: Throttling)":                                                                                                                             {"too many calls", ""},
		"Resource of type 'AWS::SQS::Queue' with identifier 'a' already exists. (RequestToken: 1, HandlerErrorCode: AlreadyExists)":                                                                                                     {"a name that is taken", "importExisting: true"},
		"it is there (NAME_CONFLICT_VALIDATION)":                                                                                                                                                                                        {"a name that is taken", "importExisting: true"},
		"No updates are to be performed.":                                                                                                                                                                                               {"nothing to do", "nothing"},
		"the state is locked by ann@laptop since 2026-11-21T09:00:00Z for OperationTypeApply, lock 1-2: if whoever that is has ended, remove it with: terraform force-unlock 1-2":                                                       {"a state that is locked", "wait for whoever holds it"},
		"build driftless-apply:1 works on the state (lock 1-2)":                                                                                                                                                                         {"a state that is locked", "wait for whoever holds it"},
		"planned twice, and both plans were stale when they were applied: the saved plan is stale: the state was changed since it was made":                                                                                             {"a plan that is stale", "end what else changes the state"},
		"CodeBuild has no room: Cannot have more than 1 builds in queue for the account":                                                                                                                                                {"no room for a build", "wait"},
		"Resource of type 'AWS::SQS::Queue' with identifier 'a' was not found. (RequestToken: 1, HandlerErrorCode: NotFound)":                                                                                                           {"a resource that is gone", "driftless drift jobs --detect"},
		"Resource timed out waiting for completion (RequestToken: 1, HandlerErrorCode: NotStabilized)":                                                                                                                                  {"a resource that does not settle", "logs"},
		"Internal error (RequestToken: 1, HandlerErrorCode: ServiceInternalError)":                                                                                                                                                      {"a fault of AWS's", ""},
		"User Initiated": {"an update that was cancelled", "CancelUpdateStack"},
		"stack a is bound to role arn:aws:iam::1:role/admin, but arn:aws:iam::1:role/driftless-exec is configured: a stack keeps its role": {"a stack of another role", "role: arn:aws:iam::1:role/admin }"},
	} {
		i := slices.IndexFunc(reasons, func(r reason) bool { return r.words.MatchString(text) })
		if i < 0 || reasons[i].name != test.reason {
			t.Errorf("%q is told as %d, want %s", text, i, test.reason)
			continue
		}
		seen[test.reason] = true
		f := known(jobs, text, Finding{})
		said := ""
		if len(f.Steps) > 0 {
			said = f.Steps[0].Do + "\n" + f.Steps[0].Command
		}
		if !strings.Contains(said, test.says) || f.Why == "" || strings.Contains(f.Why, "$") || !strings.HasPrefix(f.Source, "https://") {
			t.Errorf("%q: %+v", text, f)
		}
	}
	for _, r := range reasons {
		if !seen[r.name] {
			t.Errorf("no text shows %s", r.name)
		}
	}
}

func TestWhatIsNotKnownIsNotExplained(t *testing.T) {
	f := Finding{What: "the queue is on fire", Steps: []Step{{Do: "put it out"}}}
	if diff := cmp.Diff(f, known(jobs, "the queue is on fire", f)); diff != "" {
		t.Error(diff)
	}
}
