package sts

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/driftless-gitops/driftless/internal/sandbox/moto"
	"github.com/driftless-gitops/driftless/internal/sandbox/wire"
)

const (
	adminName   = "sandbox-admin"
	adminPolicy = "arn:aws:iam::aws:policy/AdministratorAccess"
	maxBody     = 1 << 20
	maxChained  = 3600 // seconds; API reference, AssumeRole, DurationSeconds
)

var errUntrusted = errors.New("the role's trust policy does not allow it")

// Config is what the service needs of the sandbox.
type Config struct {
	Moto            string // moto's URL
	Account, Region string
	Next            http.Handler // moto through the gateway
	Now             func() time.Time
	Log             *slog.Logger
}

// Service is STS, and the index of access keys.
type Service struct {
	c        Config
	keys     keys
	lifetime atomic.Int64 // of what AssumeRole issues; 0: as asked
}

// New makes the service, which knows no access key yet.
func New(c Config) *Service {
	return &Service{c: c, keys: keys{byID: map[string]Identity{}}}
}

// Identity tells whom an access key belongs to. Found is false for one that the sandbox did
// not issue, and for one that has expired.
func (s *Service) Identity(accessKey string) (i Identity, found bool) {
	return s.keys.find(accessKey, s.c.Now())
}

// Expired reports whether an access key was good once and is no longer.
func (s *Service) Expired(accessKey string) bool { return s.keys.expired(accessKey, s.c.Now()) }

// SetLifetime lets the sessions that AssumeRole issues from now on end after d, which AWS
// allows no shorter than fifteen minutes: for tests of what outlives them. Zero ends it.
func (s *Service) SetLifetime(d time.Duration) { s.lifetime.Store(int64(d)) }

// Origin returns the access key that a chain of assumed roles began with: itself where no
// role was assumed with another.
func (s *Service) Origin(accessKey string) string {
	for {
		i, ok := s.Identity(accessKey)
		if !ok || i.Source == "" {
			return accessKey
		}
		accessKey = i.Source
	}
}

// MakeAdmin makes the user with all rights whose access key a person works with.
func (s *Service) MakeAdmin(ctx context.Context) (Credentials, error) {
	client := iam.NewFromConfig(moto.Config(s.c.Moto, s.c.Account, s.c.Region))
	user := aws.String(adminName)
	made, err := client.CreateUser(ctx, &iam.CreateUserInput{UserName: user})
	if err != nil {
		return Credentials{}, fmt.Errorf("create user %s: %w", adminName, err)
	}
	if _, err := client.AttachUserPolicy(ctx, &iam.AttachUserPolicyInput{UserName: user, PolicyArn: aws.String(adminPolicy)}); err != nil {
		return Credentials{}, fmt.Errorf("attach policy to %s: %w", adminName, err)
	}
	key, err := client.CreateAccessKey(ctx, &iam.CreateAccessKeyInput{UserName: user})
	if err != nil {
		return Credentials{}, fmt.Errorf("create access key of %s: %w", adminName, err)
	}
	c := Credentials{AccessKey: aws.ToString(key.AccessKey.AccessKeyId), SecretKey: aws.ToString(key.AccessKey.SecretAccessKey)}
	s.keys.add(Identity{ARN: aws.ToString(made.User.Arn), Account: s.c.Account, Credentials: c})
	return c, nil
}

// SessionFor assumes a function's role as the Lambda service does, for an hour. It refuses a role that
// does not exist or does not trust lambda.amazonaws.com with Lambda's own error.
func (s *Service) SessionFor(ctx context.Context, roleARN, session string) (Credentials, error) {
	if err := s.Trusts(ctx, roleARN, "lambda.amazonaws.com", ""); err != nil {
		s.c.Log.Warn("role not assumed by Lambda", "role", roleARN, "error", err)
		return Credentials{}, &wire.Error{Code: "InvalidParameterValueException", Message: "The role defined for the function cannot be assumed by Lambda."}
	}
	i, err := s.issue(ctx, roleARN, session)
	if err != nil {
		return Credentials{}, err
	}
	s.keys.add(i)
	return i.Credentials, nil
}

// SessionOf assumes a role as an AWS service does for a resource of its own. The session
// ends after lasts, however short that is.
func (s *Service) SessionOf(ctx context.Context, roleARN, service, source, session string, lasts time.Duration) (Identity, error) {
	if err := s.Trusts(ctx, roleARN, service, source); err != nil {
		return Identity{}, err
	}
	i, err := s.issue(ctx, roleARN, session)
	if err != nil {
		return Identity{}, err
	}
	i.Expires = s.c.Now().Add(lasts)
	s.keys.add(i)
	return i, nil
}

// Trusts returns an error unless there is the role and it lets an AWS service assume it, for
// that resource where source is not empty.
func (s *Service) Trusts(ctx context.Context, roleARN, service, source string) error {
	r, err := s.role(ctx, roleARN)
	if err != nil {
		return err
	}
	if !r.trustsService(service, source) {
		return errUntrusted
	}
	return nil
}

// issue has moto make a session for an hour.
func (s *Service) issue(ctx context.Context, roleARN, session string) (Identity, error) {
	client := sts.NewFromConfig(moto.Config(s.c.Moto, accountOf(roleARN), s.c.Region))
	out, err := client.AssumeRole(ctx, &sts.AssumeRoleInput{RoleArn: aws.String(roleARN), RoleSessionName: aws.String(session)})
	if err != nil {
		return Identity{}, fmt.Errorf("assume role %s: %w", roleARN, err)
	}
	c := Credentials{
		AccessKey:    aws.ToString(out.Credentials.AccessKeyId),
		SecretKey:    aws.ToString(out.Credentials.SecretAccessKey),
		SessionToken: aws.ToString(out.Credentials.SessionToken),
	}
	return Identity{ARN: sessionARN(roleARN, session), RoleARN: roleARN, Account: accountOf(roleARN),
		Credentials: c, Expires: aws.ToTime(out.Credentials.Expiration)}, nil
}

