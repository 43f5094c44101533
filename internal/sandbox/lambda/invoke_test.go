package lambda_test

import (
	"encoding/base64"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awslambda "github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/driftless-gitops/driftless/internal/sandbox/lambda"
	"github.com/driftless-gitops/driftless/internal/sandbox/lambda/internal/echotest"
	"github.com/driftless-gitops/driftless/internal/sandbox/moto"
)

func TestInvokeRunsTheDeployedBinary(t *testing.T) {
	w := newWorld(t)
	out := w.invoke(w.function("echo"), `{"hello":"world"}`)
	if !strings.Contains(string(out.Payload), `"event":{"hello":"world"}`) || out.FunctionError != nil {
		t.Errorf("answer %s, error %v", out.Payload, aws.ToString(out.FunctionError))
	}
	log := must(base64.StdEncoding.DecodeString(aws.ToString(out.LogResult)))(t)
	file := must(os.ReadFile(filepath.Join(w.dir, "logs", w.name+"-echo.log")))(t)
	if !strings.Contains(string(log), "handling") || !strings.Contains(string(file), "handling") {
		t.Errorf("log result %q, log file %q: want the function's output in both", log, file)
	}
}

func TestCodeComesFromS3(t *testing.T) {
	w := newWorld(t)
	store := s3.NewFromConfig(aws.Config{Region: region, BaseEndpoint: &w.gateway.URL, Credentials: w.sqs.Options().Credentials, APIOptions: moto.KeepAnswers()}, func(o *s3.Options) { o.UsePathStyle = true })
	must(store.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &w.name, CreateBucketConfiguration: &s3types.CreateBucketConfiguration{LocationConstraint: region}}))(t)
	must(store.PutObject(t.Context(), &s3.PutObjectInput{Bucket: &w.name, Key: aws.String("code.zip"), Body: strings.NewReader(string(echotest.Package(t)))}))(t)
	arn := w.function("fromS3", func(in *awslambda.CreateFunctionInput) {
		in.Code = &types.FunctionCode{S3Bucket: &w.name, S3Key: aws.String("code.zip")}
	})
	if out := w.invoke(arn, `{}`); out.FunctionError != nil {
		t.Errorf("failed: %s", out.Payload)
	}
	_, err := w.lambda.UpdateFunctionCode(t.Context(), &awslambda.UpdateFunctionCodeInput{FunctionName: &arn, S3Bucket: &w.name, S3Key: aws.String("missing.zip")})
	if code(err) != "InvalidParameterValueException" || !strings.Contains(err.Error(), "NoSuchKey") {
		t.Errorf("error %v, want one that names NoSuchKey", err)
	}
}

func TestFailuresOfFunctionsAreToldApart(t *testing.T) {
	w := newWorld(t)
	arn := w.function("f", func(in *awslambda.CreateFunctionInput) { in.Timeout = aws.Int32(1) })
	broken := w.function("broken", func(in *awslambda.CreateFunctionInput) {
		in.Environment = &types.Environment{Variables: map[string]string{"FAIL_INIT": "1"}}
	})
	for name, c := range map[string]struct{ arn, payload, want string }{
		"an error":            {arn, `{"do":"fail"}`, "failed as asked"},
		"a panic":             {arn, `{"do":"panic"}`, "panicked as asked"},
		"an exit":             {arn, `{"do":"exit"}`, "exit status 7"},
		"a timeout":           {arn, `{"do":"hang"}`, "Task timed out after 1.00 seconds"},
		"a start that failed": {broken, `{}`, "exit status 3"},
	} {
		t.Run(name, func(t *testing.T) {
			out := w.invoke(c.arn, c.payload)
			if aws.ToString(out.FunctionError) != "Unhandled" || !strings.Contains(string(out.Payload), c.want) {
				t.Errorf("function error %q, payload %s, want %q", aws.ToString(out.FunctionError), out.Payload, c.want)
			}
			_, err := w.service.Invoke(t.Context(), c.arn, []byte(c.payload))
			var failed *lambda.FunctionError
			if !errors.As(err, &failed) || !strings.Contains(failed.Message, c.want) {
				t.Errorf("error %v, want a FunctionError with %q", err, c.want)
			}
		})
	}
}

