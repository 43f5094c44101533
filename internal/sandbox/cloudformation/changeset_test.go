package cloudformation_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	cfn "github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/google/go-cmp/cmp"
)

func TestChangeSetIsRefusedAsAWSDoes(t *testing.T) {
	w := newWorld(t)
	w.must("jobs", oneQueue)
	resources := func(s string) string { return "Resources:\n  Jobs:\n    Type: AWS::SQS::Queue\n" + s }
	role := "Resources:\n  R:\n    Type: AWS::IAM::Role\n    Properties: { RoleName: r, AssumeRolePolicyDocument: {} }\n"
	many := "Parameters:\n" + strings.Repeat("", 0)
	for i := range 201 {
		many += "  P" + string(rune('A'+i%26)) + strings.Repeat("x", i/26) + ": { Type: String, Default: a }\n"
	}
	for name, c := range map[string]struct {
		stack, body string
		option      option
		want        string
	}{
		"an update of no stack":           {"none", oneQueue, withType(types.ChangeSetTypeUpdate), "ValidationError: Stack [none] does not exist"},
		"a creation of an existing stack": {"jobs", oneQueue, withType(types.ChangeSetTypeCreate), "ValidationError: Stack [jobs] already exists and cannot be created again with the changeSet "},
		"a template that is too long":     {"new", resources("    Metadata: { x: " + strings.Repeat("a", 51200) + " }"), nil, "ValidationError: 1 validation error detected: Value at 'templateBody' failed to satisfy constraint: Member must have length less than or equal to 51200"},
		"a template that is no YAML":      {"new", "Resources: [", nil, "ValidationError: Template format error: YAML not well-formed."},
		"a template without resources":    {"new", "Description: nothing", nil, "ValidationError: Template format error: At least one Resources member must be defined."},
		"an unknown section":              {"new", oneQueue + "Foo: {}", nil, "ValidationError: Invalid template property or properties [Foo]"},
		"an unknown type":                 {"new", "Resources:\n  X: { Type: AWS::SQS::Nothing }", nil, "ValidationError: Template format error: Unrecognized resource types: [AWS::SQS::Nothing]"},
		"a type that the sandbox lacks":   {"new", "Resources:\n  X: { Type: AWS::AppRunner::Service }", nil, "ValidationError: The sandbox does not have these resource types, which AWS has: [AWS::AppRunner::Service]"},
		"a Ref that leads nowhere":        {"new", resources("    Properties: { QueueName: !Ref Nope }"), nil, "ValidationError: Template format error: Unresolved resource dependencies [Nope] in the Resources block of the template"},
		"a GetAtt that leads nowhere":     {"new", resources("    Properties: { QueueName: !GetAtt Nope.Arn }"), nil, "ValidationError: Template error: instance of Fn::GetAtt references undefined resource Nope"},
		"a GetAtt of no attribute":        {"new", oneQueue + "Outputs: { O: { Value: !GetAtt Jobs.Nope } }", nil, "ValidationError: Template error: resource Jobs does not support attribute type Nope in Fn::GetAtt"},
		"an alias":                        {"new", "Metadata: { a: &x 1, b: *x }\n" + oneQueue, nil, "ValidationError: Template error: YAML aliases are not allowed in CloudFormation templates"},
		"a null":                          {"new", resources("    Properties: { QueueName: }"), nil, "ValidationError: Template format error: [/Resources/Jobs/Properties/QueueName] 'null' values are not allowed in templates"},
		"a circle":                        {"new", "Resources:\n  A: { Type: AWS::SQS::Queue, DependsOn: B }\n  B: { Type: AWS::SQS::Queue, DependsOn: A }", nil, "ValidationError: Circular dependency between resources: [A, B]"},
		"a parameter without a value":     {"new", "Parameters: { P: { Type: String } }\n" + oneQueue, nil, "ValidationError: Parameters: [P] must have values"},
		"a parameter that is not there":   {"new", oneQueue, withParameter("P", "x"), "ValidationError: Parameters: [P] do not exist in the template"},
		"a parameter out of its values":   {"new", "Parameters: { P: { Type: String, AllowedValues: [a] } }\n" + oneQueue, withParameter("P", "b"), "ValidationError: Parameter 'P' must be one of AllowedValues"},
		"too many parameters":             {"new", many + oneQueue, nil, "ValidationError: Template format error: Number of parameters, 201, is greater than maximum allowed, 200"},
		"a capability that is missing":    {"new", role, nil, "InsufficientCapabilitiesException: Requires capabilities : [CAPABILITY_NAMED_IAM]"},
		"a transform":                     {"new", "Transform: Mine\n" + oneQueue, nil, "ValidationError: The sandbox runs no transforms but AWS::Include, AWS::LanguageExtensions and AWS::Serverless-2016-10-31: Mine"},
		"an export that is not there":     {"new", "", nil, "ValidationError: Either Template URL or Template Body must be specified."},
		"nested stacks with REVERT_DRIFT": {"jobs", oneQueue, func(in *cfn.CreateChangeSetInput) {
			in.DeploymentMode, in.IncludeNestedStacks = types.DeploymentModeRevertDrift, aws.Bool(true)
		}, "ValidationError: IncludeNestedStacks is not supported with DeploymentMode REVERT_DRIFT"},
		"a bad name": {"jobs", oneQueue, func(in *cfn.CreateChangeSetInput) { in.ChangeSetName = aws.String("1st") },
			"ValidationError: 1 validation error detected: Value '1st' at 'changeSetName' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z][-a-zA-Z0-9]*"},
	} {
		t.Run(name, func(t *testing.T) {
			options := []option{}
			if c.option != nil {
				options = append(options, c.option)
			}
			if got := w.refusal(c.stack, c.body, options...); !strings.HasPrefix(got, c.want) {
				t.Errorf("\n got %s\nwant %s", got, c.want)
			}
		})
	}
	if w.find("new") != nil {
		t.Error("a refused change set left a stack behind")
	}
}

