package diagnose

import (
	"regexp"
	"strings"

	"github.com/driftless-gitops/driftless/internal/gitops"
)

// The pages that say what the words of AWS and Terraform mean.
const (
	handlers     = "https://docs.aws.amazon.com/cloudformation-cli/latest/userguide/resource-type-test-contract-errors.html"
	trouble      = "https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/troubleshooting.html"
	capabilities = "https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateChangeSet.html"
	denied       = "https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html"
	quotas       = "https://docs.aws.amazon.com/servicequotas/latest/userguide/intro.html"
	exports      = "https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-stack-exports.html"
	imports      = "https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/import-resources-automatically.html"
	retries      = "https://docs.aws.amazon.com/general/latest/gr/api-retries.html"
	builds       = "https://docs.aws.amazon.com/codebuild/latest/userguide/limits.html"
	locks        = "https://developer.hashicorp.com/terraform/language/state/locking"
	stale        = "https://discuss.hashicorp.com/t/showing-what-has-changed-on-stale-plan/19728"
	nested       = "https://github.com/aws/copilot-cli/issues/5614"
)

// reason is one well-known way to fail.
type reason struct {
	name   string
	words  *regexp.Regexp // in what AWS, Terraform or Driftless says
	why    string         // $1 and so on are what the words hold
	source string         // empty: what Driftless itself says
	steps  func(a gitops.Application, m []string) []Step
}

// reasons is the table of them: the first whose words are there explains. What comes first is
// more special.
var reasons = []reason{
	{"a role that cannot be assumed", regexp.MustCompile(`(?i)Role (arn:\S+) is invalid or cannot be assumed|not authorized to perform:? sts:AssumeRole(?: on resource:? (\S+))?`),
		"the role is not there, or does not trust whoever is to assume it", trouble, func(gitops.Application, []string) []Step {
			return []Step{{Do: "deploy templates/target-role.yaml in the target account again, with the outputs of the stack Driftless"},
				{Do: "see whether the caller is set up", Command: "driftless preflight"}}
		}},
	{"a missing right", regexp.MustCompile(`(?i)(?:User: )?(arn:\S+) is not authorized to perform:? ([\w-]+:\w+)(?: on (?:the )?resource:? (\S+?)[.,;]?(?:\s|$))?`),
		"$1 lacks the right $2", denied, lacking},
	{"a refusal without a name", regexp.MustCompile(`HandlerErrorCode: AccessDenied|AccessDenied|UnauthorizedOperation|OptInRequired`),
		"AWS refused it for want of a right, and does not say which", denied, func(gitops.Application, []string) []Step {
			return []Step{{Do: "look the call up in CloudTrail's event history: it has the principal, the action and the resource"}}
		}},
	{"a capability that is missing", regexp.MustCompile(`Requires capabilities ?: ?\[([A-Z_, ]+)\]`),
		"the template makes roles or policies, or calls a macro, which CloudFormation does only where that is allowed by name", capabilities,
		func(_ gitops.Application, m []string) []Step {
			return []Step{{Do: "allow it in driftless.yaml, in a commit: capabilities: [" + m[1] + "]"}}
		}},
	{"an export that is in use", regexp.MustCompile(`Export (\S+) cannot be (?:deleted|updated|removed) as it is in use by (.+)`),
		"another stack imports $1, and an export cannot be changed or removed for as long as one does", exports,
		func(_ gitops.Application, m []string) []Step {
			return []Step{{Do: "first take the import out of " + strings.TrimRight(m[2], ". ") + " and deploy that; then this one"}}
		}},
	{"a dependency that is in use", regexp.MustCompile(`(?i)DependencyViolation|has a dependent object|is not empty|(?:currently|still) in use|ResourceInUse|DeleteConflict|must detach|HandlerErrorCode: ResourceConflict`),
		"something still uses or fills what is to be deleted or replaced", handlers, func(gitops.Application, []string) []Step {
			return []Step{{Do: "empty it, or end what uses it; what the stack did not make does not go with it"}}
		}},
	{"a full stack of change sets", regexp.MustCompile(`ChangeSet limit exceeded`),
		"CloudFormation keeps a failed change set of every nested stack that a deployment does not change, and a thousand of them stop the parent", nested,
		func(gitops.Application, []string) []Step {
			return []Step{{Do: "change the description of the nested template in a commit: its update clears them"}}
		}},
	{"a limit", regexp.MustCompile(`(?i)HandlerErrorCode: ServiceLimitExceeded|LimitExceeded|limit exceeded|exceeded (?:the |your )?(?:maximum|quota|limit)|quota`),
		"the account has reached a quota of the service", quotas, func(a gitops.Application, _ []string) []Step {
			return []Step{{Do: "see which, and how much of it is used", Command: "aws service-quotas list-services --region " + a.Settings.Target.Region},
				{Do: "remove what is not needed, or ask for more"}}
		}},
	{"too many calls", regexp.MustCompile(`(?i)Rate exceeded|Throttl|TooManyRequests|RequestLimitExceeded|SlowDown`),
		"AWS takes only so many calls a second in an account and region, whoever makes them", retries, nothing},
	{"a name that is taken", regexp.MustCompile(`(?i)HandlerErrorCode: AlreadyExists|already exists|EntityAlreadyExists|NAME_CONFLICT_VALIDATION|BucketAlreadyOwnedByYou`),
		"something of that name is there already, outside of the stack: made by hand, by another stack, or kept when an earlier one was deleted", imports,
		func(gitops.Application, []string) []Step {
			return []Step{{Do: "take it into the stack as it is, in a commit: importExisting: true in driftless.yaml, and DeletionPolicy: Retain in the template"},
				{Do: "or give it another name, or none, in the template"}, {Do: "or delete it, if nobody needs it"}}
		}},
	{"nothing to do", regexp.MustCompile(`No updates are to be performed|didn't contain changes`),
		"the template and its parameters are those that are deployed", trouble, func(gitops.Application, []string) []Step {
			return []Step{{Do: "nothing: it is deployed"}}
		}},
	{"a state that is locked", regexp.MustCompile(`(?i)state.* is locked|Error acquiring the state lock|works on the state`),
		"Terraform lets one at a time change a state; a lock whose owner was killed stays", locks, unlock},
	{"a plan that is stale", regexp.MustCompile(`(?i)saved plan is stale|both plans were stale`),
		"the state was changed after the plan was made, by somebody who works on it beside Driftless", stale, func(a gitops.Application, _ []string) []Step {
			return []Step{{Do: "end what else changes the state"}, retry(a)}
		}},
	{"no room for a build", regexp.MustCompile(`(?i)CodeBuild has no room|AccountLimitExceeded|Cannot have more than \d+ builds`),
		"the account runs as many builds as its quota allows; the next ones wait", builds, func(gitops.Application, []string) []Step {
			return []Step{{Do: "wait: it is started by itself when there is room"}, {Do: "or ask for a higher quota of concurrently running builds"}}
		}},
	{"a resource that is gone", regexp.MustCompile(`(?i)HandlerErrorCode: NotFound|NonExistentQueue|ResourceNotFound|NoSuchEntity|NoSuchBucket|does not exist|was not found`),
		"what the stack made was deleted outside of it, or the template names something that is not there", handlers, func(a gitops.Application, _ []string) []Step {
			return []Step{{Do: "see whether it is one of the stack's own", Command: "driftless drift " + a.ID + " --detect"}, {Do: "correct the name in a commit, if it is not"}}
		}},
	{"a resource that does not settle", regexp.MustCompile(`(?i)HandlerErrorCode: NotStabilized|did not stabilize|failed to stabilize|Exceeded attempts to wait|timed out`),
		"it was made, and did not come to work in time: a task that does not start, a certificate that nobody validates, a custom resource that does not answer", handlers,
		func(gitops.Application, []string) []Step {
			return []Step{{Do: "look at the resource's own logs and events for why it does not start"}}
		}},
	{"a fault of AWS's", regexp.MustCompile(`HandlerErrorCode: (?:InternalFailure|ServiceInternalError|NetworkFailure)|InternalFailure|ServiceUnavailable`),
		"the service failed by itself", handlers, nothing},
	{"an update that was cancelled", regexp.MustCompile(`^User Initiated`),
		"somebody cancelled or rolled back the update in AWS", trouble, func(gitops.Application, []string) []Step {
			return []Step{{Do: "see who in CloudTrail's event history: CancelUpdateStack or RollbackStack"}}
		}},
	{"a stack of another role", regexp.MustCompile(`is bound to role (\S+?),`),
		"a stack keeps the role that it was made with, and whoever updates it acts with that role's rights", trouble, func(_ gitops.Application, m []string) []Step {
			return []Step{{Do: "name it in driftless.yaml, in a commit: cloudformation: { role: " + m[1] + " }"}}
		}},
}

