package lambda

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/driftless-gitops/driftless/internal/sandbox/lambda/policy"
	"github.com/driftless-gitops/driftless/internal/sandbox/lambda/sigv4"
)

// authorize lets a request to a function URL through or says why not. It returns who
// signed it, nil for a URL without authentication.
//
// Since October 2025 two permissions are needed: lambda:InvokeFunctionUrl, and
// lambda:InvokeFunction with lambda:InvokedViaFunctionUrl true in its context (Lambda
// developer guide, "Control access to Lambda function URLs").
func (s *Service) authorize(ctx context.Context, r *http.Request, body []byte, u functionURL) (*urlCaller, error) {
	onFunction, err := s.policyOf(reference{u.function, u.qualifier})
	if err != nil {
		return nil, err
	}
	requests := []policy.Request{
		{Action: "lambda:InvokeFunctionUrl", Context: map[string]string{"lambda:FunctionUrlAuthType": u.authType}},
		{Action: "lambda:InvokeFunction", Context: map[string]string{"lambda:InvokedViaFunctionUrl": "true", "lambda:FunctionUrlAuthType": u.authType}},
	}
	if u.authType == "NONE" {
		for _, q := range requests {
			q.Resource = s.arn(u.function, u.qualifier)
			if policy.Resource(onFunction, q) != policy.Allow {
				return nil, fmt.Errorf("the function's policy does not allow %s to everybody", q.Action)
			}
		}
		return nil, nil
	}
	caller, who, err := s.signer(ctx, r, body)
	if err != nil {
		return nil, err
	}
	for i := range requests {
		requests[i].Resource, requests[i].Principals = s.arn(u.function, u.qualifier), who.principals
		requests[i].Context["aws:PrincipalArn"], requests[i].Context["aws:PrincipalAccount"] = caller.UserARN, caller.AccountID
	}
	if allowed(who, onFunction, requests) == nil {
		return caller, nil
	}
	s.calls.forget() // a right that was given a moment ago counts
	if who, err = s.calls.find(ctx, caller.UserARN); err != nil {
		return nil, err
	}
	if err := allowed(who, onFunction, requests); err != nil {
		return nil, err
	}
	return caller, nil
}

// signer verifies a request's signature and returns who made it.
func (s *Service) signer(ctx context.Context, r *http.Request, body []byte) (*urlCaller, identity, error) {
	signed, err := sigv4.Parse(r)
	if err != nil {
		return nil, identity{}, err
	}
	if signed.Service != "lambda" || signed.Region != s.config.Region {
		return nil, identity{}, fmt.Errorf("%w: signed for %s in %s", sigv4.ErrMismatch, signed.Service, signed.Region)
	}
	if s.config.Principal == nil {
		return nil, identity{}, errors.New("nobody's access key is known")
	}
	arn, secret, ok := s.config.Principal(signed.AccessKey)
	if !ok {
		return nil, identity{}, fmt.Errorf("access key %s is unknown", signed.AccessKey)
	}
	if err := signed.Verify(r, body, secret, s.config.Now()); err != nil {
		return nil, identity{}, fmt.Errorf("request of %s: %w", arn, err)
	}
	who, err := s.calls.find(ctx, arn)
	if err != nil {
		return nil, identity{}, err
	}
	account := ""
	if fields := strings.Split(arn, ":"); len(fields) > 4 {
		account = fields[4]
	}
	return &urlCaller{AccessKey: signed.AccessKey, AccountID: account, CallerID: who.userID, UserID: who.userID, UserARN: arn}, who, nil
}

// allowed combines the caller's policies with the function's own, for all of the requests:
// within one account either may allow, and neither may deny.
func allowed(who identity, onFunction policy.Document, requests []policy.Request) error {
	for _, q := range requests {
		own, function := who.decide(q), policy.Resource(onFunction, q)
		if own == policy.Deny || function == policy.Deny {
			return fmt.Errorf("%s is denied %s on %s", who.principals[0], q.Action, q.Resource)
		}
		if own != policy.Allow && function != policy.Allow {
			return fmt.Errorf("%s is not allowed %s on %s", who.principals[0], q.Action, q.Resource)
		}
	}
	return nil
}

// refusal is what the caller is told.
func refusal(err error) string {
	switch {
	case errors.Is(err, sigv4.ErrMismatch):
		return "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details."
	case errors.Is(err, sigv4.ErrExpired):
		return "Signature expired"
	}
	return "Forbidden"
}
