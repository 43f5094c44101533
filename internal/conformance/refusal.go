package conformance

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
)

// refusals are the requests that CloudFormation refuses at once, in words that programs read.
func refusals() []Expectation {
	return []Expectation{
		{Name: "cfn-no-stack", Makes: "nothing", Source: reference + "API_DescribeStacks.html", Calls: noStack,
			Says: "a stack that does not exist is a ValidationError, in one wording of DescribeStacks and another of the rest; deleting it succeeds",
			Answers: []string{
				"DescribeStacks: error=ValidationError Stack with id NAME does not exist",
				"UPDATE change set: error=ValidationError Stack [NAME] does not exist",
				"DescribeStackEvents: error=ValidationError Stack [NAME] does not exist",
				"DetectStackDrift: error=ValidationError Stack [NAME] does not exist",
				"DescribeChangeSet: error=ValidationError Stack [NAME] does not exist",
				"DeleteStack: code=none",
			}},
		{Name: "cfn-no-change-set", Makes: oneQueue, Source: reference + "API_DescribeChangeSet.html", Calls: noChangeSet,
			Says: "a change set that does not exist is ChangeSetNotFound to who looks or executes, and deleted without complaint",
			Answers: []string{
				"DescribeChangeSet: code=ChangeSetNotFound",
				"ExecuteChangeSet: code=ChangeSetNotFound",
				"DeleteChangeSet: code=none",
			}},
		{Name: "cfn-exists", Makes: oneQueue, Source: reference + "API_CreateStack.html", Calls: exists,
			Says: "a stack that exists is not created again",
			Answers: []string{
				"CreateStack: code=AlreadyExistsException",
				"CREATE change set: code=ValidationError says already exists=true",
			}},
		{Name: "cfn-template-errors", Makes: "nothing", Source: guide + "troubleshooting.html", Calls: templateErrors,
			Says: "what is wrong with a template or its parameters is a ValidationError of CreateChangeSet, and leaves no stack",
			Answers: []string{
				"unresolved reference: error=ValidationError Template format error: Unresolved resource dependencies [Nowhere] in the Resources block of the template",
				"no resources: code=ValidationError",
				"not YAML: code=ValidationError",
				"missing parameter: error=ValidationError Parameters: [Size] must have values",
				"unknown parameter: error=ValidationError Parameters: [Nowhere] do not exist in the template",
				"value not allowed: code=ValidationError",
				"51,201 bytes: code=ValidationError says 51200=true",
				"stack: there=false",
			}},
		{Name: "cfn-capabilities", Makes: "nothing", Source: reference + "API_CreateChangeSet.html", Calls: capabilities,
			Says: "a template with IAM resources needs its capability acknowledged",
			Answers: []string{
				"a role: error=InsufficientCapabilitiesException Requires capabilities : [CAPABILITY_IAM]",
				"a named role: error=InsufficientCapabilitiesException Requires capabilities : [CAPABILITY_NAMED_IAM]",
			}},
		{Name: "cfn-names", Makes: "nothing", Source: reference + "API_CreateChangeSet.html", Calls: names,
			Says: "the name of a change set begins with a letter",
			Answers: []string{
				"a digit first: code=ValidationError",
				"an underscore: code=ValidationError",
			}},
	}
}

func noStack(ctx context.Context, a *Account) error {
	name := aws.String(a.stack())
	_, err := a.stacks.DescribeStacks(ctx, &cloudformation.DescribeStacksInput{StackName: name})
	a.Note("DescribeStacks", "error", err)
	_, err = a.stacks.CreateChangeSet(ctx, request(a.prefix, "first", types.ChangeSetTypeUpdate, queueTemplate("VisibilityTimeout: 30")))
	a.Note("UPDATE change set", "error", err)
	_, err = a.stacks.DescribeStackEvents(ctx, &cloudformation.DescribeStackEventsInput{StackName: name})
	a.Note("DescribeStackEvents", "error", err)
	_, err = a.stacks.DetectStackDrift(ctx, &cloudformation.DetectStackDriftInput{StackName: name})
	a.Note("DetectStackDrift", "error", err)
	_, err = a.stacks.DescribeChangeSet(ctx, &cloudformation.DescribeChangeSetInput{StackName: name, ChangeSetName: aws.String("first")})
	a.Note("DescribeChangeSet", "error", err)
	_, err = a.stacks.DeleteStack(ctx, &cloudformation.DeleteStackInput{StackName: name})
	a.Note("DeleteStack", "code", err)
	return nil
}

