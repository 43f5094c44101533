package lambda_test

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	awslambda "github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/google/go-cmp/cmp"
)

// bothPermissions are what a caller of function URLs needs.
const bothPermissions = `{"Effect":"Allow","Action":"lambda:InvokeFunctionUrl","Resource":"*"},` +
	`{"Effect":"Allow","Action":"lambda:InvokeFunction","Resource":"*","Condition":{"Bool":{"lambda:InvokedViaFunctionUrl":"true"}}}`

// address gives a function an address.
func (w *world) address(function string, auth types.FunctionUrlAuthType) string {
	w.t.Helper()
	out := must(w.lambda.CreateFunctionUrlConfig(w.t.Context(), &awslambda.CreateFunctionUrlConfigInput{FunctionName: &function, AuthType: auth}))(w.t)
	return *out.FunctionUrl
}

// session lets an access key be a session of a role.
func (w *world) session(key, roleARN string) {
	w.keys[key] = "arn:aws:sts::" + account + ":assumed-role/" + roleARN[strings.LastIndex(roleARN, "/")+1:] + "/me"
}

// request is an unsigned request.
func request(t *testing.T, method, url, body string, header ...string) *http.Request {
	t.Helper()
	r := must(http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body)))(t)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	return r
}

// sign signs a request as the SDK does.
func sign(t *testing.T, r *http.Request, body, key, secret string) *http.Request {
	t.Helper()
	sum := sha256.Sum256([]byte(body))
	err := v4.NewSigner().SignHTTP(t.Context(), aws.Credentials{AccessKeyID: key, SecretAccessKey: secret}, r, hex.EncodeToString(sum[:]), "lambda", region, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func do(t *testing.T, r *http.Request) (*http.Response, string) {
	t.Helper()
	response := must(http.DefaultClient.Do(r))(t)
	defer response.Body.Close()
	return response, string(must(io.ReadAll(response.Body))(t))
}

func TestSignedRequestReachesTheFunctionAsLambdasEvent(t *testing.T) {
	w := newWorld(t)
	role := w.role("viewer", bothPermissions)
	w.session("ASIAME", role)
	url := w.address(w.function("f"), types.FunctionUrlAuthTypeAwsIam)
	r := request(t, http.MethodPost, url+"applications/a%20b?x=1&x=2&y=%2F", `{"n":1}`, "Content-Type", "application/json", "Cookie", "a=1; b=2", "X-Own", "v")
	response, body := do(t, sign(t, r, `{"n":1}`, "ASIAME", "secret"))
	if response.StatusCode != http.StatusCreated || response.Header.Get("X-Made") != "yes" || len(response.Cookies()) != 2 {
		t.Fatalf("status %d, headers %v: %s", response.StatusCode, response.Header, body)
	}
	got := decode[events.LambdaFunctionURLRequest](t, []byte(body))
	if got.RawPath != "/applications/a%20b" || got.RawQueryString != "x=1&x=2&y=%2F" || got.Body != `{"n":1}` || got.IsBase64Encoded {
		t.Errorf("event %+v", got)
	}
	if diff := cmp.Diff(map[string]string{"x": "1,2", "y": "/"}, got.QueryStringParameters); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"a=1", "b=2"}, got.Cookies); diff != "" {
		t.Error(diff)
	}
	if got.Headers["x-own"] != "v" || got.Headers["content-type"] != "application/json" || got.RequestContext.HTTP.Method != "POST" {
		t.Errorf("headers %v, method %s", got.Headers, got.RequestContext.HTTP.Method)
	}
	who := got.RequestContext.Authorizer.IAM
	if who.UserARN != w.keys["ASIAME"] || who.AccountID != account || who.AccessKey != "ASIAME" || !strings.HasSuffix(who.UserID, ":me") {
		t.Errorf("caller %+v", who)
	}
}

