package invoke

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const made = `{"Resources": {
  "Table1": {"Type": "AWS::DynamoDB::Table"},
  "Work1": {"Type": "AWS::SQS::Queue"},
  "F": {"Type": "AWS::Lambda::Function", "Properties": {"FunctionName": "driftless-webhook", "Timeout": 10, "Environment": {"Variables": {
    "DRIFTLESS_TABLE": {"Ref": "Table1"},
    "DRIFTLESS_QUEUE_URL": {"Ref": "Work1"},
    "DRIFTLESS_PLAIN": "as it is",
    "DRIFTLESS_ID": {"Fn::Select": [2, {"Fn::Split": ["/", {"Ref": "AWS::StackId"}]}]},
    "DRIFTLESS_TARGETS": {"Fn::Join": ["", ["[\"", {"Fn::GetAtt": ["Role1", "Arn"]}, "\",\"", {"Ref": "AWS::Region"}, "\"]"]]}
  }}}},
  "Other": {"Type": "AWS::Lambda::Function", "Properties": {"FunctionName": {"Ref": "Named"}}}
}}`

func read(t *testing.T, text string) (tpl Template) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &tpl); err != nil {
		t.Fatal(err)
	}
	return tpl
}

func TestAFunctionsEnvironmentIsWorkedOut(t *testing.T) {
	tpl := read(t, made)
	f, err := tpl.Function("webhook")
	if err != nil || f.Timeout != 10 {
		t.Fatalf("%+v, %v", f, err)
	}
	got, err := resolver{tpl, map[string]string{"AWS::DynamoDB::Table": "table", "AWS::SQS::Queue": "http://queue"}}.environment(f)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"DRIFTLESS_ID=1c2d3e4f-5a6b-4c7d-8e9f-0a1b2c3d4e5f",
		"DRIFTLESS_PLAIN=as it is",
		"DRIFTLESS_QUEUE_URL=http://queue",
		"DRIFTLESS_TABLE=table",
		`DRIFTLESS_TARGETS=["arn:aws:iam::111122223333:role/Role1","eu-west-1"]`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("environment (-want +got):\n%s", diff)
	}
}

func TestWhatCannotBeWorkedOutIsNamed(t *testing.T) {
	for name, c := range map[string]struct{ value, want string }{
		"a resource that nothing stands for": {`{"Ref": "Table1"}`, "Ref Table1"},
		"a name that is not there":           {`{"Ref": "Nothing"}`, "Ref Nothing"},
		"another function":                   {`{"Fn::ImportValue": "x"}`, "Fn::ImportValue"},
		"an index past the end":              {`{"Fn::Select": [5, ["a"]]}`, "Fn::Select 5"},
		"a number":                           {`7`, "7"},
	} {
		t.Run(name, func(t *testing.T) {
			var value any
			if err := json.Unmarshal([]byte(c.value), &value); err != nil {
				t.Fatal(err)
			}
			_, err := resolver{template: read(t, made)}.environment(Function{Name: "driftless-x", Environment: map[string]any{"DRIFTLESS_X": value}})
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "DRIFTLESS_X of driftless-x") {
				t.Errorf("got %v, want %q in it", err, c.want)
			}
		})
	}
	if _, err := read(t, made).Function("nothing"); err == nil || !strings.Contains(err.Error(), "driftless-nothing") {
		t.Errorf("got %v", err)
	}
}

func TestAnEventsFileNamesItsFunction(t *testing.T) {
	for file, want := range map[string]string{
		"events/eventbridge-ecr-push.json": "trigger", "webhook-github-push.json": "webhook", "events/api-applications.json": "api",
	} {
		if got, err := FunctionOf(file); err != nil || got != want {
			t.Errorf("%s: %q, %v; want %s", file, got, err, want)
		}
	}
	if _, err := FunctionOf("events/kinesis-record.json"); err == nil || !strings.Contains(err.Error(), "eventbridge-") {
		t.Errorf("got %v, want what a name may begin with", err)
	}
}
