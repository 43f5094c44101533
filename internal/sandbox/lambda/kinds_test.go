package lambda_test

import (
	"encoding/base64"
	"maps"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awslambda "github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/driftless-gitops/driftless/internal/sandbox/lambda/internal/echotest"
	"github.com/driftless-gitops/driftless/internal/sandbox/moto"
	"github.com/driftless-gitops/driftless/internal/sandbox/wire"
)

// stack makes resources as CloudFormation does, one by one.
type stack struct {
	w     *world
	kinds map[string]wire.Kind
}

func (s stack) request(kind, id string, properties map[string]any) wire.Request {
	return wire.Request{
		Account: account, Region: region, StackName: s.w.name, LogicalID: id, Type: "AWS::Lambda::" + kind,
		Properties: properties, Tags: map[string]string{"aws:cloudformation:stack-name": s.w.name},
	}
}

func (s stack) create(kind, id string, properties map[string]any) wire.Made {
	s.w.t.Helper()
	return must(s.kinds["AWS::Lambda::"+kind].Create(s.w.t.Context(), s.request(kind, id, properties)))(s.w.t)
}

func (s stack) update(kind, id, physical string, before, after map[string]any) wire.Made {
	s.w.t.Helper()
	r := s.request(kind, id, after)
	r.PhysicalID, r.Previous = physical, before
	return must(s.kinds["AWS::Lambda::"+kind].Update(s.w.t.Context(), r))(s.w.t)
}

func (s stack) remove(kind, id, physical string, properties map[string]any) {
	s.w.t.Helper()
	r := s.request(kind, id, properties)
	r.PhysicalID = physical
	for range 2 { // gone already is no error
		if err := s.kinds["AWS::Lambda::"+kind].Delete(s.w.t.Context(), r); err != nil {
			s.w.t.Fatal(err)
		}
	}
}

// functionProperties are a function's as a template has them, its code in S3.
func (s stack) functionProperties() map[string]any {
	s.w.t.Helper()
	w := s.w
	store := s3.NewFromConfig(aws.Config{Region: region, BaseEndpoint: &w.gateway.URL, Credentials: w.sqs.Options().Credentials, APIOptions: moto.KeepAnswers()}, func(o *s3.Options) { o.UsePathStyle = true })
	must(store.CreateBucket(w.t.Context(), &s3.CreateBucketInput{Bucket: &w.name, CreateBucketConfiguration: &s3types.CreateBucketConfiguration{LocationConstraint: region}}))(w.t)
	must(store.PutObject(w.t.Context(), &s3.PutObjectInput{Bucket: &w.name, Key: aws.String("code.zip"), Body: strings.NewReader(string(echotest.Package(w.t)))}))(w.t)
	return map[string]any{
		"Runtime": "provided.al2023", "Handler": "bootstrap", "Role": w.role("stack"),
		"Code":          map[string]any{"S3Bucket": w.name, "S3Key": "code.zip"},
		"Architectures": []any{string(machine)}, "Timeout": "20", "MemorySize": float64(256),
		"Environment": map[string]any{"Variables": map[string]any{"OUT": w.dir + "/out"}},
		"Tags":        []any{map[string]any{"Key": "team", "Value": "a"}},
	}
}

func newStack(t *testing.T) stack {
	w := newWorld(t)
	return stack{w, w.service.Kinds()}
}

