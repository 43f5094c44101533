package cloudformation_test

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	cfn "github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/google/go-cmp/cmp"

	"github.com/driftless-gitops/driftless/internal/sandbox/cloudformation"
	"github.com/driftless-gitops/driftless/internal/sandbox/cloudformation/resource"
	"github.com/driftless-gitops/driftless/internal/sandbox/lambda"
)

// serverlessApp is a small one: a function on a schedule with a table of its own, told by what
// Globals and a policy template say.
const serverlessApp = `
Transform: [AWS::LanguageExtensions, AWS::Serverless-2016-10-31]
Globals: { Function: { Runtime: python3.12, Timeout: 5 } }
Parameters: { Rate: { Type: String, Default: rate(1 hour) } }
Resources:
  Table: { Type: AWS::Serverless::SimpleTable }
  Ticker:
    Type: AWS::Serverless::Function
    Properties:
      Handler: index.handler
      InlineCode: "def handler(event, context): pass"
      Policies: [{ DynamoDBCrudPolicy: { TableName: !Ref Table } }]
      Environment: { Variables: { TABLE: !Ref Table, TAGS: !ToJsonString { rate: !Ref Rate } } }
      Events: { Tick: { Type: Schedule, Properties: { Schedule: !Ref Rate } } }
Outputs:
  Role: { Value: !GetAtt TickerRole.Arn }
`

// serverlessWorld is a world with Lambda in it.
func serverlessWorld(t *testing.T) *world {
	t.Helper()
	return newWorld(t, func(c *cloudformation.Config) {
		functions := lambda.New(lambda.Config{Moto: c.Moto, Endpoint: c.Endpoint, Account: c.Account, Region: "us-east-1", Dir: t.TempDir()})
		t.Cleanup(functions.Close)
		c.Kinds = functions.Kinds()
	})
}

func TestAServerlessTemplateIsExpandedWhileItsChangeSetIsMade(t *testing.T) {
	w := serverlessWorld(t)
	set := w.plan("ticker", serverlessApp, withIAM)
	if set.Status != types.ChangeSetStatusCreateComplete {
		t.Fatalf("%s %s", set.Status, aws.ToString(set.StatusReason))
	}
	got := map[string]string{}
	for _, c := range set.Changes {
		got[aws.ToString(c.ResourceChange.LogicalResourceId)] = aws.ToString(c.ResourceChange.ResourceType)
	}
	want := map[string]string{"Table": "AWS::DynamoDB::Table", "Ticker": "AWS::Lambda::Function", "TickerRole": "AWS::IAM::Role",
		"TickerTick": "AWS::Events::Rule", "TickerTickPermission": "AWS::Lambda::Permission"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("resources (-want +got):\n%s", diff)
	}
	w.execute(set)
	if status := w.settled("ticker"); status != types.StackStatusCreateComplete {
		t.Fatalf("stack ended in %s\n%s", status, w.history("ticker"))
	}
	if role := w.outputs("ticker")["Role"]; !strings.HasPrefix(role, "arn:aws:iam::"+w.account+":role/ticker-TickerRole-") {
		t.Errorf("an output of what the macro made is %q", role)
	}
	w.inSync("ticker")
	if again := w.plan("ticker", serverlessApp, withIAM); aws.ToString(again.StatusReason) != "No updates are to be performed." {
		t.Errorf("the same template: %s %s", again.Status, aws.ToString(again.StatusReason))
	}
	faster := w.plan("ticker", serverlessApp, withIAM, withParameter("Rate", "rate(2 hours)"))
	if got := slices.Sorted(maps.Keys(changed(faster))); !cmp.Equal(got, []string{"Ticker", "TickerTick"}) {
		t.Errorf("another rate changes %v", got)
	}
	w.stages("ticker")
}

// changed are the resources that a change set changes.
func changed(set *cfn.DescribeChangeSetOutput) map[string]bool {
	out := map[string]bool{}
	for _, c := range set.Changes {
		out[aws.ToString(c.ResourceChange.LogicalResourceId)] = true
	}
	return out
}

// stages fails the test unless the template is shown as it was sent, and as it was made.
func (w *world) stages(stack string) {
	w.t.Helper()
	for stage, want := range map[types.TemplateStage]string{
		types.TemplateStageOriginal: "AWS::Serverless::SimpleTable", types.TemplateStageProcessed: "AWS::DynamoDB::Table", "": "AWS::DynamoDB::Table"} {
		got, err := w.client.GetTemplate(w.t.Context(), &cfn.GetTemplateInput{StackName: aws.String(stack), TemplateStage: stage})
		if err != nil || !strings.Contains(aws.ToString(got.TemplateBody), want) || len(got.StagesAvailable) != 2 {
			w.t.Errorf("stage %q: %v %v, want a template with %s", stage, got, err, want)
		}
	}
}

