package sandbox_test

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/driftless-gitops/driftless/internal/sandbox"
)

const externalTrust = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole",
	"Principal":{"AWS":"arn:aws:iam::123456789012:root"},"Condition":{"StringEquals":{"sts:ExternalId":"right"}}}]}`

func TestAssumeRoleFollowsTheTrustPolicy(t *testing.T) {
	s := start(t, sandbox.Options{})
	makeRole(t, s, "deploy", externalTrust)
	makeRole(t, s, "open", trustOf(`{"AWS":"123456789012"}`))
	makeRole(t, s, "lambda", trustOf(`{"Service":"lambda.amazonaws.com"}`))
	makeRole(t, s, "elsewhere", trustOf(`{"AWS":"arn:aws:iam::111122223333:root"}`))
	makeRole(t, s, "chained", trustOf(`{"AWS":"arn:aws:iam::123456789012:role/open"}`))
	makeRole(t, s, "anybody", trustOf(`{"AWS":"123456789012"}`))
	_, err := iam.NewFromConfig(admin(s)).PutRolePolicy(t.Context(), &iam.PutRolePolicyInput{RoleName: aws.String("open"), PolicyName: aws.String("chain"), PolicyDocument: aws.String(
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Resource":["arn:aws:iam::123456789012:role/chained","arn:aws:iam::123456789012:role/deploy"]}]}`)})
	if err != nil {
		t.Fatal(err)
	}
	client := sts.NewFromConfig(admin(s))
	session, err := client.AssumeRole(t.Context(), assume("open", "", 0))
	if err != nil {
		t.Fatal(err)
	}
	c := session.Credentials
	chained := sts.NewFromConfig(config(s, *c.AccessKeyId, *c.SecretAccessKey, *c.SessionToken))

	for sentence, try := range map[string]struct {
		client *sts.Client
		in     *sts.AssumeRoleInput
		code   string // empty: allowed
		says   string
	}{
		"the right external id":                           {client, assume("deploy", "right", 0), "", ""},
		"a wrong external id":                             {client, assume("deploy", "wrong", 0), "AccessDenied", "is not authorized to perform: sts:AssumeRole on resource: arn:aws:iam::123456789012:role/deploy"},
		"no external id":                                  {client, assume("deploy", "", 0), "AccessDenied", "User: arn:aws:iam::123456789012:user/sandbox-admin"},
		"an external id where none is asked for":          {client, assume("open", "any", 0), "", ""},
		"a role for a service":                            {client, assume("lambda", "", 0), "AccessDenied", ""},
		"a role for another account":                      {client, assume("elsewhere", "", 0), "AccessDenied", ""},
		"a role that does not exist":                      {client, assume("nobody", "", 0), "AccessDenied", "role/nobody"},
		"a role for a role, asked by a user":              {client, assume("chained", "", 0), "AccessDenied", ""},
		"a role for a role, asked by its session":         {chained, assume("chained", "", 3600), "", ""},
		"a chained session over an hour":                  {chained, assume("chained", "", 3601), "ValidationError", "1 hour session limit for roles assumed by role chaining"},
		"a role that trusts the account, without a right": {chained, assume("anybody", "", 0), "AccessDenied", "no identity-based policy allows the sts:AssumeRole action"},
		"a session over the role's own limit":             {client, assume("open", "", 7200), "ValidationError", "MaxSessionDuration"},
		"an access key that nobody issued":                {sts.NewFromConfig(config(s, "AKIDUNKNOWN", "x", "")), assume("open", "", 0), "InvalidClientTokenId", ""},
		"a denied session names the session as caller":    {chained, assume("deploy", "wrong", 0), "AccessDenied", "User: arn:aws:sts::123456789012:assumed-role/open/test is not"},
	} {
		t.Run(sentence, func(t *testing.T) {
			_, err := try.client.AssumeRole(t.Context(), try.in)
			if code := errorCode(err); code != try.code {
				t.Fatalf("error %v, want code %q", err, try.code)
			}
			if err != nil && !strings.Contains(err.Error(), try.says) {
				t.Errorf("error %v, want it to say %q", err, try.says)
			}
		})
	}
}