func TestStackOfAFunctionWithVersionAliasAndAddress(t *testing.T) {
	s := newStack(t)
	w := s.w
	properties := s.functionProperties()
	f := s.create("Function", "Api", properties)
	if !strings.HasPrefix(f.PhysicalID, w.name+"-Api-") || f.Attributes["Arn"] != "arn:aws:lambda:"+region+":"+account+":function:"+f.PhysicalID {
		t.Errorf("function %+v", f)
	}
	got := must(w.lambda.GetFunction(t.Context(), &awslambda.GetFunctionInput{FunctionName: &f.PhysicalID}))(t)
	if *got.Configuration.Timeout != 20 || *got.Configuration.MemorySize != 256 || got.Configuration.Architectures[0] != machine || got.Tags["team"] != "a" || got.Tags["aws:cloudformation:stack-name"] != w.name {
		t.Errorf("function %+v, tags %v", got.Configuration, got.Tags)
	}
	version := s.create("Version", "V1", map[string]any{"FunctionName": f.PhysicalID})
	if version.Attributes["Version"] != "1" || version.PhysicalID != f.Attributes["Arn"].(string)+":1" {
		t.Errorf("version %+v", version)
	}
	alias := s.create("Alias", "Live", map[string]any{"FunctionName": f.PhysicalID, "FunctionVersion": version.Attributes["Version"], "Name": "live"})
	url := s.create("Url", "Address", map[string]any{"TargetFunctionArn": f.Attributes["Arn"], "Qualifier": "live", "AuthType": "NONE"})
	if url.Attributes["FunctionArn"] != alias.PhysicalID {
		t.Errorf("address of %v, want %s", url.Attributes["FunctionArn"], alias.PhysicalID)
	}
	one := s.create("Permission", "P1", map[string]any{"FunctionName": alias.PhysicalID, "Action": "lambda:InvokeFunctionUrl", "Principal": "*", "FunctionUrlAuthType": "NONE"})
	s.create("Permission", "P2", map[string]any{"FunctionName": alias.PhysicalID, "Action": "lambda:InvokeFunction", "Principal": "*", "InvokedViaFunctionUrl": true})
	address := url.Attributes["FunctionUrl"].(string)
	if response, body := do(t, request(t, http.MethodGet, address, "")); response.StatusCode != http.StatusCreated {
		t.Errorf("status %d: %s", response.StatusCode, body)
	}
	s.remove("Permission", "P1", one.PhysicalID, nil)
	if response, _ := do(t, request(t, http.MethodGet, address, "")); response.StatusCode != http.StatusForbidden {
		t.Errorf("status %d after the permission was deleted", response.StatusCode)
	}
	s.remove("Url", "Address", url.PhysicalID, nil)
	s.remove("Alias", "Live", alias.PhysicalID, nil)
	s.remove("Version", "V1", version.PhysicalID, nil)
	s.remove("Function", "Api", f.PhysicalID, properties)
	if _, err := w.lambda.GetFunction(t.Context(), &awslambda.GetFunctionInput{FunctionName: &f.PhysicalID}); code(err) != "ResourceNotFoundException" {
		t.Errorf("error %v after the function was deleted", err)
	}
}

func TestStackUpdateChangesInPlaceAndReplacesWhereItMust(t *testing.T) {
	s := newStack(t)
	before := s.functionProperties()
	f := s.create("Function", "F", before)
	s.create("Version", "V1", map[string]any{"FunctionName": f.PhysicalID})
	if _, err := s.kinds["AWS::Lambda::Version"].Create(t.Context(), s.request("Version", "V2", map[string]any{"FunctionName": f.PhysicalID})); err == nil || !strings.Contains(err.Error(), "A version for this Lambda function exists ( 1 )") {
		t.Errorf("a second version of the same code: error %v", err)
	}
	after := maps.Clone(before)
	after["Timeout"] = "30"
	after["Environment"] = map[string]any{"Variables": map[string]any{"NEW": "1"}}
	if got := s.update("Function", "F", f.PhysicalID, before, after); got.PhysicalID != f.PhysicalID {
		t.Errorf("the update replaced %s by %s", f.PhysicalID, got.PhysicalID)
	}
	if env := string(s.w.invoke(f.PhysicalID, `{"do":"env"}`).Payload); !strings.Contains(env, "NEW=1") || strings.Contains(env, "OUT=") {
		t.Errorf("environment %s", env)
	}
	v := s.create("Version", "V2", map[string]any{"FunctionName": f.PhysicalID})
	if v.Attributes["Version"] != "2" {
		t.Errorf("version %v after a change, want 2", v.Attributes["Version"])
	}
	renamed := maps.Clone(after)
	renamed["FunctionName"] = s.w.name + "-renamed"
	if got := s.update("Function", "F", f.PhysicalID, after, renamed); got.PhysicalID != s.w.name+"-renamed" {
		t.Errorf("physical id %s, want the new name", got.PhysicalID)
	}
}