func TestFunctionGetsItsEnvironmentAndItsRole(t *testing.T) {
	w := newWorld(t)
	arn := w.function("env")
	env := decode[[]string](t, func() []byte { return must(w.service.Invoke(t.Context(), arn, []byte(`{"do":"env"}`)))(t) }())
	for _, want := range []string{
		"AWS_ENDPOINT_URL=" + w.gateway.URL, "AWS_REGION=" + region, "AWS_LAMBDA_FUNCTION_NAME=" + w.name + "-env",
		"AWS_ACCESS_KEY_ID=ASIATEST", "AWS_SESSION_TOKEN=token of " + w.name + "-env", "_HANDLER=bootstrap",
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE=128", "AWS_EC2_METADATA_DISABLED=true",
	} {
		if !slices.Contains(env, want) {
			t.Errorf("environment lacks %s: %q", want, env)
		}
	}
}

func TestWhatTheMachineCannotRunIsRefusedByName(t *testing.T) {
	w := newWorld(t)
	other := types.ArchitectureArm64
	if machine == other {
		other = types.ArchitectureX8664
	}
	for name, c := range map[string]struct {
		change func(*awslambda.CreateFunctionInput)
		want   string
	}{
		"another architecture, with the hint": {func(in *awslambda.CreateFunctionInput) { in.Architectures = []types.Architecture{other} }, "-c architecture=" + string(machine)},
		"another runtime":                     {func(in *awslambda.CreateFunctionInput) { in.Runtime = types.RuntimeNodejs22x }, "nodejs22.x"},
		"a layer":                             {func(in *awslambda.CreateFunctionInput) { in.Layers = []string{"arn:aws:lambda:eu-west-1:1:layer:x:1"} }, "layer:x:1"},
	} {
		t.Run(name, func(t *testing.T) {
			arn := w.function(strings.ReplaceAll(strings.ReplaceAll(name, " ", "-"), ",", ""), c.change)
			_, err := w.lambda.Invoke(t.Context(), &awslambda.InvokeInput{FunctionName: &arn}, func(o *awslambda.Options) { o.RetryMaxAttempts = 1 })
			if code(err) != "InvalidRuntimeException" || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %q", err, c.want)
			}
		})
	}
}

func TestWhatLambdaRefusesIsRefused(t *testing.T) {
	w := newWorld(t)
	role := w.role("r")
	for name, c := range map[string]struct {
		change func(*awslambda.CreateFunctionInput)
		want   string
	}{
		"a zip that is none":          {func(in *awslambda.CreateFunctionInput) { in.Code.ZipFile = []byte("no") }, "Could not unzip"},
		"a zip that leaves its place": {func(in *awslambda.CreateFunctionInput) { in.Code.ZipFile = echotest.Zip(t, "../evil", 0o755, nil) }, "leaves the package"},
		"a reserved variable":         {func(in *awslambda.CreateFunctionInput) { in.Environment.Variables["AWS_REGION"] = "x" }, "Reserved keys used in this request: AWS_REGION"},
		"a timeout over 15 minutes":   {func(in *awslambda.CreateFunctionInput) { in.Timeout = aws.Int32(901) }, "timeout"},
		"too little memory":           {func(in *awslambda.CreateFunctionInput) { in.MemorySize = aws.Int32(64) }, "memorySize"},
		"a role that is no ARN":       {func(in *awslambda.CreateFunctionInput) { in.Role = aws.String("admin") }, "role"},
		"no runtime":                  {func(in *awslambda.CreateFunctionInput) { in.Runtime = "" }, "Runtime and Handler"},
		"a dead-letter target that is no queue": {func(in *awslambda.CreateFunctionInput) {
			in.DeadLetterConfig = &types.DeadLetterConfig{TargetArn: aws.String("arn:aws:s3:::b")}
		}, "dead-letter target"},
	} {
		t.Run(name, func(t *testing.T) {
			in := &awslambda.CreateFunctionInput{
				FunctionName: aws.String(w.name), Runtime: types.RuntimeProvidedal2023, Handler: aws.String("bootstrap"), Role: &role,
				Code: &types.FunctionCode{ZipFile: echotest.Package(t)}, Environment: &types.Environment{Variables: map[string]string{}},
			}
			c.change(in)
			_, err := w.lambda.CreateFunction(t.Context(), in)
			if code(err) != "InvalidParameterValueException" || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %q", err, c.want)
			}
		})
	}
}

