package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/driftless-gitops/driftless/internal/sandbox/lambda/policy"
)

func TestWhoMayDoWhat(t *testing.T) {
	var b strings.Builder
	made := synthesised.usual
	for _, id := range slices.Sorted(maps.Keys(made.of("AWS::IAM::Role"))) {
		role := made.Resources[id].Properties
		fmt.Fprintf(&b, "%s\n", withoutHash(id))
		for _, s := range statements(role["AssumeRolePolicyDocument"]) {
			fmt.Fprintf(&b, "  trusts %s%s\n", text(s["Principal"]), condition(s))
		}
		for _, arn := range asList(role["ManagedPolicyArns"]) {
			fmt.Fprintf(&b, "  has %s\n", text(arn))
		}
		for _, p := range asList(role["Policies"]) {
			describe(&b, p.(map[string]any)["PolicyDocument"])
		}
	}
	for _, id := range slices.Sorted(maps.Keys(made.of("AWS::IAM::ManagedPolicy"))) {
		fmt.Fprintf(&b, "%s\n", id)
		describe(&b, made.Resources[id].Properties["PolicyDocument"])
	}
	golden(t, "rights.golden", withoutHash(b.String()))
}

// describe writes a policy, a line for each statement.
func describe(b *strings.Builder, document any) {
	for _, s := range statements(document) {
		actions, resources := s["Action"], s["Resource"]
		does, on := "", ""
		if actions == nil {
			actions, does = s["NotAction"], "all but "
		}
		if resources == nil {
			resources, on = s["NotResource"], "all but "
		}
		fmt.Fprintf(b, "  %s %s: %s%s on %s%s%s\n", strings.ToLower(text(s["Effect"])), text(s["Sid"]), does, text(actions), on, text(resources), condition(s))
	}
}

func condition(s map[string]any) string {
	if s["Condition"] == nil {
		return ""
	}
	return " if " + text(s["Condition"])
}

// statements returns the statements of a policy document.
func statements(document any) []map[string]any {
	var all []map[string]any
	for _, s := range asList(document.(map[string]any)["Statement"]) {
		all = append(all, s.(map[string]any))
	}
	return all
}

// asList returns a list as such, and what stands alone as a list of one. Of a choice it
// takes the first.
func asList(v any) []any {
	switch v := v.(type) {
	case nil:
		return nil
	case []any:
		return v
	case map[string]any:
		if choice, ok := v["Fn::If"].([]any); ok {
			return asList(choice[1])
		}
	}
	return []any{v}
}

// granted calls f with every statement of every role and managed policy that allows.
func (t template) granted(f func(owner string, statement map[string]any)) {
	for id, r := range t.Resources {
		documents := []any{r.Properties["PolicyDocument"]}
		if r.Type == "AWS::IAM::Role" {
			documents = nil
			for _, p := range asList(r.Properties["Policies"]) {
				documents = append(documents, p.(map[string]any)["PolicyDocument"])
			}
		} else if r.Type != "AWS::IAM::ManagedPolicy" {
			continue
		}
		for _, d := range documents {
			for _, s := range statements(d) {
				if s["Effect"] == "Allow" {
					f(withoutHash(id), s)
				}
			}
		}
	}
}

func TestNoRightNamesActionsByWildcard(t *testing.T) {
	synthesised.far.granted(func(owner string, s map[string]any) {
		// What is not named is allowed by the boundary, which grants nothing by itself.
		if owner == "Boundary" && s["NotAction"] != nil {
			return
		}
		if s["Action"] == nil || strings.Contains(text(s["Action"]), "*") {
			t.Errorf("%s: %v", owner, s)
		}
	})
}

func TestRightsOnEverythingAreListedWithTheirReason(t *testing.T) {
	reasons := map[string]string{
		"notifierRole ListStreams":  "IAM knows no resource for ListStreams",
		"DriftRole Observe":         "a drift detection is found by its id, not by its stack",
		"DriftRole Undeclared":      "Cloud Control reads a resource of any type by its id; a type is described by its name",
		"DriftRole Alarms":          "who may see some alarms alone is told of no composite one",
		"Boundary NoAdministration": "it is the most that a role may do, and grants nothing",
	}
	synthesised.usual.granted(func(owner string, s map[string]any) {
		for _, r := range asList(s["Resource"]) {
			if r != "*" {
				continue
			}
			if key := owner + " " + text(s["Sid"]); reasons[key] == "" {
				t.Errorf("%s is allowed on everything, and nobody says why", key)
			} else {
				delete(reasons, key)
			}
		}
	})
	for key := range reasons {
		t.Errorf("%s is no longer allowed on everything: remove it here", key)
	}
}