func TestWhoMayCallAFunctionURL(t *testing.T) {
	w := newWorld(t)
	url := w.address(w.function("f"), types.FunctionUrlAuthTypeAwsIam)
	policies := map[string]string{
		"both":        bothPermissions,
		"urlonly":     `{"Effect":"Allow","Action":"lambda:InvokeFunctionUrl","Resource":"*"}`,
		"invokeonly":  `{"Effect":"Allow","Action":"lambda:InvokeFunction","Resource":"*"}`,
		"other":       strings.ReplaceAll(bothPermissions, `"Resource":"*"`, `"Resource":"arn:aws:lambda:*:*:function:other"`),
		"denied":      bothPermissions + `,{"Effect":"Deny","Action":"lambda:InvokeFunction","Resource":"*"}`,
		"wrongauth":   `{"Effect":"Allow","Action":"lambda:*","Resource":"*","Condition":{"StringEquals":{"lambda:FunctionUrlAuthType":"NONE"}}}`,
		"everything":  `{"Effect":"Allow","Action":"*","Resource":"*"}`,
		"nothingmuch": `{"Effect":"Allow","Action":"s3:*","Resource":"*"}`,
	}
	for name, statements := range policies {
		w.session("ASIA"+name, w.role(name, statements))
	}
	w.keys["AKIAROOT"] = "arn:aws:iam::" + account + ":root"
	w.keys["AKIAGONE"] = "arn:aws:iam::" + account + ":user/gone"
	for name, c := range map[string]struct {
		key, secret, want string
		status            int
	}{
		"both permissions":                  {key: "ASIAboth", status: 201},
		"everything":                        {key: "ASIAeverything", status: 201},
		"the account's root":                {key: "AKIAROOT", status: 201},
		"without lambda:InvokeFunction":     {key: "ASIAurlonly", status: 403, want: "Forbidden"},
		"without lambda:InvokeFunctionUrl":  {key: "ASIAinvokeonly", status: 403, want: "Forbidden"},
		"for another function":              {key: "ASIAother", status: 403, want: "Forbidden"},
		"allowed and denied":                {key: "ASIAdenied", status: 403, want: "Forbidden"},
		"for another kind of URL":           {key: "ASIAwrongauth", status: 403, want: "Forbidden"},
		"other services only":               {key: "ASIAnothingmuch", status: 403, want: "Forbidden"},
		"a user that is gone":               {key: "AKIAGONE", status: 403, want: "Forbidden"},
		"an access key that nobody has":     {key: "AKIANOBODY", status: 403, want: "Forbidden"},
		"a signature with another's secret": {key: "ASIAboth", secret: "guess", status: 403, want: "signature we calculated"},
		"no signature at all":               {status: 403, want: "Forbidden"},
	} {
		t.Run(name, func(t *testing.T) {
			r := request(t, http.MethodGet, url+"x", "")
			if c.key != "" {
				if c.secret == "" {
					c.secret = "secret"
				}
				sign(t, r, "", c.key, c.secret)
			}
			response, body := do(t, r)
			if response.StatusCode != c.status || !strings.Contains(body, c.want) {
				t.Errorf("status %d: %s; want %d and %q", response.StatusCode, body, c.status, c.want)
			}
		})
	}
}