func TestUpdateTakesEffectAndVersionsStay(t *testing.T) {
	w := newWorld(t)
	arn := w.function("f")
	first := must(w.lambda.PublishVersion(t.Context(), &awslambda.PublishVersionInput{FunctionName: &arn}))(t)
	must(w.lambda.CreateAlias(t.Context(), &awslambda.CreateAliasInput{FunctionName: &arn, Name: aws.String("live"), FunctionVersion: first.Version}))(t)
	must(w.lambda.UpdateFunctionConfiguration(t.Context(), &awslambda.UpdateFunctionConfigurationInput{
		FunctionName: &arn, Environment: &types.Environment{Variables: map[string]string{"NEW": "1"}},
	}))(t)
	for qualifier, want := range map[string]bool{":live": false, "": true, ":$LATEST": true, ":1": false} {
		env := string(must(w.service.Invoke(t.Context(), arn+qualifier, []byte(`{"do":"env"}`)))(t))
		if got := strings.Contains(env, `"NEW=1"`); got != want || strings.Contains(env, "OUT=") == want {
			t.Errorf("%q: new environment %v, want %v", qualifier, got, want)
		}
	}
	again := must(w.lambda.PublishVersion(t.Context(), &awslambda.PublishVersionInput{FunctionName: &arn}))(t)
	same := must(w.lambda.PublishVersion(t.Context(), &awslambda.PublishVersionInput{FunctionName: &arn}))(t)
	if *again.Version != "2" || *same.Version != "2" {
		t.Errorf("versions %s and %s, want 2 and, nothing having changed, 2 again", *again.Version, *same.Version)
	}
	if out := w.invoke(arn+":live", `{"do":"context"}`); !strings.Contains(string(out.Payload), arn+":live") {
		t.Errorf("the function saw %s, want the alias's ARN", out.Payload)
	}
	if _, err := w.service.Invoke(t.Context(), arn+":nowhere", nil); code(err) != "ResourceNotFoundException" {
		t.Errorf("error %v, want ResourceNotFoundException", err)
	}
}

func TestReservedConcurrencyThrottles(t *testing.T) {
	w := newWorld(t)
	arn := w.function("f")
	must(w.lambda.PutFunctionConcurrency(t.Context(), &awslambda.PutFunctionConcurrencyInput{FunctionName: &arn, ReservedConcurrentExecutions: aws.Int32(0)}))(t)
	_, err := w.lambda.Invoke(t.Context(), &awslambda.InvokeInput{FunctionName: &arn}, func(o *awslambda.Options) { o.RetryMaxAttempts = 1 })
	if code(err) != "TooManyRequestsException" {
		t.Errorf("error %v, want TooManyRequestsException", err)
	}
}

func TestUnknownOperationIsRefusedByName(t *testing.T) {
	w := newWorld(t)
	_, err := w.lambda.ListLayers(t.Context(), &awslambda.ListLayersInput{})
	if err == nil || !strings.Contains(err.Error(), "/layers") {
		t.Errorf("error %v, want one that names the operation", err)
	}
}