func TestOnlyTheReconcilerReachesGitAndOtherAccounts(t *testing.T) {
	synthesised.far.granted(func(owner string, s map[string]any) {
		function, ok := strings.CutSuffix(owner, "Role")
		if !ok || !slices.Contains(functionNames(), function) {
			return
		}
		for _, action := range asList(s["Action"]) {
			service, _, _ := strings.Cut(text(action), ":")
			if slices.Contains([]string{"cloudformation", "iam", "kms", "lambda"}, service) {
				t.Errorf("%s may %s", function, action)
			}
			if service == "secretsmanager" && function != "reconciler" && function != "notifier" {
				t.Errorf("%s may %s", function, action)
			}
			if slices.Contains([]string{"codecommit", "sts"}, service) && function != "reconciler" {
				t.Errorf("%s may %s", function, action)
			}
		}
	})
	var assumed []string
	synthesised.far.granted(func(owner string, s map[string]any) {
		if s["Action"] == "sts:AssumeRole" && owner == "reconcilerRole" {
			for _, r := range asList(s["Resource"]) {
				assumed = append(assumed, text(r))
			}
		}
	})
	want := []string{
		"arn:${AWS::Partition}:iam::${AWS::AccountId}:role/driftless-deploy", "arn:${AWS::Partition}:iam::${AWS::AccountId}:role/driftless-drift",
		"arn:aws:iam::222233334444:role/ci", "arn:${AWS::Partition}:iam::222233334444:role/driftless-drift",
	}
	slices.Sort(want)
	slices.Sort(assumed)
	if diff := cmp.Diff(want, assumed); diff != "" {
		t.Error(diff)
	}
}

func TestEveryTrustSaysOnWhoseBehalf(t *testing.T) {
	for id, r := range synthesised.usual.of("AWS::IAM::Role") {
		for _, s := range statements(r.Properties["AssumeRolePolicyDocument"]) {
			principal, when := text(s["Principal"]), condition(s)
			switch {
			case strings.Contains(principal, `"codebuild.amazonaws.com"`) && !strings.Contains(when, `"ArnEquals":{"aws:SourceArn":`):
				t.Errorf("%s trusts every project: %s", id, when)
			case strings.Contains(principal, `"Service"`) && strings.Contains(when, `"StringEquals":{"aws:SourceAccount":{"Ref":"AWS::AccountId"}}`):
			case (strings.Contains(principal, "reconcilerRole") || id == "CDKRole" && strings.Contains(principal, "planRole") && !strings.Contains(principal, "applyRole") || strings.HasPrefix(id, "Terraform") && strings.Contains(principal, "applyRole")) && strings.Contains(when, `"StringEquals":{"sts:ExternalId":{"Fn::Select":[2,`):
			default:
				t.Errorf("%s trusts %s%s", id, principal, when)
			}
		}
	}
}

// What a call carries: its action, what it is about, and the condition keys that AWS sets
// for it (Service Authorization Reference, CloudFormation and IAM).
const stack = "arn:aws:cloudformation:eu-west-1:111122223333:stack/"