func TestWhatTheMacroRefusesFailsTheChangeSet(t *testing.T) {
	w := serverlessWorld(t)
	for name, c := range map[string]struct {
		body, want string
		options    []option
	}{
		"a resource that is not valid": {
			strings.Replace(serverlessApp, "      InlineCode: \"def handler(event, context): pass\"\n", "", 1),
			"Transform AWS::Serverless-2016-10-31 failed with: Invalid Serverless Application Specification document. Number of errors found: 1. " +
				"Resource with id [Ticker] is invalid. Only one of 'InlineCode' or 'CodeUri' can be set.", []option{withIAM}},
		"a role without its capability": {serverlessApp, "Requires capabilities : [CAPABILITY_IAM]", nil},
		"a type that the sandbox lacks": {
			"Transform: AWS::Serverless-2016-10-31\nResources: { Api: { Type: AWS::Serverless::HttpApi, Properties: { DefinitionBody: { openapi: 3.0.1 } } } }",
			"The sandbox does not have these resource types, which AWS has: [AWS::ApiGatewayV2::Api, AWS::ApiGatewayV2::Stage]", nil},
		"a reference that leads nowhere": {serverlessApp + "  Other: { Value: !Ref Nope }\n",
			"Template format error: Unresolved resource dependencies [Nope] in the Outputs block of the template", []option{withIAM}},
	} {
		t.Run(name, func(t *testing.T) {
			set := w.plan("new", c.body, c.options...)
			if got := aws.ToString(set.StatusReason); set.Status != types.ChangeSetStatusFailed || got != c.want {
				t.Errorf("%s\n got %s\nwant %s", set.Status, got, c.want)
			}
		})
	}
}

func TestADirectCallRunsAMacroOnlyWhereThatIsAcknowledged(t *testing.T) {
	w := serverlessWorld(t)
	create := func(capabilities ...types.Capability) error {
		_, err := w.client.CreateStack(t.Context(), &cfn.CreateStackInput{StackName: aws.String("direct"), TemplateBody: aws.String(serverlessApp), Capabilities: capabilities})
		return err
	}
	if got := message(create(types.CapabilityCapabilityIam)); got != "InsufficientCapabilitiesException: Requires capabilities : [CAPABILITY_AUTO_EXPAND]" {
		t.Errorf("without it: %s", got)
	}
	if err := create(types.CapabilityCapabilityIam, types.CapabilityCapabilityAutoExpand); err != nil {
		t.Fatal(err)
	}
	if status := w.settled("direct"); status != types.StackStatusCreateComplete {
		t.Errorf("stack ended in %s\n%s", status, w.history("direct"))
	}
}

func TestWithoutItsTranslatorAServerlessTemplateIsRefusedByName(t *testing.T) {
	w := serverlessWorld(t)
	dir := t.TempDir()
	t.Chdir(dir)
	t.Setenv("PATH", dir)
	set := w.plan("new", serverlessApp, withIAM)
	if got := aws.ToString(set.StatusReason); !strings.HasPrefix(got, "The sandbox cannot run a transform: the transform AWS::Serverless-2016-10-31 needs aws-sam-translator") {
		t.Errorf("%s %s", set.Status, got)
	}
}

// serverlessAPI is what sam init proposes: a function behind a path of an API. More are its paths.
func serverlessAPI(more string) string {
	return `
Transform: AWS::Serverless-2016-10-31
Resources:
  Hello:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: nodejs22.x
      Handler: index.handler
      InlineCode: "exports.handler = async () => ({statusCode: 200})"
      Events:
        Get: { Type: Api, Properties: { Path: "/hello/{name}", Method: get } }
` + more + `Outputs:
  Api: { Value: !Ref ServerlessRestApi }
`
}

func TestAServerlessAPIHasThePathsOfItsFunctions(t *testing.T) {
	w := serverlessWorld(t)
	scope := resource.Scope{Account: w.account, Region: "us-east-1"}
	shown := func() (paths []string, stages string) {
		at := "/restapis/" + w.outputs("hello")["Api"]
		out, err := w.moto().REST(t.Context(), scope, "apigateway", http.MethodGet, at+"/resources", nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range out["item"].([]any) {
			r := i.(map[string]any)
			methods, _ := r["resourceMethods"].(map[string]any)
			paths = append(paths, fmt.Sprint(r["path"], slices.Sorted(maps.Keys(methods))))
		}
		slices.Sort(paths)
		stage, err := w.moto().REST(t.Context(), scope, "apigateway", http.MethodGet, at+"/stages/Prod", nil)
		if err != nil {
			t.Fatal(err)
		}
		return paths, fmt.Sprint(stage["deploymentId"])
	}
	w.must("hello", serverlessAPI(""), withIAM)
	paths, before := shown()
	if want := []string{"/[]", "/hello/{name}[GET]", "/hello[]"}; !cmp.Equal(paths, want) {
		t.Errorf("paths are %v, want %v", paths, want)
	}
	w.must("hello", serverlessAPI(`        Any: { Type: Api, Properties: { Path: /, Method: any } }
`), withIAM)
	paths, after := shown()
	if want := []string{"/[ANY]", "/hello/{name}[GET]", "/hello[]"}; !cmp.Equal(paths, want) {
		t.Errorf("paths are %v, want %v", paths, want)
	}
	if before == after {
		t.Error("the stage is still at the deployment of before")
	}
	w.delete("hello")
}