// known returns the finding with what is well known of a text, in front of the steps that it has.
func known(a gitops.Application, text string, f Finding) Finding {
	for _, r := range reasons {
		at := r.words.FindStringSubmatchIndex(text)
		if at == nil {
			continue
		}
		f.Why, f.Source = string(r.words.ExpandString(nil, r.why, text, at)), r.source
		f.Steps = append(r.steps(a, r.words.FindStringSubmatch(text)), f.Steps...)
		return f
	}
	return f
}

// nothing can be done but to try again.
func nothing(gitops.Application, []string) []Step { return nil }

// lacking says where a right that somebody lacks is given.
func lacking(_ gitops.Application, m []string) []Step {
	who, right := m[1], m[2]
	if m[3] != "" {
		right += " on " + strings.TrimRight(m[3], ".,;")
	}
	switch {
	case strings.Contains(who, "/driftless-exec/"), strings.HasSuffix(who, "/driftless-exec"):
		return []Step{{Do: "allow " + right + " in a policy that ExecPolicies of the stack driftless-target names: what templates make is made with the role driftless-exec"}}
	case strings.Contains(who, "/driftless-"):
		return []Step{{Do: "deploy templates/target-role.yaml of this version of Driftless in the target account again: its role there lacks " + right},
			{Do: "if that does not help, a service control policy or a boundary of the account denies it"}}
	}
	return []Step{{Do: "allow " + right + " to " + who}}
}

// unlock says what can be done about a lock.
func unlock(a gitops.Application, _ []string) []Step {
	steps := []Step{{Do: "wait for whoever holds it; the message says who, since when and for what"}}
	if a.Settings.Terraform != nil {
		steps = append(steps, Step{Do: "only once that has surely ended: remove the lock with terraform force-unlock and its id, where the state's backend can be reached"})
	}
	return append(steps, retry(a))
}