func TestTargetRoles(t *testing.T) {
	exec := map[string]string{"cloudformation:RoleArn": "arn:aws:iam::111122223333:role/driftless-exec"}
	admin := map[string]string{"cloudformation:RoleArn": "arn:aws:iam::111122223333:role/admin"}
	named := func(name string) map[string]string { return map[string]string{"cloudformation:ChangeSetName": name} }
	with := func(m map[string]string, k, v string) map[string]string { m = maps.Clone(m); m[k] = v; return m }
	for name, c := range map[string]struct {
		role, action, resource string
		context                map[string]string
		want                   policy.Decision
	}{
		"plans with the exec role":                 {"DeployRole", "cloudformation:CreateChangeSet", stack + "prod/1", exec, policy.Allow},
		"plans a stack that is not there yet":      {"DeployRole", "cloudformation:CreateChangeSet", stack + "prod/*", exec, policy.Allow},
		"never plans with another role":            {"DeployRole", "cloudformation:CreateChangeSet", stack + "prod/1", admin, policy.Silent},
		"never plans without a role":               {"DeployRole", "cloudformation:CreateChangeSet", stack + "prod/1", nil, policy.Silent},
		"plans a template of our bucket":           {"DeployRole", "cloudformation:CreateChangeSet", stack + "prod/1", with(exec, "cloudformation:TemplateUrl", "https://driftless-artefacts-111122223333-eu-west-1.s3.eu-west-1.amazonaws.com/a"), policy.Allow},
		"never plans a template of another bucket": {"DeployRole", "cloudformation:CreateChangeSet", stack + "prod/1", with(exec, "cloudformation:TemplateUrl", "https://evil.s3.eu-west-1.amazonaws.com/a"), policy.Silent},
		"never plans Driftless's own stack":        {"DeployRole", "cloudformation:CreateChangeSet", stack + "Driftless/1", exec, policy.Deny},
		"executes its own change set":              {"DeployRole", "cloudformation:ExecuteChangeSet", stack + "prod/1", named("driftless-01-1"), policy.Allow},
		"never executes somebody else's":           {"DeployRole", "cloudformation:ExecuteChangeSet", stack + "prod/1", named("release"), policy.Silent},
		"deletes its own change set":               {"DeployRole", "cloudformation:DeleteChangeSet", stack + "prod/1", named("driftless-01-1"), policy.Allow},
		"never deletes somebody else's":            {"DeployRole", "cloudformation:DeleteChangeSet", stack + "prod/1", named("release"), policy.Silent},
		"goes on with a rollback":                  {"DeployRole", "cloudformation:ContinueUpdateRollback", stack + "prod/1", exec, policy.Allow},
		"never goes on with another role":          {"DeployRole", "cloudformation:ContinueUpdateRollback", stack + "prod/1", admin, policy.Silent},
		"never rolls back Driftless":               {"DeployRole", "cloudformation:RollbackStack", stack + "Driftless/1", exec, policy.Deny},
		"removes an empty shell":                   {"DeployRole", "cloudformation:DeleteStack", stack + "prod/1", nil, policy.Allow},
		"never removes Driftless":                  {"DeployRole", "cloudformation:DeleteStack", stack + "Driftless/1", nil, policy.Deny},
		"never updates a stack without a plan":     {"DeployRole", "cloudformation:UpdateStack", stack + "prod/1", exec, policy.Silent},
		"never makes a stack without a plan":       {"DeployRole", "cloudformation:CreateStack", stack + "prod/1", exec, policy.Silent},
		"never lifts a stack's protection":         {"DeployRole", "cloudformation:UpdateTerminationProtection", stack + "prod/1", nil, policy.Silent},
		"hands CloudFormation the exec role":       {"DeployRole", "iam:PassRole", "arn:aws:iam::111122223333:role/driftless-exec", map[string]string{"iam:PassedToService": "cloudformation.amazonaws.com"}, policy.Allow},
		"hands nobody else the exec role":          {"DeployRole", "iam:PassRole", "arn:aws:iam::111122223333:role/driftless-exec", map[string]string{"iam:PassedToService": "lambda.amazonaws.com"}, policy.Silent},
		"hands over no other role":                 {"DeployRole", "iam:PassRole", "arn:aws:iam::111122223333:role/admin", map[string]string{"iam:PassedToService": "cloudformation.amazonaws.com"}, policy.Silent},
		"reads no secret while planning":           {"DeployRole", "secretsmanager:GetSecretValue", "arn:aws:secretsmanager:eu-west-1:111122223333:secret:a", nil, policy.Deny},
		"reads code of its own bucket":             {"DeployRole", "s3:GetObject", "arn:aws:s3:::driftless-artefacts-111122223333-eu-west-1/a", map[string]string{"s3:ResourceAccount": "111122223333"}, policy.Allow},
		"reads no other object":                    {"DeployRole", "s3:GetObject", "arn:aws:s3:::payroll/a", map[string]string{"s3:ResourceAccount": "111122223333"}, policy.Deny},
		"keeps code in its own bucket":             {"DeployRole", "s3:PutObject", "arn:aws:s3:::driftless-artefacts-111122223333-eu-west-1/a", map[string]string{"s3:ResourceAccount": "111122223333"}, policy.Allow},
		"learns that code is not there yet":        {"DeployRole", "s3:ListBucket", "arn:aws:s3:::driftless-artefacts-111122223333-eu-west-1", map[string]string{"s3:ResourceAccount": "111122223333"}, policy.Allow},
		"never removes code":                       {"DeployRole", "s3:DeleteObject", "arn:aws:s3:::driftless-artefacts-111122223333-eu-west-1/a", map[string]string{"s3:ResourceAccount": "111122223333"}, policy.Silent},
		"calls no macro that nobody allowed":       {"DeployRole", "cloudformation:CreateChangeSet", "arn:aws:cloudformation:eu-west-1:aws:transform/Include", nil, policy.Silent},
		"writes no bucket that took the name":      {"DeployRole", "s3:PutObject", "arn:aws:s3:::driftless-artefacts-111122223333-x/a", map[string]string{"s3:ResourceAccount": "999999999999"}, policy.Silent},
		"asks a function whether all is well":      {"DeployRole", "lambda:InvokeFunction", "arn:aws:lambda:eu-west-1:111122223333:function:driftless-verify-shop", nil, policy.Allow},
		"runs no other function":                   {"DeployRole", "lambda:InvokeFunction", "arn:aws:lambda:eu-west-1:111122223333:function:shop", nil, policy.Silent},
		"runs no function of Driftless's":          {"DeployRole", "lambda:InvokeFunction", "arn:aws:lambda:eu-west-1:111122223333:function:driftless-reconciler", nil, policy.Silent},
		"sees alarms":                              {"DriftRole", "cloudwatch:DescribeAlarms", "*", nil, policy.Allow},
		"runs no function while looking":           {"DriftRole", "lambda:InvokeFunction", "arn:aws:lambda:eu-west-1:111122223333:function:driftless-verify-shop", nil, policy.Silent},
		"detects drift":                            {"DriftRole", "cloudformation:DetectStackDrift", stack + "prod/1", nil, policy.Allow},
		"follows a detection":                      {"DriftRole", "cloudformation:DescribeStackDriftDetectionStatus", "*", nil, policy.Allow},
		"plans nothing while looking":              {"DriftRole", "cloudformation:CreateChangeSet", stack + "prod/1", exec, policy.Silent},
		"reads no record while looking":            {"DriftRole", "dynamodb:GetItem", "arn:aws:dynamodb:eu-west-1:111122223333:table/a", nil, policy.Deny},
		"reads no webhook secret while looking":    {"DriftRole", "ssm:GetParameter", "arn:aws:ssm:eu-west-1:111122223333:parameter/driftless/webhook/a", nil, policy.Deny},
		"makes a role inside the boundary":         {"ExecRole", "iam:CreateRole", "arn:aws:iam::111122223333:role/prod-app", map[string]string{"iam:PermissionsBoundary": "arn:aws:iam::111122223333:policy/Boundary"}, policy.Allow},
		"makes no role without it":                 {"ExecRole", "iam:CreateRole", "arn:aws:iam::111122223333:role/prod-app", nil, policy.Silent},
		"reads code and nested templates":          {"ExecRole", "s3:GetObject", "arn:aws:s3:::driftless-artefacts-111122223333-eu-west-1/a", map[string]string{"s3:ResourceAccount": "111122223333"}, policy.Allow},
		"plants no code for others":                {"ExecRole", "s3:PutObject", "arn:aws:s3:::driftless-artefacts-111122223333-eu-west-1/a", nil, policy.Deny},
		"opens the code to nobody":                 {"ExecRole", "s3:PutBucketPolicy", "arn:aws:s3:::driftless-artefacts-111122223333-eu-west-1", nil, policy.Deny},
		"takes the boundary off no role":           {"ExecRole", "iam:DeleteRolePermissionsBoundary", "arn:aws:iam::111122223333:role/prod-app", nil, policy.Deny},
		"changes no role of Driftless":             {"ExecRole", "iam:PutRolePolicy", "arn:aws:iam::111122223333:role/driftless-deploy", map[string]string{"iam:PermissionsBoundary": "arn:aws:iam::111122223333:policy/Boundary"}, policy.Deny},
		"hands no function a role of Driftless":    {"ExecRole", "iam:PassRole", "arn:aws:iam::111122223333:role/Driftless-reconcilerRole1", nil, policy.Deny},
		"changes no boundary":                      {"ExecRole", "iam:CreatePolicyVersion", "arn:aws:iam::111122223333:policy/driftless-boundary", nil, policy.Deny},
		"may be let make a function for a check":   {"ExecRole", "lambda:CreateFunction", "arn:aws:lambda:eu-west-1:111122223333:function:driftless-verify-shop", nil, policy.Silent},
		"changes no function of Driftless":         {"ExecRole", "lambda:UpdateFunctionCode", "arn:aws:lambda:eu-west-1:111122223333:function:driftless-reconciler", nil, policy.Deny},
		"reads no token of Driftless":              {"ExecRole", "secretsmanager:GetSecretValue", "arn:aws:secretsmanager:eu-west-1:111122223333:secret:driftless/git/a-x1y2z3", nil, policy.Deny},
		"changes no record of Driftless":           {"ExecRole", "dynamodb:PutItem", "arn:aws:dynamodb:eu-west-1:111122223333:table/Driftless-Table1", nil, policy.Deny},
	} {
		t.Run(strings.TrimSuffix(c.role, "Role")+" "+name, func(t *testing.T) {
			request := policy.Request{Action: c.action, Resource: c.resource, Context: c.context}
			if got := policy.Identity(synthesised.usual.policies(t, c.role), request); got != c.want {
				t.Errorf("%s on %s with %v: %s; want %s", c.action, c.resource, c.context, got, c.want)
			}
		})
	}
}