func noChangeSet(ctx context.Context, a *Account) error {
	if _, err := a.make(ctx, queueTemplate("VisibilityTimeout: 30")); err != nil {
		return err
	}
	stack, name := aws.String(a.prefix), aws.String("nowhere")
	_, err := a.stacks.DescribeChangeSet(ctx, &cloudformation.DescribeChangeSetInput{StackName: stack, ChangeSetName: name})
	a.Note("DescribeChangeSet", "code", err)
	_, err = a.stacks.ExecuteChangeSet(ctx, &cloudformation.ExecuteChangeSetInput{StackName: stack, ChangeSetName: name})
	a.Note("ExecuteChangeSet", "code", err)
	_, err = a.stacks.DeleteChangeSet(ctx, &cloudformation.DeleteChangeSetInput{StackName: stack, ChangeSetName: name})
	a.Note("DeleteChangeSet", "code", err)
	return nil
}

func exists(ctx context.Context, a *Account) error {
	template := queueTemplate("VisibilityTimeout: 30")
	if _, err := a.make(ctx, template); err != nil {
		return err
	}
	_, err := a.stacks.CreateStack(ctx, &cloudformation.CreateStackInput{StackName: aws.String(a.prefix), TemplateBody: aws.String(template)})
	a.Note("CreateStack", "code", err)
	_, err = a.stacks.CreateChangeSet(ctx, request(a.prefix, "again", types.ChangeSetTypeCreate, template))
	a.Note("CREATE change set", "code", err, "says already exists", err != nil && strings.Contains(messageOf(err), "already exists"))
	return nil
}

func templateErrors(ctx context.Context, a *Account) error {
	try := func(template string, parameters ...types.Parameter) error {
		in := request(a.prefix, "first", types.ChangeSetTypeCreate, template)
		in.Parameters = parameters
		_, err := a.stacks.CreateChangeSet(ctx, in)
		return err
	}
	give := func(key, value string) types.Parameter {
		return types.Parameter{ParameterKey: aws.String(key), ParameterValue: aws.String(value)}
	}
	name := a.stack()
	good := queueTemplate("VisibilityTimeout: 30")
	sized := "Parameters:\n  Size: {Type: Number, AllowedValues: [30, 60]}\n" + queueTemplate("VisibilityTimeout: !Ref Size")
	a.Note("unresolved reference", "error", try(queueTemplate("VisibilityTimeout: !Ref Nowhere")))
	a.Note("no resources", "code", try("Outputs:\n  One: {Value: '1'}\n"))
	a.Note("not YAML", "code", try("Resources: [\n"))
	a.Note("missing parameter", "error", try(sized))
	a.Note("unknown parameter", "error", try(good, give("Nowhere", "1")))
	a.Note("value not allowed", "code", try(sized, give("Size", "45")))
	err := try(good + strings.Repeat("#", 51_201-len(good)))
	a.Note("51,201 bytes", "code", err, "says 51200", err != nil && strings.Contains(messageOf(err), "51200"))
	s, err := a.describe(ctx, name)
	a.Note("stack", "there", s != nil)
	return err
}

// role is a stack of a role that nobody can assume.
func role(properties string) string {
	return fmt.Sprintf("Resources:\n  Role:\n    Type: AWS::IAM::Role\n    Properties:\n%s"+
		"      AssumeRolePolicyDocument: {Version: '2012-10-17', Statement: [{Effect: Deny, Principal: {Service: sqs.amazonaws.com}, Action: sts:AssumeRole}]}\n", properties)
}

func capabilities(ctx context.Context, a *Account) error {
	name := a.stack()
	_, err := a.stacks.CreateChangeSet(ctx, request(name, "first", types.ChangeSetTypeCreate, role("")))
	a.Note("a role", "error", err)
	_, err = a.stacks.CreateChangeSet(ctx, request(name, "first", types.ChangeSetTypeCreate, role("      RoleName: !Ref AWS::StackName\n")))
	a.Note("a named role", "error", err)
	return nil
}

func names(ctx context.Context, a *Account) error {
	for _, c := range []struct{ label, name string }{{"a digit first", "1st"}, {"an underscore", "first_one"}} {
		in := request(a.stack(), c.name, types.ChangeSetTypeCreate, queueTemplate("VisibilityTimeout: 30"))
		in.ClientToken = nil
		_, err := a.stacks.CreateChangeSet(ctx, in)
		a.Note(c.label, "code", err)
	}
	return nil
}