func TestUsersGroupsAndManagedPoliciesCount(t *testing.T) {
	w := newWorld(t)
	url := w.address(w.function("f"), types.FunctionUrlAuthTypeAwsIam)
	user, group := w.name+"-user", w.name+"-group"
	must(w.iam.CreateUser(t.Context(), &iam.CreateUserInput{UserName: &user}))(t)
	must(w.iam.CreateGroup(t.Context(), &iam.CreateGroupInput{GroupName: &group}))(t)
	must(w.iam.AddUserToGroup(t.Context(), &iam.AddUserToGroupInput{UserName: &user, GroupName: &group}))(t)
	w.keys["AKIAUSER"] = "arn:aws:iam::" + account + ":user/" + user
	status := func() int {
		response, _ := do(t, sign(t, request(t, http.MethodGet, url, ""), "", "AKIAUSER", "secret"))
		return response.StatusCode
	}
	if got := status(); got != http.StatusForbidden {
		t.Fatalf("without any policy: status %d", got)
	}
	own := must(w.iam.CreatePolicy(t.Context(), &iam.CreatePolicyInput{
		PolicyName: &w.name, PolicyDocument: aws.String(`{"Version":"2012-10-17","Statement":[` + bothPermissions + `]}`),
	}))(t)
	must(w.iam.AttachGroupPolicy(t.Context(), &iam.AttachGroupPolicyInput{GroupName: &group, PolicyArn: own.Policy.Arn}))(t)
	w.eventually("the group's managed policy counts", func() bool { return status() == http.StatusCreated })
	must(w.iam.DetachGroupPolicy(t.Context(), &iam.DetachGroupPolicyInput{GroupName: &group, PolicyArn: own.Policy.Arn}))(t)
	w.eventually("it counts no longer", func() bool { return status() == http.StatusForbidden })
	must(w.iam.AttachUserPolicy(t.Context(), &iam.AttachUserPolicyInput{UserName: &user, PolicyArn: aws.String("arn:aws:iam::aws:policy/AdministratorAccess")}))(t)
	w.eventually("an administrator passes", func() bool { return status() == http.StatusCreated })
}

func TestPublicURLNeedsBothPermissionsOfEverybody(t *testing.T) {
	w := newWorld(t)
	f := w.function("f")
	url := w.address(f, types.FunctionUrlAuthTypeNone)
	get := func() int {
		response, _ := do(t, request(t, http.MethodGet, url, ""))
		return response.StatusCode
	}
	if got := get(); got != http.StatusForbidden {
		t.Errorf("without permission: status %d", got)
	}
	permit := func(id, action string, auth types.FunctionUrlAuthType, via *bool) {
		must(w.lambda.AddPermission(t.Context(), &awslambda.AddPermissionInput{
			FunctionName: &f, StatementId: &id, Action: &action, Principal: aws.String("*"), FunctionUrlAuthType: auth, InvokedViaFunctionUrl: via,
		}))(t)
	}
	permit("url", "lambda:InvokeFunctionUrl", types.FunctionUrlAuthTypeNone, nil)
	if got := get(); got != http.StatusForbidden {
		t.Errorf("with one permission: status %d", got)
	}
	permit("invoke", "lambda:InvokeFunction", "", aws.Bool(true))
	if got := get(); got != http.StatusCreated {
		t.Errorf("with both permissions: status %d", got)
	}
	must(w.lambda.RemovePermission(t.Context(), &awslambda.RemovePermissionInput{FunctionName: &f, StatementId: aws.String("url")}))(t)
	if got := get(); got != http.StatusForbidden {
		t.Errorf("with one permission again: status %d", got)
	}
}

func TestAnswersOfFunctions(t *testing.T) {
	w := newWorld(t)
	w.keys["AKIAROOT"] = "arn:aws:iam::" + account + ":root"
	url := w.address(w.function("f"), types.FunctionUrlAuthTypeAwsIam)
	for name, c := range map[string]struct {
		path, want, kind string
		status           int
	}{
		"plain JSON is the body":                {"plain", `{"said":"plainly"}`, "application/json", 200},
		"bytes come as bytes":                   {"binary", "\x00\xff", "application/octet-stream", 200},
		"a malformed answer is a bad gateway":   {"malformed", "Internal Server Error", "application/json", 502},
		"a function's error is a bad gateway":   {"fail", "Internal Server Error", "application/json", 502},
		"a status code of its own is passed on": {"any", "2.0", "application/json", 201},
	} {
		t.Run(name, func(t *testing.T) {
			response, body := do(t, sign(t, request(t, http.MethodGet, url+c.path, ""), "", "AKIAROOT", "secret"))
			if response.StatusCode != c.status || response.Header.Get("Content-Type") != c.kind || !strings.Contains(body, c.want) {
				t.Errorf("status %d, type %s, body %q", response.StatusCode, response.Header.Get("Content-Type"), body)
			}
		})
	}
}

