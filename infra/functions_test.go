package main

import (
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// lambda returns the function of a name.
func (t template) lambda(name string) resource {
	for _, r := range t.of("AWS::Lambda::Function") {
		if r.Properties["FunctionName"] == "driftless-"+name {
			return r
		}
	}
	return resource{}
}

func TestFunctionsAreArm64UnlessTheContextSaysOtherwise(t *testing.T) {
	for _, f := range functions {
		for want, made := range map[string]template{"arm64": synthesised.usual, "x86_64": synthesised.far} {
			got := made.lambda(f.name).Properties
			if text(got["Architectures"]) != want || got["Runtime"] != "provided.al2023" || got["Handler"] != "bootstrap" {
				t.Errorf("%s: %v %v %v; want %s", f.name, got["Architectures"], got["Runtime"], got["Handler"], want)
			}
		}
	}
}

func TestEachFunctionIsToldWhatItUsesAndNothingElse(t *testing.T) {
	want := map[string]string{
		"webhook":    "LIMITS QUEUE_URL TABLE",
		"trigger":    "QUEUE_URL TABLE TARGETS",
		"sweeper":    "QUEUE_URL RATES TABLE",
		"reconciler": "ALLOW_PRIVATE_HOSTS BUCKET BUILDS EXTERNAL_ID LIMITS QUEUE_URL TABLE TARGETS",
		"notifier":   "ALLOW_PRIVATE_HOSTS BUS TABLE",
		"api":        "BUCKET QUEUE_URL TABLE TARGETS",
	}
	got := map[string]string{}
	for _, f := range functions {
		variables := synthesised.usual.lambda(f.name).Properties["Environment"].(map[string]any)["Variables"].(map[string]any)
		names := slices.Sorted(maps.Keys(variables))
		got[f.name] = strings.ReplaceAll(strings.Join(names, " "), "DRIFTLESS_", "")
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestTargetsAreTheOwnAccountOrThoseOfTheContext(t *testing.T) {
	for want, made := range map[string]template{
		`[{"account":"${AWS::AccountId}","regions":["${AWS::Region}"],` + roles("${AWS::AccountId}") + `,"artefacts":["${AWS::Region}"]}]`: synthesised.usual,
		`[{"account":"${AWS::AccountId}","regions":["eu-west-1","eu-central-1"],` + roles("${AWS::AccountId}") + `,"artefacts":["${AWS::Region}"]},` +
			`{"account":"222233334444","regions":["eu-west-1"],` + strings.Replace(roles("222233334444"), "arn:${AWS::Partition}:iam::222233334444:role/driftless-deploy", "arn:aws:iam::222233334444:role/ci", 1) + `,"artefacts":["eu-west-1"]}]`: synthesised.far,
	} {
		variables := made.lambda("reconciler").Properties["Environment"].(map[string]any)["Variables"].(map[string]any)
		if diff := cmp.Diff(want, text(variables["DRIFTLESS_TARGETS"])); diff != "" {
			t.Error(diff)
		}
	}
	variables := synthesised.far.lambda("reconciler").Properties["Environment"].(map[string]any)["Variables"].(map[string]any)
	if got := variables["DRIFTLESS_ALLOW_PRIVATE_HOSTS"]; got != "127.0.0.1:4566,git.example.internal" {
		t.Errorf("private hosts are %v", got)
	}
}

// roles writes the roles that templates/target-role.yaml makes in an account.
func roles(account string) string {
	role := "arn:${AWS::Partition}:iam::" + account + ":role/driftless-"
	return `"deployRole":"` + role + `deploy","driftRole":"` + role + `drift","execRole":"` + role + `exec","planRole":"` + role + `terraform-plan","applyRole":"` + role + `terraform-apply"`
}

func TestTheExternalIDIsTheStacksOwn(t *testing.T) {
	want := `{"Fn::Select":[2,{"Fn::Split":["/",{"Ref":"AWS::StackId"}]}]}`
	variables := synthesised.usual.lambda("reconciler").Properties["Environment"].(map[string]any)["Variables"].(map[string]any)
	if got := text(variables["DRIFTLESS_EXTERNAL_ID"]); got != want {
		t.Errorf("got %s", got)
	}
}

func TestLogsAreKeptAMonth(t *testing.T) {
	groups := synthesised.usual.of("AWS::Logs::LogGroup")
	for _, f := range functions {
		logs := text(synthesised.usual.lambda(f.name).Properties["LoggingConfig"].(map[string]any)["LogGroup"])
		group, ok := groups[strings.Trim(logs, "${}")]
		if !ok || group.Properties["RetentionInDays"] != 30.0 || group.Properties["LogGroupName"] != "/aws/lambda/driftless-"+f.name {
			t.Errorf("%s logs to %s: %v", f.name, logs, group.Properties)
		}
	}
	for _, s := range sides {
		for id, p := range synthesised.usual.of("AWS::CodeBuild::Project") {
			logs := text(p.Properties["LogsConfig"].(map[string]any)["CloudWatchLogs"].(map[string]any)["GroupName"])
			group := groups[strings.Trim(logs, "${}")]
			if p.Properties["Name"] == s.project() && (group.Properties["RetentionInDays"] != 30.0 || group.Properties["LogGroupName"] != "/aws/codebuild/"+s.project()) {
				t.Errorf("%s logs to %s: %v", id, logs, group.Properties)
			}
		}
	}
	if len(groups) != len(functions)+len(sides) {
		t.Errorf("%d log groups for %d functions and %d projects", len(groups), len(functions), len(sides))
	}
}

func TestNothingIsReservedOrProvisioned(t *testing.T) {
	for _, word := range []string{"ReservedConcurrentExecutions", "ProvisionedConcurrency", "ProvisionedThroughput", "ProvisionedPollerConfig", "TracingConfig", "VpcConfig"} {
		if strings.Contains(synthesised.usual.text, word) {
			t.Errorf("%s: an account may have none to give, and idle costs", word)
		}
	}
}

func TestMessagesStayHiddenLongerThanTheirStepMayTake(t *testing.T) {
	timeout := synthesised.usual.lambda("reconciler").Properties["Timeout"].(float64)
	work := synthesised.usual.Resources[synthesised.usual.id("driftless-work.fifo")]
	if visibility := work.Properties["VisibilityTimeout"].(float64); visibility < timeout+30 {
		t.Errorf("visibility %v, time-out %v", visibility, timeout)
	}
}

func TestMappings(t *testing.T) {
	got := map[string]any{}
	for id, m := range synthesised.usual.of("AWS::Lambda::EventSourceMapping") {
		for k, v := range m.Properties {
			got[id+" "+k] = text(v)
		}
	}
	queue, table, dead := synthesised.usual.id("driftless-work.fifo"), synthesised.usual.only("AWS::DynamoDB::Table"), synthesised.usual.dead()
	want := map[string]any{
		"WorkMapping EventSourceArn": "${" + queue + ".Arn}", "WorkMapping FunctionName": "${" + synthesised.usual.id("driftless-reconciler") + "}",
		"WorkMapping BatchSize": "1", "WorkMapping ScalingConfig": `{"MaximumConcurrency":10}`, "WorkMapping FunctionResponseTypes": "ReportBatchItemFailures",
		"ChangesMapping EventSourceArn": "${" + table + ".StreamArn}", "ChangesMapping FunctionName": "${" + synthesised.usual.id("driftless-notifier") + "}",
		"ChangesMapping BatchSize": "25", "ChangesMapping MaximumBatchingWindowInSeconds": "1", "ChangesMapping BisectBatchOnFunctionError": "true", "ChangesMapping FunctionResponseTypes": "ReportBatchItemFailures",
		"ChangesMapping MaximumRecordAgeInSeconds": "3600", "ChangesMapping MaximumRetryAttempts": "5", "ChangesMapping StartingPosition": "TRIM_HORIZON",
		"ChangesMapping DestinationConfig": `{"OnFailure":{"Destination":{"Fn::GetAtt":["` + dead + `","Arn"]}}}`,
		"ChangesMapping FilterCriteria": `{"Filters":[` +
			`{"Pattern":"{\"dynamodb\":{\"Keys\":{\"SK\":{\"S\":[{\"prefix\":\"DEPLOYMENT#\"}]}}}}"},` +
			`{"Pattern":"{\"dynamodb\":{\"Keys\":{\"SK\":{\"S\":[\"DRIFT#latest\"]}},\"NewImage\":{\"news\":{\"BOOL\":[true]}}}}"},` +
			`{"Pattern":"{\"dynamodb\":{\"Keys\":{\"SK\":{\"S\":[\"REPO\"]}},\"NewImage\":{\"forge\":{\"S\":[\"github\",\"gitlab\"]}}}}"},` +
			`{"Pattern":"{\"dynamodb\":{\"Keys\":{\"SK\":{\"S\":[\"NOTICE\"]}},\"NewImage\":{\"touched\":{\"N\":[{\"exists\":true}]}}}}"}]}`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if m := synthesised.far.Resources["WorkMapping"]; text(m.Properties["ScalingConfig"]) != `{"MaximumConcurrency":20}` {
		t.Errorf("the context's concurrency is not taken: %v", m.Properties["ScalingConfig"])
	}
}

func TestEveryFolderOfFunctionsIsAFunction(t *testing.T) {
	entries, err := os.ReadDir("../functions")
	if err != nil {
		t.Fatal(err)
	}
	var folders []string
	for _, e := range entries {
		folders = append(folders, e.Name())
	}
	names := functionNames()
	slices.Sort(names)
	if !slices.Equal(folders, names) {
		t.Errorf("folders %v, functions %v", folders, names)
	}
}