func TestChangeSetIsExecutedOnceAndTakesTheOthersAway(t *testing.T) {
	w := newWorld(t)
	w.must("jobs", oneQueue)
	first, second := w.plan("jobs", twoQueues), w.plan("jobs", twoQueues)
	w.execute(first)
	w.execute(first) // the same token: the same execution
	w.settled("jobs")
	if got := w.described(first.ChangeSetId).ExecutionStatus; got != types.ExecutionStatusExecuteComplete {
		t.Errorf("executed: %s", got)
	}
	for id, want := range map[*string]string{first.ChangeSetId: "InvalidChangeSetStatus: ", second.ChangeSetId: "ChangeSetNotFound: "} {
		_, err := w.client.ExecuteChangeSet(t.Context(), &cfn.ExecuteChangeSetInput{ChangeSetName: id, ClientRequestToken: aws.String("other")})
		if got := message(err); !strings.HasPrefix(got, want) {
			t.Errorf("execution of a spent change set: %s, want %s", got, want)
		}
	}
}

func TestAChangeSetOnAStackThatIsUpdatedOtherwiseIsObsolete(t *testing.T) {
	w := newWorld(t)
	w.must("jobs", oneQueue)
	set := w.plan("jobs", twoQueues)
	if _, err := w.client.UpdateStack(t.Context(), &cfn.UpdateStackInput{StackName: aws.String("jobs"), TemplateBody: aws.String(twoQueues)}); err != nil {
		t.Fatal(err)
	}
	w.settled("jobs")
	if got := w.described(set.ChangeSetId).ExecutionStatus; got != types.ExecutionStatusObsolete {
		t.Errorf("got %s", got)
	}
}

func TestChangeSetNamesAreOfOneStack(t *testing.T) {
	w := newWorld(t)
	w.must("a", oneQueue)
	w.must("b", oneQueue)
	named := func(in *cfn.CreateChangeSetInput) {
		in.ChangeSetName, in.ClientToken = aws.String("same"), aws.String("t1")
	}
	first := w.plan("a", twoQueues, named)
	if other := w.plan("b", twoQueues, named); aws.ToString(other.ChangeSetId) == aws.ToString(first.ChangeSetId) {
		t.Error("two stacks share a change set")
	}
	if again := w.plan("a", twoQueues, named); aws.ToString(again.ChangeSetId) != aws.ToString(first.ChangeSetId) {
		t.Error("the same client token made another change set")
	}
	got := w.refusal("a", twoQueues, named, func(in *cfn.CreateChangeSetInput) { in.ClientToken = aws.String("t2") })
	if !strings.HasPrefix(got, "AlreadyExistsException") {
		t.Errorf("another token: %s", got)
	}
	list, err := w.client.ListChangeSets(t.Context(), &cfn.ListChangeSetsInput{StackName: aws.String("a")})
	if err != nil || len(list.Summaries) != 2 { // the creation's and this one
		t.Errorf("list: %v %v", list, err)
	}
	_, err = w.client.DescribeChangeSet(t.Context(), &cfn.DescribeChangeSetInput{StackName: aws.String("a"), ChangeSetName: aws.String("none")})
	if got := message(err); got != "ChangeSetNotFound: ChangeSet [none] does not exist" {
		t.Errorf("absent change set: %s", got)
	}
}

