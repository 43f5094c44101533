package e2e_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/driftless-gitops/driftless/internal/demo"
	"github.com/driftless-gitops/driftless/internal/sandbox/access"
	"github.com/driftless-gitops/driftless/internal/sandbox/lambda/policy"
)

// byOthers are rights that no call through the gateway shows, by role, statement and action,
// each with who uses them: what AWS itself does in a role's name, and what happens to nobody
// in these tests.
var byOthers = map[string]string{
	"* Log logs:CreateLogStream":                                             "Lambda writes the function's log",
	"* Log logs:PutLogEvents":                                                "Lambda writes the function's log",
	"reconciler Work sqs:ReceiveMessage":                                     "Lambda polls the queue of the mapping",
	"reconciler Work sqs:DeleteMessage":                                      "Lambda polls the queue of the mapping",
	"reconciler Work sqs:GetQueueAttributes":                                 "Lambda polls the queue of the mapping",
	"notifier Changes dynamodb:DescribeStream":                               "Lambda reads the stream of the mapping",
	"notifier Changes dynamodb:GetRecords":                                   "Lambda reads the stream of the mapping",
	"notifier Changes dynamodb:GetShardIterator":                             "Lambda reads the stream of the mapping",
	"notifier ListStreams dynamodb:ListStreams":                              "Lambda reads the stream of the mapping",
	"notifier DeadLetters sqs:SendMessage":                                   "Lambda sets aside what the function could not take",
	"sweeper Due dynamodb:BatchGetItem":                                      "no application's drift falls due while these tests run",
	"sweeper DeadLetters sqs:SendMessage":                                    "Lambda sets aside what the function could not take",
	"driftless-deploy Macros cloudformation:CreateChangeSet":                 "CloudFormation asks for it, on the macro, where a template calls one; the sandbox does not",
	"trigger DeadLetters sqs:SendMessage":                                    "Lambda sets aside what the function could not take",
	"driftless-drift Detect cloudformation:DetectStackResourceDrift":         "CloudFormation asks for it of whoever detects a stack's drift",
	"driftless-drift Observe cloudformation:BatchDescribeTypeConfigurations": "CloudFormation asks for it of whoever detects a stack's drift",
	"driftless-exec * *":                                                     "CloudFormation assumes it; the sandbox makes resources without",
	"driftless-drift arn:aws:iam::aws:policy/ReadOnlyAccess *":               "CloudFormation reads live resources of any type with it",
	"driftless-deploy arn:aws:iam::aws:policy/ReadOnlyAccess *":              "CloudFormation reads live resources of any type with it",
}

// refused are calls that are made though AWS refuses them, by role and by how they begin, each
// with why that does no harm.
var refused = map[string]string{
	"driftless-cdk sts:AssumeRole arn:aws:iam::" + demo.Account + ":role/cdk-hnb659fds-deploy-role-": "the CDK's command line asks for the role that deploys a stack, and publishes its assets without it",
}

// meant reports whether a refusal is of a call that is made though it is refused.
func meant(why string) bool {
	for begin := range refused {
		call := strings.SplitN(begin, " ", 3)
		if strings.HasPrefix(why, call[0]+": ") && strings.Contains(why, call[1]+" on resource: "+call[2]) {
			return true
		}
	}
	return false
}

// providers begins the roles that Terraform's providers enter a target with: what they call, and
// need, is what configurations hold. The sandbox cannot judge all of it.
const providers = "driftless-terraform-"

// held is a role's policies: those of the template, each part by itself, and all of them.
type held struct {
	grants []grant
	all    []policy.Document
}

type grant struct {
	access.Grant
	from string // the statement, or the policy of AWS's own
}

// TestWhatIsGrantedIsCalledAndWhatIsCalledIsGranted holds the policies that the CDK app made
// against the calls of all tests before it, both ways.
func TestWhatIsGrantedIsCalledAndWhatIsCalledIsGranted(t *testing.T) {
	if sharedIs != nil {
		t.Fatal(sharedIs)
	}
	seen.mu.Lock()
	defer seen.mu.Unlock()
	for call := range seen.unknown {
		if strings.HasPrefix(call, providers) {
			continue
		}
		t.Errorf("nobody can tell whether this is allowed: %s", call)
	}
	for why := range seen.denied {
		if !meant(why) {
			t.Errorf("refused: %s", why)
		}
	}
	roles := rolesOf(t)
	var table []string
	reasons := maps.Clone(byOthers)
	for _, role := range slices.Sorted(maps.Keys(roles)) {
		if strings.HasPrefix(role, providers) {
			continue
		}
		h := roles[role]
		for text, r := range seen.asked[role] {
			if policy.Identity(h.all, r) != policy.Allow && !slices.ContainsFunc(slices.Collect(maps.Keys(refused)), func(begin string) bool { return strings.HasPrefix(role+" "+text, begin) }) {
				t.Errorf("called, and not granted: %s %s", role, text)
			}
		}
		for _, g := range h.grants {
			reason, calls := reasonOf(role, g), g.called(seen.asked[role])
			row := fmt.Sprintf("%-16s %-14s %-45s %s %s", role, g.from, g.Action, g.Resource, g.Key)
			switch {
			case calls > 0 && reason == "":
				table = append(table, fmt.Sprintf("called %4d  %s", calls, row))
			case calls > 0:
				t.Errorf("called, and listed as not: remove it from the list: %s", row)
			case reason != "":
				table = append(table, fmt.Sprintf("by others    %s", row))
				delete(reasons, reason)
			case allTests():
				t.Errorf("granted, and never called: %s", row)
			}
		}
	}
	if !allTests() {
		t.Log("some tests did not run: what is granted and was not called is not looked at")
		return
	}
	for key := range reasons {
		t.Errorf("listed, and not granted: remove it from the list: %s", key)
	}
	t.Logf("%d rights, each called or listed:\n%s", len(table), strings.Join(table, "\n"))
}

