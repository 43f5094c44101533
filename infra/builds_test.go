package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"github.com/driftless-gitops/driftless/internal/sandbox/lambda/policy"
)

func TestBuildsRunOneProgramAndNothingOfARepository(t *testing.T) {
	for name, c := range map[string]struct {
		made        template
		kind, image string
	}{
		"arm64":  {synthesised.usual, "ARM_CONTAINER", "aws/codebuild/amazonlinux-aarch64-standard:3.0"},
		"x86_64": {synthesised.far, "LINUX_CONTAINER", "aws/codebuild/amazonlinux-x86_64-standard:5.0"},
	} {
		spec, err := os.ReadFile("../templates/buildspec.yaml")
		if err != nil {
			t.Fatal(err)
		}
		timeouts := map[string]any{}
		for id, p := range c.made.of("AWS::CodeBuild::Project") {
			timeouts[text(p.Properties["Name"])] = p.Properties["TimeoutInMinutes"]
			variables := map[string]string{}
			environment := p.Properties["Environment"].(map[string]any)
			for _, v := range asList(environment["EnvironmentVariables"]) {
				variables[text(v.(map[string]any)["Name"])] = text(v.(map[string]any)["Value"])
			}
			delete(environment, "EnvironmentVariables")
			for property, want := range map[string]string{
				"Source":                 text(map[string]any{"Type": "NO_SOURCE", "BuildSpec": string(spec)}),
				"Artifacts":              `{"Type":"NO_ARTIFACTS"}`,
				"Environment":            fmt.Sprintf(`{"ComputeType":"BUILD_GENERAL1_SMALL","Image":%q,"ImagePullCredentialsType":"CODEBUILD","PrivilegedMode":false,"Type":%q}`, c.image, c.kind),
				"EncryptionKey":          "alias/aws/s3",
				"QueuedTimeoutInMinutes": "480",
				"Visibility":             "PRIVATE",
				"Triggers":               "null", "BadgeEnabled": "null", "VpcConfig": "null", "Cache": "null",
			} {
				if got := text(p.Properties[property]); got != want {
					t.Errorf("%s, %s: %s is %s; want %s", name, id, property, got, want)
				}
			}
			names := []string{"DRIFTLESS_BUCKET", "DRIFTLESS_RUNNER_BUCKET", "DRIFTLESS_RUNNER_KEY", "DRIFTLESS_RUNNER_SHA256"}
			if got := slices.Sorted(maps.Keys(variables)); !slices.Equal(got, names) {
				t.Errorf("%s, %s: variables %v; want %v", name, id, got, names)
			}
			if got := variables["DRIFTLESS_RUNNER_SHA256"]; got != digest("runner") { // what the stand-in holds
				t.Errorf("%s, %s: the program's digest is %s", name, id, got)
			}
		}
		if diff := cmp.Diff(map[string]any{"driftless-plan": 60.0, "driftless-apply": 480.0}, timeouts); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestABuildRunsTheProgramOnlyIfItsDigestHolds(t *testing.T) {
	data, err := os.ReadFile("../templates/buildspec.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var spec struct {
		Phases map[string]struct{ Commands []string }
	}
	if err := yaml.Unmarshal(data, &spec); err != nil {
		t.Fatal(err)
	}
	commands := spec.Phases["build"].Commands
	// In place of AWS's command line, one that hands out what lies beside it.
	const aws = "#!/bin/sh\nfor last; do :; done\ncp \"$(dirname \"$0\")/object\" \"$last\"\n"
	const program = "#!/bin/sh\necho it runs\n"
	for sentence, c := range map[string]struct {
		object string
		runs   bool
	}{
		"the program that was deployed": {program, true},
		"another one":                   {"#!/bin/sh\necho it runs, and is another\n", false},
	} {
		bin, work := t.TempDir(), t.TempDir()
		for name, content := range map[string]string{"aws": aws, "object": c.object} {
			if err := os.WriteFile(filepath.Join(bin, name), []byte(content), 0o755); err != nil {
				t.Fatal(err)
			}
		}
		cmd := exec.CommandContext(t.Context(), "sh", "-e", "-c", strings.Join(commands, "\n"))
		cmd.Dir = work
		cmd.Env = []string{"PATH=" + bin + ":" + os.Getenv("PATH"), "DRIFTLESS_RUNNER_BUCKET=b", "DRIFTLESS_RUNNER_KEY=k",
			"DRIFTLESS_RUNNER_SHA256=" + digest(program)}
		out, err := cmd.CombinedOutput()
		if ran := strings.Contains(string(out), "it runs"); ran != c.runs || (err == nil) != c.runs {
			t.Errorf("%s: ran %v, error %v\n%s", sentence, ran, err, out)
		}
	}
}

// What builds and whoever starts them may do, as the roles of the template read in account
// 111122223333.
func TestBuildRoles(t *testing.T) {
	made := synthesised.usual
	data, states := made.bucket("Data"), made.bucket("States")
	for sentence, c := range map[string]struct {
		role, action, resource string
		context                map[string]string
		want                   policy.Decision
	}{
		"a plan reads what it plans":                   {"plan", "s3:GetObject", data + "bundles/1", nil, policy.Allow},
		"a plan reads its order":                       {"plan", "s3:GetObject", data + "orders/t/plan.json", nil, policy.Allow},
		"a plan reports":                               {"plan", "s3:PutObject", data + "builds/plan/t/plan/report.json", nil, policy.Allow},
		"a plan keeps its file":                        {"plan", "s3:PutObject", data + "tfplans/plan/t/plan", nil, policy.Allow},
		"a plan keeps what it downloaded":              {"plan", "s3:PutObject", data + "builds/plan/cache/providers/1.zip", nil, policy.Allow},
		"a later one takes it":                         {"plan", "s3:GetObject", data + "builds/plan/cache/providers/1.zip", nil, policy.Allow},
		"a plan changes no download of an apply":       {"plan", "s3:PutObject", data + "builds/apply/cache/modules/1.zip", nil, policy.Silent},
		"an apply takes no download of a plan":         {"apply", "s3:GetObject", data + "builds/plan/cache/modules/1.zip", nil, policy.Silent},
		"a plan changes nothing of what is applied":    {"plan", "s3:PutObject", data + "builds/apply/t/apply/claim.json", nil, policy.Silent},
		"a plan replaces no file that is applied":      {"plan", "s3:PutObject", data + "tfplans/apply/t/plan", nil, policy.Silent},
		"a plan gives no orders":                       {"plan", "s3:PutObject", data + "orders/t/apply.json", nil, policy.Silent},
		"a plan changes no bundle":                     {"plan", "s3:PutObject", data + "bundles/1", nil, policy.Silent},
		"a plan reads records of nobody":               {"plan", "s3:GetObject", data + "records/1", nil, policy.Silent},
		"a plan reads the state":                       {"plan", "s3:GetObject", states + "applications/a.tfstate", nil, policy.Allow},
		"a plan locks the state":                       {"plan", "s3:PutObject", states + "applications/a.tfstate.tflock", nil, policy.Allow},
		"a plan unlocks the state":                     {"plan", "s3:DeleteObject", states + "applications/a.tfstate.tflock", nil, policy.Allow},
		"a plan never writes the state":                {"plan", "s3:PutObject", states + "applications/a.tfstate", nil, policy.Silent},
		"a plan takes the CDK's role":                  {"plan", "sts:AssumeRole", "arn:aws:iam::111122223333:role/driftless-cdk", nil, policy.Allow},
		"an apply does not":                            {"apply", "sts:AssumeRole", "arn:aws:iam::111122223333:role/driftless-cdk", nil, policy.Silent},
		"a plan enters the target to read":             {"plan", "sts:AssumeRole", "arn:aws:iam::111122223333:role/driftless-terraform-plan", nil, policy.Allow},
		"a plan never enters it to write":              {"plan", "sts:AssumeRole", "arn:aws:iam::111122223333:role/driftless-terraform-apply", nil, policy.Silent},
		"a plan enters by no other role":               {"plan", "sts:AssumeRole", "arn:aws:iam::111122223333:role/driftless-deploy", nil, policy.Silent},
		"a plan reads what variables refer to":         {"plan", "ssm:GetParameter", "arn:aws:ssm:eu-west-1:111122223333:parameter/driftless/terraform/a", nil, policy.Allow},
		"a plan reads no git credential":               {"plan", "ssm:GetParameter", "arn:aws:ssm:eu-west-1:111122223333:parameter/driftless/git/a", nil, policy.Silent},
		"a plan touches no record":                     {"plan", "dynamodb:GetItem", "${Table.Arn}", nil, policy.Silent},
		"an apply reads the plan that was reviewed":    {"apply", "s3:GetObject", data + "tfplans/plan/t/plan", nil, policy.Allow},
		"an apply is told what it is of by its order":  {"apply", "s3:GetObject", data + "builds/plan/t/plan/report.json", nil, policy.Silent},
		"an apply never changes it":                    {"apply", "s3:PutObject", data + "tfplans/plan/t/plan", nil, policy.Silent},
		"an apply writes the state":                    {"apply", "s3:PutObject", states + "applications/a.tfstate", nil, policy.Allow},
		"an apply never removes a state":               {"apply", "s3:DeleteObject", states + "applications/a.tfstate", nil, policy.Silent},
		"an apply enters the target to write":          {"apply", "sts:AssumeRole", "arn:aws:iam::111122223333:role/driftless-terraform-apply", nil, policy.Allow},
		"an apply reads no git credential":             {"apply", "secretsmanager:GetSecretValue", "arn:aws:secretsmanager:eu-west-1:111122223333:secret:driftless/git/a-x1y2z3", nil, policy.Silent},
		"a build is started with its order":            {"reconciler", "codebuild:StartBuild", project("plan"), started("DRIFTLESS_ORDER"), policy.Allow},
		"a build is started for its application":       {"reconciler", "codebuild:StartBuild", project("apply"), started("DRIFTLESS_APPLICATION"), policy.Allow},
		"no build runs another program":                {"reconciler", "codebuild:StartBuild", project("apply"), started("DRIFTLESS_RUNNER_SHA256"), policy.Silent},
		"no build is told where to find programs":      {"reconciler", "codebuild:StartBuild", project("apply"), started("PATH"), policy.Silent},
		"no build of another project":                  {"reconciler", "codebuild:StartBuild", "arn:aws:codebuild:eu-west-1:111122223333:project/others", started("DRIFTLESS_ORDER"), policy.Silent},
		"builds are looked at":                         {"reconciler", "codebuild:BatchGetBuilds", project("plan"), nil, policy.Allow},
		"builds are stopped":                           {"reconciler", "codebuild:StopBuild", project("apply"), nil, policy.Allow},
		"no project is changed":                        {"reconciler", "codebuild:UpdateProject", project("plan"), nil, policy.Silent},
		"an order is given":                            {"reconciler", "s3:PutObject", data + "orders/t/plan.json", nil, policy.Allow},
		"a claim is taken":                             {"reconciler", "s3:PutObject", data + "builds/plan/t/plan/claim.json", nil, policy.Allow},
		"the word is given":                            {"reconciler", "s3:PutObject", data + "builds/apply/t/plan/word.json", nil, policy.Allow},
		"no report is written but by its build":        {"reconciler", "s3:PutObject", data + "builds/apply/t/plan/report.json", nil, policy.Silent},
		"no saved plan is written but by its build":    {"reconciler", "s3:PutObject", data + "tfplans/apply/t/plan", nil, policy.Silent},
		"a lock is looked at":                          {"reconciler", "s3:GetObject", states + "applications/a.tfstate.tflock", nil, policy.Allow},
		"no state is read but by builds":               {"reconciler", "s3:GetObject", states + "applications/a.tfstate", nil, policy.Silent},
		"what a build printed is shown":                {"api", "s3:GetObject", data + "builds/plan/t/plan/log.txt", nil, policy.Allow},
		"nothing else of a build is":                   {"api", "s3:GetObject", data + "builds/plan/t/plan/report.json", nil, policy.Silent},
		"no saved plan is shown":                       {"api", "s3:GetObject", data + "tfplans/plan/t/plan", nil, policy.Silent},
		"the reconciler enters no target as terraform": {"reconciler", "sts:AssumeRole", "arn:aws:iam::111122223333:role/driftless-terraform-apply", nil, policy.Silent},
	} {
		t.Run(sentence, func(t *testing.T) {
			id := made.builder(c.role)
			if id == "" { // a function's, not a build's
				id = made.role(c.role)
			}
			if got := policy.Identity(made.policies(t, id), policy.Request{Action: c.action, Resource: c.resource, Context: c.context}); got != c.want {
				t.Errorf("%s on %s with %v: %s; want %s", c.action, c.resource, c.context, got, c.want)
			}
		})
	}
}

func TestWhoStartsABuildOverridesNothing(t *testing.T) {
	made := synthesised.usual
	rights := made.policies(t, made.role("reconciler"))
	for _, key := range overrides {
		context := started("DRIFTLESS_ORDER")
		context["codebuild:"+key] = "x"
		if got := policy.Identity(rights, policy.Request{Action: "codebuild:StartBuild", Resource: project("apply"), Context: context}); got != policy.Silent {
			t.Errorf("with %s: %s", key, got)
		}
	}
}

func TestTerraformInATarget(t *testing.T) {
	made := synthesised.usual
	for sentence, c := range map[string]struct {
		role, action, resource string
		context                map[string]string
		want                   policy.Decision
	}{
		"publishes assets":                     {"CDKRole", "sts:AssumeRole", "arn:aws:iam::111122223333:role/cdk-hnb659fds-file-publishing-role-111122223333-eu-west-1", nil, policy.Allow},
		"looks things up":                      {"CDKRole", "sts:AssumeRole", "arn:aws:iam::111122223333:role/cdk-hnb659fds-lookup-role-111122223333-eu-west-1", nil, policy.Allow},
		"deploys nothing as the CDK":           {"CDKRole", "sts:AssumeRole", "arn:aws:iam::111122223333:role/cdk-hnb659fds-deploy-role-111122223333-eu-west-1", nil, policy.Silent},
		"reads no secret while planning":       {"TerraformPlanRole", "secretsmanager:GetSecretValue", "arn:aws:secretsmanager:eu-west-1:111122223333:secret:a", nil, policy.Deny},
		"reads no object while planning":       {"TerraformPlanRole", "s3:GetObject", "arn:aws:s3:::payroll/a", nil, policy.Deny},
		"writes nothing while planning":        {"TerraformPlanRole", "s3:PutObject", "arn:aws:s3:::payroll/a", nil, policy.Silent},
		"makes a role inside the boundary":     {"TerraformApplyRole", "iam:CreateRole", "arn:aws:iam::111122223333:role/prod-app", map[string]string{"iam:PermissionsBoundary": "arn:aws:iam::111122223333:policy/Boundary"}, policy.Allow},
		"makes no role without it":             {"TerraformApplyRole", "iam:CreateRole", "arn:aws:iam::111122223333:role/prod-app", nil, policy.Silent},
		"changes no role of Driftless":         {"TerraformApplyRole", "iam:PutRolePolicy", "arn:aws:iam::111122223333:role/driftless-deploy", nil, policy.Deny},
		"enters by no role of Driftless":       {"TerraformApplyRole", "sts:AssumeRole", "arn:aws:iam::111122223333:role/driftless-exec", nil, policy.Deny},
		"starts no build of Driftless":         {"TerraformApplyRole", "codebuild:StartBuild", project("apply"), nil, policy.Deny},
		"changes no other application's state": {"TerraformApplyRole", "s3:PutObject", "arn:aws:s3:::driftless-states1/applications/b.tfstate", nil, policy.Deny},
		"nor does CloudFormation":              {"ExecRole", "s3:PutObject", "arn:aws:s3:::driftless-states1/applications/b.tfstate", nil, policy.Deny},
		"nor does CloudFormation start one":    {"ExecRole", "codebuild:StartBuild", project("apply"), nil, policy.Deny},
	} {
		t.Run(sentence, func(t *testing.T) {
			if got := policy.Identity(made.policies(t, c.role), policy.Request{Action: c.action, Resource: c.resource, Context: c.context}); got != c.want {
				t.Errorf("%s on %s with %v: %s; want %s", c.action, c.resource, c.context, got, c.want)
			}
		})
	}
}

func digest(content string) string {
	sum := sha256.Sum256([]byte(content))
	return hex.EncodeToString(sum[:])
}

// bucket is what the ARNs of the objects of a bucket begin with.
func (t template) bucket(name string) string {
	for id := range t.of("AWS::S3::Bucket") {
		if withoutHash(id) == name {
			return "${" + id + ".Arn}/"
		}
	}
	return ""
}

func project(side string) string {
	return "arn:aws:codebuild:eu-west-1:111122223333:project/driftless-" + side
}

// started is what StartBuild carries with a variable.
func started(variable string) map[string]string {
	return map[string]string{"codebuild:environment.environmentVariables.name": variable}
}
