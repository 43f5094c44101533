package e2e_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	sdk "github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/driftless-gitops/driftless/internal/handler"
	"github.com/driftless-gitops/driftless/internal/sandbox"
)

// open are the addresses that anybody may call, each with what is asked of him instead.
var open = map[string]string{
	"POST /<repository id>": "the signature of the body, or GitLab's token; 401 without (TestR5_OnlyASignedPushOfItsOwnRepositoryIsTaken)",
}

// output reads an output of the installation's stack.
func output(t *testing.T, name string) string {
	t.Helper()
	out, err := cloudFormation(t).DescribeStacks(t.Context(), &sdk.DescribeStacksInput{StackName: aws.String("Driftless")})
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range out.Stacks[0].Outputs {
		if *o.OutputKey == name {
			return strings.TrimSuffix(*o.OutputValue, "/")
		}
	}
	t.Fatalf("the stack has no output %s", name)
	return ""
}

func webhookAddress(t *testing.T) string {
	t.Helper()
	return output(t, "WebhookUrl")
}

// caller is somebody who calls; nil signs nothing.
type caller func(t *testing.T, r *http.Request)

func TestEveryRouteNeedsCredentialsButThoseListed(t *testing.T) {
	if sharedIs != nil {
		t.Fatal(sharedIs)
	}
	admin := config(t)
	own, err := admin.Credentials.Retrieve(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	wrong, unknown := own, own
	wrong.SecretAccessKey += "x"
	unknown.AccessKeyID = "AKIAUNKNOWNUNKNOWN00"
	strangers := map[string]caller{
		"unsigned":                       nil,
		"signed with another secret":     signs(wrong, "lambda", sandbox.Region),
		"signed with an unknown key":     signs(unknown, "lambda", sandbox.Region),
		"signed for another service":     signs(own, "execute-api", sandbox.Region),
		"signed for another region":      signs(own, "lambda", "us-east-1"),
		"signed by another account":      signs(session(t, "222233334444"), "lambda", sandbox.Region),
		"signed by whom nobody let call": signs(session(t, sandbox.Account), "lambda", sandbox.Region),
	}
	addresses := map[string]string{"ApiUrl": output(t, "ApiUrl"), "ApiWriteUrl": output(t, "ApiWriteUrl")}
	for name, address := range addresses {
		for _, route := range handler.Routes() {
			for who, sign := range strangers {
				if got := call(t, sign, route.Method, address+strings.Replace(route.Path, "{id}", "jobs", 1)); got != http.StatusForbidden {
					t.Errorf("%s %s of %s, %s: answered %d, want 403", route.Method, route.Path, name, who, got)
				}
			}
		}
		if got := call(t, signs(own, "lambda", sandbox.Region), "GET", address+"/v1/applications"); got != http.StatusOK {
			t.Errorf("who may call %s is answered %d", name, got)
		}
	}
	webhook := webhookAddress(t)
	for route, want := range map[string]int{
		"POST /0123456789abcdef": http.StatusUnauthorized, "GET /0123456789abcdef": http.StatusNotFound, "PUT /0123456789abcdef": http.StatusNotFound,
		"POST /": http.StatusNotFound, "GET /": http.StatusNotFound, "POST /v1/repositories": http.StatusNotFound, "GET /v1/applications": http.StatusNotFound,
		"POST /0123456789abcdef/..": http.StatusNotFound, "OPTIONS /0123456789abcdef": http.StatusNotFound,
	} {
		method, path, _ := strings.Cut(route, " ")
		if got := call(t, nil, method, webhook+path); got != want {
			t.Errorf("%s of the webhook's address, unsigned: answered %d, want %d", route, got, want)
		}
	}
	anonymous(t, addresses, webhook)
}

// anonymous fails where a function can be called by anybody at an address that is not listed.
func anonymous(t *testing.T, signed map[string]string, webhook string) {
	t.Helper()
	found := 0
	for _, r := range resources(t, "AWS::Lambda::Url") {
		address := strings.TrimSuffix(addressOf(t, r), "/")
		if address == webhook {
			found++
			continue
		}
		if address != signed["ApiUrl"] && address != signed["ApiWriteUrl"] {
			t.Errorf("%s is an address that no test walks", address)
		}
	}
	if found != len(open) {
		t.Errorf("%d open addresses, %d are listed", found, len(open))
	}
}

// signs signs requests for a service in a region.
func signs(c aws.Credentials, service, region string) caller {
	return func(t *testing.T, r *http.Request) {
		t.Helper()
		sum := sha256.Sum256(nil)
		r.Header.Set("X-Amz-Date", time.Now().UTC().Format("20060102T150405Z"))
		if err := v4.NewSigner().SignHTTP(t.Context(), c, r, hex.EncodeToString(sum[:]), service, region, time.Now()); err != nil {
			t.Fatal(err)
		}
	}
}

// call makes a request without a body and returns the status of its answer.
func call(t *testing.T, sign caller, method, address string) int {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, address, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	if sign != nil {
		sign(t, r)
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close() // its status is all
	return response.StatusCode
}

// session makes a role without rights in an account and returns a session of it.
func session(t *testing.T, account string) aws.Credentials {
	t.Helper()
	cfg, name := config(t), "stranger-"+account
	in := func(o *iam.Options) { // moto acts in the account that this header names
		o.APIOptions = append(o.APIOptions, smithyhttp.SetHeaderValue("X-Moto-Account-Id", account))
	}
	if _, err := iam.NewFromConfig(cfg, in).CreateRole(t.Context(), &iam.CreateRoleInput{RoleName: &name, AssumeRolePolicyDocument: aws.String(
		fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"AWS":"arn:aws:iam::%s:root"}}]}`, sandbox.Account))}); err != nil {
		t.Fatal(err)
	}
	out, err := sts.NewFromConfig(cfg).AssumeRole(t.Context(), &sts.AssumeRoleInput{RoleArn: aws.String("arn:aws:iam::" + account + ":role/" + name), RoleSessionName: aws.String("test")})
	if err != nil {
		t.Fatal(err)
	}
	c := out.Credentials
	return aws.Credentials{AccessKeyID: *c.AccessKeyId, SecretAccessKey: *c.SecretAccessKey, SessionToken: *c.SessionToken}
}

// resources lists the functions whose addresses the stack made.
func resources(t *testing.T, kind string) []string {
	t.Helper()
	out, err := cloudFormation(t).DescribeStackResources(t.Context(), &sdk.DescribeStackResourcesInput{StackName: aws.String("Driftless")})
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, r := range out.StackResources {
		if aws.ToString(r.ResourceType) == kind {
			ids = append(ids, aws.ToString(r.PhysicalResourceId))
		}
	}
	if len(ids) == 0 {
		t.Fatalf("the stack has no %s", kind)
	}
	return ids
}

// addressOf returns the address of a function or of its alias, named by its ARN.
func addressOf(t *testing.T, arn string) string {
	t.Helper()
	in := &lambda.GetFunctionUrlConfigInput{FunctionName: &arn}
	if parts := strings.Split(arn, ":"); len(parts) == 8 {
		in = &lambda.GetFunctionUrlConfigInput{FunctionName: aws.String(strings.Join(parts[:7], ":")), Qualifier: &parts[7]}
	}
	out, err := lambda.NewFromConfig(config(t)).GetFunctionUrlConfig(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	return *out.FunctionUrl
}