func TestStackWithAQueueAndEventSettings(t *testing.T) {
	s := newStack(t)
	w := s.w
	f := s.create("Function", "F", s.functionProperties())
	url, arn := w.queue("work.fifo", fifo())
	properties := map[string]any{"FunctionName": f.PhysicalID, "EventSourceArn": arn, "BatchSize": "1", "ScalingConfig": map[string]any{"MaximumConcurrency": float64(5)}, "FunctionResponseTypes": []any{"ReportBatchItemFailures"}}
	mapping := s.create("EventSourceMapping", "M", properties)
	w.send(url, "a: 1")
	w.eventually("handled", func() bool { return len(w.handled()) == 1 })
	disabled := maps.Clone(properties)
	disabled["Enabled"] = "false"
	s.update("EventSourceMapping", "M", mapping.PhysicalID, properties, disabled)
	got := must(w.lambda.GetEventSourceMapping(t.Context(), &awslambda.GetEventSourceMappingInput{UUID: &mapping.PhysicalID}))(t)
	if *got.State != "Disabled" || *got.ScalingConfig.MaximumConcurrency != 5 || *got.BatchSize != 1 {
		t.Errorf("mapping %s %+v", *got.State, got.ScalingConfig)
	}
	s.update("EventSourceMapping", "M", mapping.PhysicalID, disabled, properties)
	w.send(url, "a: 2")
	w.eventually("handled again", func() bool { return len(w.handled()) == 2 })
	s.remove("EventSourceMapping", "M", mapping.PhysicalID, properties)

	settings := s.create("EventInvokeConfig", "E", map[string]any{"FunctionName": f.PhysicalID, "Qualifier": "$LATEST", "MaximumRetryAttempts": float64(1)})
	invokes := must(w.lambda.GetFunctionEventInvokeConfig(t.Context(), &awslambda.GetFunctionEventInvokeConfigInput{FunctionName: &f.PhysicalID}))(t)
	if *invokes.MaximumRetryAttempts != 1 {
		t.Errorf("retries %d, want 1", *invokes.MaximumRetryAttempts)
	}
	s.remove("EventInvokeConfig", "E", settings.PhysicalID, nil)
	if _, err := w.lambda.GetFunctionEventInvokeConfig(t.Context(), &awslambda.GetFunctionEventInvokeConfigInput{FunctionName: &f.PhysicalID}); code(err) != "ResourceNotFoundException" {
		t.Errorf("error %v", err)
	}
}

func TestInlineCodeIsTakenForLanguagesAlone(t *testing.T) {
	s := newStack(t)
	properties := map[string]any{"Runtime": "python3.13", "Handler": "index.handler", "Role": s.w.role("r"), "Code": map[string]any{"ZipFile": "def handler(e, c): pass"}}
	f := s.create("Function", "Python", properties)
	got := must(s.w.lambda.GetFunctionConfiguration(t.Context(), &awslambda.GetFunctionConfigurationInput{FunctionName: &f.PhysicalID}))(t)
	if sum, err := base64.StdEncoding.DecodeString(*got.CodeSha256); err != nil || len(sum) != 32 {
		t.Errorf("sha %q", *got.CodeSha256)
	}
	properties["Runtime"] = "provided.al2023"
	if _, err := s.kinds["AWS::Lambda::Function"].Create(t.Context(), s.request("Function", "Go", properties)); err == nil || !strings.Contains(err.Error(), "ZipFile can only be used") {
		t.Errorf("error %v", err)
	}
}

func TestRightThatWasGivenAMomentAgoCounts(t *testing.T) {
	w := newWorld(t)
	_, arn := w.queue("work.fifo", fifo())
	f := w.function("f", func(in *awslambda.CreateFunctionInput) {
		in.Role = aws.String(w.role("late", `{"Effect":"Allow","Action":"logs:*","Resource":"*"}`))
	})
	in := &awslambda.CreateEventSourceMappingInput{EventSourceArn: &arn, FunctionName: &f}
	if _, err := w.lambda.CreateEventSourceMapping(t.Context(), in); err == nil {
		t.Fatal("a role without rights was taken")
	}
	w.policy(w.name+"-late", `{"Effect":"Allow","Action":"sqs:*","Resource":"*"}`)
	if _, err := w.lambda.CreateEventSourceMapping(t.Context(), in); err != nil {
		t.Error(err)
	}
}
