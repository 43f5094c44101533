package sts

import (
	"context"
	"fmt"
	"maps"
	"net/url"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/driftless-gitops/driftless/internal/sandbox/lambda/policy"
	"github.com/driftless-gitops/driftless/internal/sandbox/moto"
)

// role is what deciding an AssumeRole needs to know of it.
type role struct {
	arn        string
	trust      policy.Document
	maxSeconds int
}

// role reads a role from the IAM of its account.
func (s *Service) role(ctx context.Context, roleARN string) (role, error) {
	account := accountOf(roleARN)
	if account == "" {
		return role{}, fmt.Errorf("read role %q: not an ARN", roleARN)
	}
	client := iam.NewFromConfig(moto.Config(s.c.Moto, account, s.c.Region))
	out, err := client.GetRole(ctx, &iam.GetRoleInput{RoleName: aws.String(roleName(roleARN))})
	if err != nil {
		return role{}, fmt.Errorf("read role %s: %w", roleARN, err)
	}
	if aws.ToString(out.Role.Arn) != roleARN { // another path: another role
		return role{}, fmt.Errorf("read role %s: there is only %s", roleARN, aws.ToString(out.Role.Arn))
	}
	text, err := url.PathUnescape(aws.ToString(out.Role.AssumeRolePolicyDocument))
	if err != nil {
		return role{}, fmt.Errorf("decode trust policy of %s: %w", roleARN, err)
	}
	trust, err := policy.Parse([]byte(text))
	if err != nil {
		return role{}, fmt.Errorf("read trust policy of %s: %w", roleARN, err)
	}
	for i := range trust.Statement { // a trust policy names no resource: it is the role
		trust.Statement[i].Resource = []string{roleARN}
	}
	return role{arn: roleARN, trust: trust, maxSeconds: int(aws.ToInt32(out.Role.MaxSessionDuration))}, nil
}

// trusts decides for a user or a role's session.
func (r role) trusts(caller Identity, externalID, session string) bool {
	given := map[string]string{
		"aws:PrincipalArn":     caller.principalARN(),
		"aws:PrincipalAccount": caller.Account,
		"sts:RoleSessionName":  session,
	}
	if externalID != "" {
		given["sts:ExternalId"] = externalID
	}
	return policy.Resource(r.trust, policy.Request{
		Principals: caller.principals(), Action: "sts:AssumeRole", Resource: r.arn, Context: given,
	}) == policy.Allow
}

// trustsService decides for an AWS service, which acts for the role's own account and, where
// source is not empty, for that resource of it.
func (r role) trustsService(name, source string) bool {
	keys := map[string]string{"aws:SourceAccount": accountOf(r.arn)}
	if source != "" {
		keys["aws:SourceArn"] = source
	}
	return ServiceMay(r.trust, name, "sts:AssumeRole", r.arn, keys)
}

// ServiceMay reports whether the policy of a resource allows an AWS service to do something
// with it, given the condition keys that the service sends. Services speak TLS.
func ServiceMay(document policy.Document, service, action, resource string, keys map[string]string) bool {
	named := policy.Document{}
	for _, s := range document.Statement {
		services := s.Principal["Service"]
		if slices.Contains(s.Principal["AWS"], "*") {
			services = append(slices.Clone(services), "*")
		}
		s.Principal = maps.Clone(s.Principal) // policy.Resource reads the names under "AWS"
		if s.Principal != nil {
			s.Principal["AWS"] = services
		}
		named.Statement = append(named.Statement, s)
	}
	given := map[string]string{"aws:SecureTransport": "true"}
	maps.Copy(given, keys)
	return policy.Resource(named, policy.Request{
		Principals: []string{service}, Action: action, Resource: resource, Context: given,
	}) == policy.Allow
}
