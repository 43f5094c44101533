package sandbox

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	awslambda "github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/driftless-gitops/driftless/internal/sandbox/cloudcontrol"
	"github.com/driftless-gitops/driftless/internal/sandbox/cloudformation"
	"github.com/driftless-gitops/driftless/internal/sandbox/codebuild"
	"github.com/driftless-gitops/driftless/internal/sandbox/codecommit"
	"github.com/driftless-gitops/driftless/internal/sandbox/events"
	"github.com/driftless-gitops/driftless/internal/sandbox/lambda"
	"github.com/driftless-gitops/driftless/internal/sandbox/moto"
	"github.com/driftless-gitops/driftless/internal/sandbox/sts"
	"github.com/driftless-gitops/driftless/internal/sandbox/trail"
)

// wire makes the parts, connects them and returns the gateway in front of them.
func (s *Sandbox) wire(ctx context.Context) (http.Handler, error) {
	proxy, err := newProxy(s.moto.URL(), s.o.Log)
	if err != nil {
		return nil, fmt.Errorf("make proxy: %w", err)
	}
	tables, err := newProxy(s.tables.URL(), s.o.Log)
	if err != nil {
		return nil, fmt.Errorf("make proxy: %w", err)
	}
	s.sts = sts.New(sts.Config{Moto: s.moto.URL(), Account: Account, Region: Region, Next: proxy,
		Now: s.o.Now, Log: s.o.Log})
	s.events = events.New(events.Config{Moto: s.moto.URL(), Account: Account, Region: Region, Next: proxy,
		Caller: s.caller, Invoke: s.invoke, ScheduleSpeed: s.o.ScheduleSpeed, DropEvents: s.o.DropEvents,
		Now: s.o.Now, Log: s.o.Log})
	if s.git, err = codecommit.New(codecommit.Config{Dir: filepath.Join(s.o.Dir, "codecommit"), Endpoint: s.URL,
		Caller: s.caller, Identity: s.sts.Identity, Emit: s.events.Emit, Filter: s.o.GitFilter,
		Account: Account, Region: Region, Now: s.o.Now, Log: s.o.Log}); err != nil {
		return nil, err
	}
	s.lambda = lambda.New(lambda.Config{Moto: s.moto.URL(), Tables: s.tables.URL(), Between: s.turn.RLocker(), Endpoint: s.URL, Account: Account, Region: Region,
		Dir: filepath.Join(s.o.Dir, "lambda"), VisibilitySpeed: s.o.VisibilitySpeed,
		Credentials: s.session, Principal: s.principal, Now: s.o.Now, Log: s.o.Log})
	if err := s.makeBuilds(); err != nil {
		return nil, err
	}
	s.trail = trail.New(trail.Config{Account: Account, Identity: s.sts.Identity, Emit: s.events.Emit, Now: s.o.Now, Log: s.o.Log})
	beneath, err := s.trail.Beneath(ctx, s.moto.URL())
	if err != nil {
		return nil, err
	}
	kept, err := s.trail.Beneath(ctx, s.tables.URL())
	if err != nil {
		return nil, err
	}
	kinds := s.lambda.Kinds()
	kinds[codecommit.Type], kinds[codebuild.Type] = s.git.Kind(), s.builds.Kind()
	s.cloudformation = cloudformation.New(cloudformation.Config{Moto: beneath, Tables: kept, Endpoint: s.URL,
		Account: Account, Region: Region, Caller: s.caller, Emit: s.events.Emit, Kinds: kinds,
		Now: s.o.Now, Timing: s.o.Timing})
	s.keys.url, s.rights = s.tables.URL, s.lambda.Decider()
	return s.watching(s.counting(s.trail.Watch(&gateway{
		control:     s.control(),
		functionURL: s.lambda,
		git:         s.git.Git(),
		services: map[string]http.Handler{
			"cloudformation":     s.cloudformation,
			"sts":                s.sts,
			"iam":                s.sts.IAM(),
			cloudcontrol.Service: cloudcontrol.New(cloudcontrol.Config{Caller: s.caller, Live: s.cloudformation.Live}),
			"events":             s.events,
			"codebuild":          s.builds,
			"codecommit":         s.git,
			"lambda":             s.lambda,
			"sqs":                nudging(proxy, s.lambda.Nudge),
			"dynamodb":           nudging(oneByOne(tables, &s.turn), s.lambda.Nudge),
		},
		moto: proxy,
	}))), nil
}

// caller names the account and region that a request belongs to: those of its signature.
func (s *Sandbox) caller(r *http.Request) (account, region string) {
	account, region = Account, Region
	if scope, ok := sts.ScopeOf(r); ok {
		region = scope.Region
		if who, ok := s.sts.Identity(scope.AccessKey); ok {
			account = who.Account
		}
	}
	return account, region
}

// session gives a function's process its role.
func (s *Sandbox) session(ctx context.Context, roleARN, session string) (accessKey, secret, token string, err error) {
	c, err := s.sts.SessionFor(ctx, roleARN, session)
	return c.AccessKey, c.SecretKey, c.SessionToken, err
}

// principal tells whose access key it is, with the secret that checks a signature.
func (s *Sandbox) principal(accessKey string) (arn, secret string, ok bool) {
	who, ok := s.sts.Identity(accessKey)
	return who.ARN, who.SecretKey, ok
}

// invoke hands an event to a function for a rule, through Lambda's API as anyone calls it,
// once the function's policy is seen to let the rule.
func (s *Sandbox) invoke(ctx context.Context, functionARN, ruleARN string, payload []byte) error {
	client := s.invoker()
	got, err := client.GetPolicy(ctx, &awslambda.GetPolicyInput{FunctionName: aws.String(functionARN)})
	if missing := new(lambdatypes.ResourceNotFoundException); err != nil && !errors.As(err, &missing) {
		return fmt.Errorf("read policy of function: %w", err)
	}
	if got == nil || !events.Allows(aws.ToString(got.Policy), "lambda:InvokeFunction", functionARN, ruleARN) {
		return fmt.Errorf("invoke %s: %w to invoke it for %s", functionARN, events.ErrDenied, ruleARN)
	}
	if _, err := client.Invoke(ctx, &awslambda.InvokeInput{
		FunctionName: aws.String(functionARN), InvocationType: lambdatypes.InvocationTypeEvent, Payload: payload,
	}); err != nil {
		return fmt.Errorf("invoke function: %w", err)
	}
	return nil
}

// Config is for calls to the sandbox as its administrator, from the process that it runs in.
func (s *Sandbox) Config() aws.Config {
	return aws.Config{
		Region:       Region,
		BaseEndpoint: aws.String(s.url),
		Credentials:  credentials.NewStaticCredentialsProvider(s.admin.AccessKey, s.admin.SecretKey, ""),
		APIOptions:   moto.KeepAnswers(),
	}
}

// config is for the sandbox's calls to itself, which end with it.
func (s *Sandbox) config() aws.Config {
	c := s.Config()
	c.HTTPClient = s.client
	return c
}