func TestAMacroIsCalledWhereTheContextNamesIt(t *testing.T) {
	for _, c := range []struct {
		where template
		want  map[string]policy.Decision
	}{
		{synthesised.usual, map[string]policy.Decision{"Include": policy.Silent, "Serverless-2016-10-31": policy.Allow}},
		{synthesised.far, map[string]policy.Decision{"Include": policy.Allow, "LanguageExtensions": policy.Allow, "Serverless-2016-10-31": policy.Silent}},
	} {
		rights := c.where.policies(t, "DeployRole")
		for macro, want := range c.want {
			request := policy.Request{Action: "cloudformation:CreateChangeSet", Resource: "arn:aws:cloudformation:eu-west-1:aws:transform/" + macro}
			if got := policy.Identity(rights, request); got != want {
				t.Errorf("%s: %s; want %s", macro, got, want)
			}
		}
	}
}

// policies returns the policies of a role that the template spells out, as they read in
// account 111122223333.
func (t template) policies(test *testing.T, id string) []policy.Document {
	test.Helper()
	role := t.Resources[id].Properties
	var documents []any
	for _, p := range asList(role["Policies"]) {
		documents = append(documents, p.(map[string]any)["PolicyDocument"])
	}
	for _, arn := range asList(role["ManagedPolicyArns"]) {
		if choice, ok := arn.(map[string]any)["Fn::If"].([]any); ok {
			arn = choice[1]
			if made := text(t.Conditions[choice[0].(string)]); strings.Contains(made, `["",""]`) {
				continue
			}
		}
		if ref, ok := arn.(map[string]any)["Ref"].(string); ok {
			documents = append(documents, t.Resources[ref].Properties["PolicyDocument"])
		}
	}
	var parsed []policy.Document
	for _, d := range documents {
		data, err := json.Marshal(literal(d))
		if err != nil {
			test.Fatal(err)
		}
		p, err := policy.Parse(data)
		if err != nil {
			test.Fatal(err)
		}
		parsed = append(parsed, p)
	}
	return parsed
}

// literal resolves what a policy refers to.
func literal(v any) any {
	switch v := v.(type) {
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = literal(v[i])
		}
		return out
	case map[string]any:
		for k := range v {
			if parts, ok := v["Fn::Split"].([]any); ok {
				return strings.Split(literal(parts[1]).(string), parts[0].(string))
			}
			if k == "Ref" || strings.HasPrefix(k, "Fn::") {
				return strings.NewReplacer("${AWS::Partition}", "aws", "${AWS::AccountId}", "111122223333", "${AWS::Region}", "eu-west-1",
					"${AWS::URLSuffix}", "amazonaws.com", "${Boundary}", "arn:aws:iam::111122223333:policy/Boundary").Replace(text(v))
			}
		}
		out := map[string]any{}
		for k, e := range v {
			out[k] = literal(e)
		}
		return out
	}
	return v
}