func TestUnexecutedCreationLeavesAStackInReview(t *testing.T) {
	w := newWorld(t)
	c := w.plan("jobs", oneQueue)
	if st := w.find("jobs"); st == nil || st.StackStatus != types.StackStatusReviewInProgress {
		t.Fatalf("stack %v", st)
	}
	if got := w.refusal("jobs", oneQueue, withType(types.ChangeSetTypeUpdate)); got != "ValidationError: Stack [jobs] does not exist" {
		t.Errorf("update of it: %s", got)
	}
	if _, err := w.client.DeleteChangeSet(t.Context(), &cfn.DeleteChangeSetInput{ChangeSetName: c.ChangeSetId}); err != nil {
		t.Fatal(err)
	}
	w.delete("jobs")
}

func TestPropertyThatIsWrongFailsTheChangeSetAndDescribeEventsSaysWhere(t *testing.T) {
	for name, c := range map[string]struct{ properties, path, want string }{
		"an unknown property":   {"{ Foo: 1 }", "/Resources/Q/Properties/Foo", "Encountered unsupported property Foo"},
		"a property of no kind": {"{ VisibilityTimeout: soon }", "/Resources/Q/Properties/VisibilityTimeout", "Properties validation failed for resource Q with message: [#/VisibilityTimeout: expected type: Integer, found: String]"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			plan := w.plan("jobs", "Resources:\n  Q:\n    Type: AWS::SQS::Queue\n    Properties: "+c.properties)
			if plan.Status != types.ChangeSetStatusFailed || !strings.Contains(aws.ToString(plan.StatusReason), "AWS::EarlyValidation::PropertyValidation") {
				t.Fatalf("%s %s", plan.Status, aws.ToString(plan.StatusReason))
			}
			out, err := w.client.DescribeEvents(t.Context(), &cfn.DescribeEventsInput{ChangeSetName: plan.ChangeSetId})
			if err != nil || len(out.OperationEvents) != 1 {
				t.Fatalf("events %v %v", out, err)
			}
			e := out.OperationEvents[0]
			if aws.ToString(e.ValidationPath) != c.path || aws.ToString(e.ValidationStatusReason) != c.want || e.EventType != types.EventTypeValidationError {
				t.Errorf("event %s %s: %s", e.EventType, aws.ToString(e.ValidationPath), aws.ToString(e.ValidationStatusReason))
			}
		})
	}
}

func TestPlanTellsWhatChangesAndWhy(t *testing.T) {
	w := newWorld(t)
	const body = `
Parameters: { Seconds: { Type: Number, Default: 10 } }
Resources:
  Jobs:
    Type: AWS::SQS::Queue
    Properties: { VisibilityTimeout: !Ref Seconds }
  Name:
    Type: AWS::SSM::Parameter
    Properties: { Type: String, Value: !GetAtt Jobs.QueueName }
`
	w.must("jobs", body)
	c := w.plan("jobs", body, withParameter("Seconds", "20"))
	if got := changes(c); !cmp.Equal(got, []string{"Modify Jobs False /Properties/VisibilityTimeout:10->20"}) {
		t.Fatalf("plan: %v", got)
	}
	d := c.Changes[0].ResourceChange.Details[0]
	if d.ChangeSource != types.ChangeSourceParameterReference || aws.ToString(d.CausingEntity) != "Seconds" || d.Evaluation != types.EvaluationTypeStatic {
		t.Errorf("cause %s %s %s", d.ChangeSource, aws.ToString(d.CausingEntity), d.Evaluation)
	}
	c = w.plan("jobs", strings.Replace(body, "{ VisibilityTimeout:", "{ QueueName: fixed, VisibilityTimeout:", 1))
	if got := changes(c); !cmp.Equal(got, []string{
		"Modify Jobs True /Properties/QueueName:->fixed",
		"Modify Name False /Properties/Value:" + jobsName(w) + "->{{changeSet:KNOWN_AFTER_APPLY}}",
	}) {
		t.Errorf("replacement: %v", got)
	}
	d = c.Changes[1].ResourceChange.Details[0]
	if d.ChangeSource != types.ChangeSourceResourceAttribute || aws.ToString(d.CausingEntity) != "Jobs.QueueName" || d.Evaluation != types.EvaluationTypeDynamic {
		t.Errorf("cause %s %s %s", d.ChangeSource, aws.ToString(d.CausingEntity), d.Evaluation)
	}
}

func jobsName(w *world) string {
	out, err := w.client.DescribeStackResource(w.t.Context(), &cfn.DescribeStackResourceInput{StackName: aws.String("jobs"), LogicalResourceId: aws.String("Jobs")})
	if err != nil {
		w.t.Fatal(err)
	}
	url := aws.ToString(out.StackResourceDetail.PhysicalResourceId)
	return url[strings.LastIndex(url, "/")+1:]
}