func TestBinaryBodyIsEncoded(t *testing.T) {
	w := newWorld(t)
	w.keys["AKIAROOT"] = "arn:aws:iam::" + account + ":root"
	url := w.address(w.function("f"), types.FunctionUrlAuthTypeAwsIam)
	for name, c := range map[string]struct {
		kind, body string
		encoded    bool
	}{
		"JSON stays":               {"application/json", "{}", false},
		"text stays":               {"text/plain; charset=utf-8", "é", false},
		"a form is encoded":        {"application/x-www-form-urlencoded", "a=1", true},
		"bytes are encoded":        {"application/octet-stream", "abc", true},
		"broken text is encoded":   {"application/json", "\xff", true},
		"JSON of any kind is text": {"application/vnd.github+json", "{}", false},
	} {
		t.Run(name, func(t *testing.T) {
			_, body := do(t, sign(t, request(t, http.MethodPost, url, c.body, "Content-Type", c.kind), c.body, "AKIAROOT", "secret"))
			if got := decode[events.LambdaFunctionURLRequest](t, []byte(body)); got.IsBase64Encoded != c.encoded {
				t.Errorf("encoded %v, want %v: %q", got.IsBase64Encoded, c.encoded, got.Body)
			}
		})
	}
}

func TestAliasHasAnAddressOfItsOwn(t *testing.T) {
	w := newWorld(t)
	f := w.function("f")
	must(w.lambda.CreateAlias(t.Context(), &awslambda.CreateAliasInput{FunctionName: &f, Name: aws.String("read"), FunctionVersion: aws.String("$LATEST")}))(t)
	onFunction := w.address(f, types.FunctionUrlAuthTypeAwsIam)
	alias := must(w.lambda.CreateFunctionUrlConfig(t.Context(), &awslambda.CreateFunctionUrlConfigInput{FunctionName: &f, Qualifier: aws.String("read"), AuthType: types.FunctionUrlAuthTypeAwsIam}))(t)
	if *alias.FunctionArn != f+":read" || *alias.FunctionUrl == onFunction {
		t.Errorf("alias's address %s of %s", *alias.FunctionUrl, *alias.FunctionArn)
	}
	w.session("ASIAREAD", w.role("reader", strings.ReplaceAll(bothPermissions, `"Resource":"*"`, `"Resource":"`+f+`:read"`)))
	for url, want := range map[string]int{onFunction: http.StatusForbidden, *alias.FunctionUrl: http.StatusCreated} {
		if response, body := do(t, sign(t, request(t, http.MethodGet, url, ""), "", "ASIAREAD", "secret")); response.StatusCode != want {
			t.Errorf("%s: status %d, want %d: %s", url, response.StatusCode, want, body)
		}
	}
	all := must(w.lambda.ListFunctionUrlConfigs(t.Context(), &awslambda.ListFunctionUrlConfigsInput{FunctionName: &f}))(t)
	if len(all.FunctionUrlConfigs) != 2 {
		t.Errorf("%d addresses, want 2", len(all.FunctionUrlConfigs))
	}
	must(w.lambda.DeleteFunctionUrlConfig(t.Context(), &awslambda.DeleteFunctionUrlConfigInput{FunctionName: &f, Qualifier: aws.String("read")}))(t)
	if response, _ := do(t, request(t, http.MethodGet, *alias.FunctionUrl, "")); response.StatusCode != http.StatusForbidden {
		t.Errorf("a deleted address answers %d", response.StatusCode)
	}
}

func TestURLThatTheSandboxLacksIsRefused(t *testing.T) {
	w := newWorld(t)
	f := w.function("f")
	for name, in := range map[string]*awslambda.CreateFunctionUrlConfigInput{
		"streaming": {InvokeMode: types.InvokeModeResponseStream},
		"CORS":      {Cors: &types.Cors{AllowOrigins: []string{"*"}}},
	} {
		t.Run(name, func(t *testing.T) {
			in.FunctionName, in.AuthType = &f, types.FunctionUrlAuthTypeNone
			if _, err := w.lambda.CreateFunctionUrlConfig(t.Context(), in); code(err) != "InvalidParameterValueException" {
				t.Errorf("error %v", err)
			}
		})
	}
}