// called counts the kinds of calls that the grant allows.
func (g grant) called(asked map[string]policy.Request) (n int) {
	for _, r := range asked {
		if g.Covers(r) {
			n++
		}
	}
	return n
}

// reasonOf returns the entry of the list that a grant stands under, nothing where there is none.
func reasonOf(role string, g grant) string {
	for _, key := range []string{role + " " + g.from + " " + g.Action, "* " + g.from + " " + g.Action, role + " " + g.from + " *", role + " * *"} {
		if byOthers[key] != "" {
			return key
		}
	}
	return ""
}

// allTests reports whether all tests run, not those alone that somebody asked for.
func allTests() bool {
	return flag.Lookup("test.run").Value.String() == "" && flag.Lookup("test.skip").Value.String() == ""
}

// rolesOf reads the roles of the installation from IAM, as they were deployed.
func rolesOf(t *testing.T) map[string]held {
	t.Helper()
	client := iam.NewFromConfig(config(t))
	roles := map[string]held{}
	for pages := iam.NewListRolesPaginator(client, &iam.ListRolesInput{}); pages.HasMorePages(); {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range page.Roles {
			if name, ok := ourRole(*r.Arn); ok && !strings.HasPrefix(name, "driftless-verify-") { // a function of a test's own
				roles[name] = policiesOf(t, client, *r.RoleName)
			}
		}
	}
	if len(roles) != 14 {
		t.Fatalf("the installation has the roles %v, want those of six functions, two projects, deploy, drift, exec, the CDK and two of terraform's providers", slices.Sorted(maps.Keys(roles)))
	}
	return roles
}

// policiesOf reads what a role has, inline and attached.
func policiesOf(t *testing.T, client *iam.Client, role string) held {
	t.Helper()
	var h held
	inline, err := client.ListRolePolicies(t.Context(), &iam.ListRolePoliciesInput{RoleName: &role})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range inline.PolicyNames {
		p, err := client.GetRolePolicy(t.Context(), &iam.GetRolePolicyInput{RoleName: &role, PolicyName: &name})
		if err != nil {
			t.Fatal(err)
		}
		h.add(t, *p.PolicyDocument, "")
	}
	attached, err := client.ListAttachedRolePolicies(t.Context(), &iam.ListAttachedRolePoliciesInput{RoleName: &role})
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range attached.AttachedPolicies {
		p, err := client.GetPolicy(t.Context(), &iam.GetPolicyInput{PolicyArn: a.PolicyArn})
		if err != nil {
			t.Fatal(err)
		}
		v, err := client.GetPolicyVersion(t.Context(), &iam.GetPolicyVersionInput{PolicyArn: a.PolicyArn, VersionId: p.Policy.DefaultVersionId})
		if err != nil {
			t.Fatal(err)
		}
		from := ""
		if strings.HasPrefix(*a.PolicyArn, "arn:aws:iam::aws:policy/") {
			from = *a.PolicyArn
		}
		h.add(t, aws.ToString(v.PolicyVersion.Document), from)
	}
	return h
}

// add takes a policy apart. One of AWS's own is a single right.
func (h *held) add(t *testing.T, document, from string) {
	t.Helper()
	if !json.Valid([]byte(document)) {
		plain, err := url.PathUnescape(document)
		if err != nil {
			t.Fatal(err)
		}
		document = plain
	}
	d, err := policy.Parse([]byte(document))
	if err != nil {
		t.Fatal(err)
	}
	h.all = append(h.all, d)
	if from != "" {
		h.grants = append(h.grants, grant{access.Grant{Action: "*"}, from})
		return
	}
	for _, g := range access.Grants(d) {
		h.grants = append(h.grants, grant{g, g.Sid})
	}
}