func TestValuesAreShownWhenAskedForAlone(t *testing.T) {
	w := newWorld(t)
	w.must("jobs", oneQueue)
	c := w.plan("jobs", twoQueues)
	out, err := w.client.DescribeChangeSet(t.Context(), &cfn.DescribeChangeSetInput{ChangeSetName: c.ChangeSetId})
	if err != nil {
		t.Fatal(err)
	}
	for _, change := range out.Changes {
		r := change.ResourceChange
		if r.BeforeContext != nil || r.AfterContext != nil {
			t.Error("contexts are there unasked")
		}
		for _, d := range r.Details {
			if d.Target.BeforeValue != nil || d.Target.AfterValue != nil || d.Target.Path != nil {
				t.Errorf("values are there unasked: %v", d.Target)
			}
		}
	}
}

func TestContextsShowTheResourceWithoutItsSecrets(t *testing.T) {
	w := newWorld(t)
	const body = `
Parameters: { Secret: { Type: String, NoEcho: true } }
Resources:
  Name:
    Type: AWS::SSM::Parameter
    Properties: { Type: String, Description: d, Value: !Sub "user:${Secret}" }
`
	contexts := func(c *cfn.DescribeChangeSetOutput) []string {
		r := c.Changes[0].ResourceChange
		return []string{aws.ToString(r.BeforeContext), aws.ToString(r.AfterContext)}
	}
	shown := func(description string) string {
		return `{"Properties":{"Description":"` + description + `","Type":"String","Value":"user:****"}}`
	}
	first := w.plan("jobs", body, withParameter("Secret", "hush"))
	if diff := cmp.Diff([]string{"", shown("d")}, contexts(first)); diff != "" {
		t.Errorf("an addition (-want +got):\n%s", diff)
	}
	w.execute(first)
	w.settled("jobs")
	c := w.plan("jobs", strings.Replace(body, "Description: d", "Description: e", 1), withParameter("Secret", "other"))
	if diff := cmp.Diff([]string{shown("d"), shown("e")}, contexts(c)); diff != "" {
		t.Errorf("a change (-want +got):\n%s", diff)
	}
}

func TestOutputsAloneMakeAChangeSet(t *testing.T) {
	w := newWorld(t)
	w.must("jobs", oneQueue)
	body := oneQueue + "Outputs: { Arn: { Value: !GetAtt Jobs.Arn } }\n"
	if c := w.plan("jobs", body); c.Status != types.ChangeSetStatusCreateComplete || len(c.Changes) != 0 {
		t.Fatalf("%s %s %v", c.Status, aws.ToString(c.StatusReason), changes(c))
	}
	w.must("jobs", body)
	if got := w.outputs("jobs")["Arn"]; !strings.HasPrefix(got, "arn:aws:sqs:us-east-1:") {
		t.Errorf("output %q", got)
	}
}

func TestNoChangeUnderATransformHasItsOwnWords(t *testing.T) {
	w := newWorld(t)
	body := "Transform: AWS::LanguageExtensions\n" + oneQueue
	w.must("jobs", body)
	if c := w.plan("jobs", body); c.Status != types.ChangeSetStatusFailed || aws.ToString(c.StatusReason) != "No updates are to be performed." {
		t.Errorf("%s %s", c.Status, aws.ToString(c.StatusReason))
	}
}

func TestPreviousTemplateAndValuesAreKept(t *testing.T) {
	w := newWorld(t)
	body := "Parameters: { Seconds: { Type: Number }, Secret: { Type: String, NoEcho: true } }\n" + strings.Replace(oneQueue, "10", "!Ref Seconds", 1)
	w.must("jobs", body, withParameter("Seconds", "10"), withParameter("Secret", "hush"))
	c := w.plan("jobs", "", func(in *cfn.CreateChangeSetInput) {
		in.TemplateBody, in.UsePreviousTemplate = nil, aws.Bool(true)
		in.Parameters = []types.Parameter{{ParameterKey: aws.String("Seconds"), ParameterValue: aws.String("11")},
			{ParameterKey: aws.String("Secret"), UsePreviousValue: aws.Bool(true)}}
	})
	if got := changes(c); !cmp.Equal(got, []string{"Modify Jobs False /Properties/VisibilityTimeout:10->11"}) {
		t.Errorf("plan: %v", got)
	}
	for _, p := range c.Parameters {
		if aws.ToString(p.ParameterKey) == "Secret" && aws.ToString(p.ParameterValue) != "****" {
			t.Errorf("secret shown: %s", aws.ToString(p.ParameterValue))
		}
	}
}

func TestRoleSticksToTheStack(t *testing.T) {
	w := newWorld(t)
	w.must("jobs", oneQueue, func(in *cfn.CreateChangeSetInput) { in.RoleARN = aws.String("arn:aws:iam::123456789012:role/exec") })
	w.must("jobs", twoQueues)
	if got := aws.ToString(w.find("jobs").RoleARN); got != "arn:aws:iam::123456789012:role/exec" {
		t.Errorf("role %q", got)
	}
}