// ServeHTTP answers the STS API: AssumeRole after its checks, everything else as moto does,
// but only to a known access key.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	form, err := readForm(w, r)
	if err != nil {
		refuse(w, &wire.Error{Code: "RequestEntityTooLarge", Message: err.Error(), Status: http.StatusRequestEntityTooLarge})
		return
	}
	scope, _ := ScopeOf(r)
	caller, known := s.Identity(scope.AccessKey)
	if !known {
		refuse(w, &wire.Error{Code: "InvalidClientTokenId", Message: "The security token included in the request is invalid.", Status: http.StatusForbidden})
		return
	}
	if form.Get("Action") != "AssumeRole" {
		s.c.Next.ServeHTTP(w, r)
		return
	}
	if err := s.mayAssume(r.Context(), caller, form); err != nil {
		refuse(w, err)
		return
	}
	answer := newRecorded()
	s.c.Next.ServeHTTP(answer, r)
	s.shorten(answer)
	s.learn(answer, form, scope.AccessKey)
	pass(w, answer)
}

var expiration = regexp.MustCompile(`<Expiration>[^<]*</Expiration>`)

// shorten says another end of a session than moto does, where SetLifetime wants it.
func (s *Service) shorten(answer *recorded) {
	d := time.Duration(s.lifetime.Load())
	if d == 0 {
		return
	}
	end := s.c.Now().Add(d).UTC().Format(time.RFC3339)
	body := expiration.ReplaceAllString(answer.body.String(), "<Expiration>"+end+"</Expiration>")
	answer.body.Reset()
	answer.body.WriteString(body)
	answer.header.Set("Content-Length", strconv.Itoa(len(body)))
}

// mayAssume returns nil, or the error that AWS answers.
func (s *Service) mayAssume(ctx context.Context, caller Identity, form url.Values) *wire.Error {
	roleARN := form.Get("RoleArn")
	denied := &wire.Error{Code: "AccessDenied", Status: http.StatusForbidden,
		Message: fmt.Sprintf("User: %s is not authorized to perform: sts:AssumeRole on resource: %s", caller.ARN, roleARN)}
	role, err := s.role(ctx, roleARN)
	if err != nil {
		s.c.Log.Debug("role not assumed", "role", roleARN, "error", err)
		return denied
	}
	if !role.trusts(caller, form.Get("ExternalId"), form.Get("RoleSessionName")) {
		return denied
	}
	seconds, err := strconv.Atoi(form.Get("DurationSeconds"))
	switch {
	case err != nil: // not given: an hour, which every role grants
		return nil
	case caller.RoleARN != "" && seconds > maxChained:
		return &wire.Error{Code: "ValidationError", Message: "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining"}
	case seconds > role.maxSeconds:
		return &wire.Error{Code: "ValidationError", Message: "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."}
	}
	return nil
}

// learn remembers the access key that moto issued to the holder of another.
func (s *Service) learn(answer *recorded, form url.Values, source string) {
	var out struct {
		Result struct {
			Credentials struct {
				AccessKeyID     string `xml:"AccessKeyId"`
				SecretAccessKey string
				SessionToken    string
				Expiration      time.Time
			}
		} `xml:"AssumeRoleResult"`
	}
	if answer.status != http.StatusOK {
		return
	}
	if err := xml.Unmarshal(answer.body.Bytes(), &out); err != nil {
		s.c.Log.Error("AssumeRole answer not understood", "error", err)
		return
	}
	roleARN, c := form.Get("RoleArn"), out.Result.Credentials
	s.keys.add(Identity{
		ARN: sessionARN(roleARN, form.Get("RoleSessionName")), RoleARN: roleARN, Account: accountOf(roleARN),
		Credentials: Credentials{AccessKey: c.AccessKeyID, SecretKey: c.SecretAccessKey, SessionToken: c.SessionToken},
		Expires:     c.Expiration, Source: source,
	})
}

// IAM hands IAM's API on and remembers the access keys that are made for users.
func (s *Service) IAM() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		form, err := readForm(w, r)
		if err != nil || form.Get("Action") != "CreateAccessKey" {
			s.c.Next.ServeHTTP(w, r)
			return
		}
		answer := newRecorded()
		s.c.Next.ServeHTTP(answer, r)
		s.learnUser(r, answer)
		pass(w, answer)
	})
}

func (s *Service) learnUser(r *http.Request, answer *recorded) {
	var out struct {
		Key struct {
			UserName        string
			AccessKeyID     string `xml:"AccessKeyId"`
			SecretAccessKey string
		} `xml:"CreateAccessKeyResult>AccessKey"`
	}
	if answer.status != http.StatusOK {
		return
	}
	if err := xml.Unmarshal(answer.body.Bytes(), &out); err != nil {
		s.c.Log.Error("CreateAccessKey answer not understood", "error", err)
		return
	}
	account := s.c.Account
	scope, _ := ScopeOf(r)
	if caller, ok := s.Identity(scope.AccessKey); ok {
		account = caller.Account
	}
	s.keys.add(Identity{
		ARN: "arn:aws:iam::" + account + ":user/" + out.Key.UserName, Account: account,
		Credentials: Credentials{AccessKey: out.Key.AccessKeyID, SecretKey: out.Key.SecretAccessKey},
	})
}