func TestCallerIsWhomTheKeyBelongsTo(t *testing.T) {
	s := start(t, sandbox.Options{})
	makeRole(t, s, "open", trustOf(`{"AWS":"123456789012"}`))
	cfg := admin(s)
	session, err := sts.NewFromConfig(cfg).AssumeRole(t.Context(), assume("open", "", 0))
	if err != nil {
		t.Fatal(err)
	}
	c := session.Credentials
	users := iam.NewFromConfig(cfg)
	if _, err := users.CreateUser(t.Context(), &iam.CreateUserInput{UserName: aws.String("viewer")}); err != nil {
		t.Fatal(err)
	}
	key, err := users.CreateAccessKey(t.Context(), &iam.CreateAccessKeyInput{UserName: aws.String("viewer")})
	if err != nil {
		t.Fatal(err)
	}
	for want, client := range map[string]*sts.Client{
		"arn:aws:iam::123456789012:user/sandbox-admin":     sts.NewFromConfig(cfg),
		"arn:aws:sts::123456789012:assumed-role/open/test": sts.NewFromConfig(config(s, *c.AccessKeyId, *c.SecretAccessKey, *c.SessionToken)),
		"arn:aws:iam::123456789012:user/viewer":            sts.NewFromConfig(config(s, *key.AccessKey.AccessKeyId, *key.AccessKey.SecretAccessKey, "")),
	} {
		got, err := client.GetCallerIdentity(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		if *got.Arn != want {
			t.Errorf("caller %s, want %s", *got.Arn, want)
		}
	}
}

func trustOf(principal string) string {
	return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Principal":` + principal + `}]}`
}

func makeRole(t *testing.T, s *sandbox.Sandbox, name, trust string) {
	t.Helper()
	_, err := iam.NewFromConfig(admin(s)).CreateRole(t.Context(), &iam.CreateRoleInput{
		RoleName: aws.String(name), AssumeRolePolicyDocument: aws.String(trust),
	})
	if err != nil {
		t.Fatal(err)
	}
}

func assume(role, externalID string, seconds int32) *sts.AssumeRoleInput {
	in := &sts.AssumeRoleInput{RoleArn: aws.String("arn:aws:iam::123456789012:role/" + role), RoleSessionName: aws.String("test")}
	if externalID != "" {
		in.ExternalId = aws.String(externalID)
	}
	if seconds > 0 {
		in.DurationSeconds = aws.Int32(seconds)
	}
	return in
}

func TestASessionThatIsOverIsRefusedByEveryService(t *testing.T) {
	var mu sync.Mutex
	now := time.Now()
	s := start(t, sandbox.Options{Now: func() time.Time { mu.Lock(); defer mu.Unlock(); return now }})
	makeRole(t, s, "open", trustOf(`{"AWS":"123456789012"}`))
	resp, err := http.Post(s.URL()+"/_sandbox/sessions?lifetime=3s", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	session, err := sts.NewFromConfig(admin(s)).AssumeRole(t.Context(), assume("open", "", 900))
	if err != nil {
		t.Fatal(err)
	}
	c := session.Credentials
	if left := c.Expiration.Sub(now); left > 3*time.Second || left < time.Second {
		t.Errorf("the session is said to end in %s, want 3s", left)
	}
	as := config(s, *c.AccessKeyId, *c.SecretAccessKey, *c.SessionToken)
	calls := map[string]func() error{
		"ExpiredToken of STS": func() error {
			_, err := sts.NewFromConfig(as).GetCallerIdentity(t.Context(), &sts.GetCallerIdentityInput{})
			return err
		},
		"ExpiredToken of S3": func() error {
			_, err := s3.NewFromConfig(as).ListBuckets(t.Context(), &s3.ListBucketsInput{})
			return err
		},
		"ExpiredTokenException of SSM": func() error {
			_, err := ssm.NewFromConfig(as).GetParameter(t.Context(), &ssm.GetParameterInput{Name: aws.String("/a")})
			return err
		},
	}
	for name, call := range calls {
		if got := errorCode(call()); strings.HasPrefix(got, "ExpiredToken") {
			t.Errorf("%s: %s while the session holds", name, got)
		}
	}
	mu.Lock()
	now = now.Add(4 * time.Second)
	mu.Unlock()
	for name, call := range calls {
		if got := errorCode(call()); got != strings.Fields(name)[0] {
			t.Errorf("%s: %s", name, got)
		}
	}
}
