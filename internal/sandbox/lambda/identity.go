package lambda

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/driftless-gitops/driftless/internal/sandbox/lambda/policy"
)

// identity is an IAM user or role with the policies it has. The account's root has none
// and may do everything.
type identity struct {
	principals []string // its ARN, and its role's for a session
	userID     string   // as request contexts show it
	root       bool
	policies   []policy.Document
}

// decide evaluates the identity's own policies.
func (i identity) decide(r policy.Request) policy.Decision {
	if i.root {
		return policy.Allow
	}
	return policy.Identity(i.policies, r)
}

// fresh is how long policies are believed: one status table makes many calls, and a
// second is little beside the real IAM's propagation.
const fresh = time.Second

// identities reads users and roles from IAM.
type identities struct {
	iam *iam.Client
	now func() time.Time

	mu      sync.Mutex
	account *iam.GetAccountAuthorizationDetailsOutput
	read    time.Time
	managed map[string]policy.Document // AWS's own policies, which do not change here
}

// find returns who an ARN is: a user, a role, a session of a role, or the account's root.
func (c *identities) find(ctx context.Context, arn string) (identity, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.refresh(ctx); err != nil {
		return identity{}, err
	}
	fields := strings.SplitN(arn, ":", 6)
	if len(fields) != 6 {
		return identity{}, fmt.Errorf("read caller %q: not an ARN", arn)
	}
	kind, rest, _ := strings.Cut(fields[5], "/")
	switch kind {
	case "root":
		return identity{principals: []string{arn}, userID: fields[4], root: true}, nil
	case "user":
		return c.user(ctx, arn)
	case "role":
		return c.role(ctx, arn, rest[strings.LastIndex(rest, "/")+1:], "")
	case "assumed-role":
		name, session, _ := strings.Cut(rest, "/")
		return c.role(ctx, arn, name, session)
	}
	return identity{}, fmt.Errorf("read caller %s: neither user nor role", arn)
}

// forget lets the next look be at IAM itself.
func (c *identities) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.account = nil
}

// refresh reads all users, groups, roles and policies of the account in one call.
func (c *identities) refresh(ctx context.Context) error {
	if c.account != nil && c.now().Sub(c.read) < fresh {
		return nil
	}
	out, err := c.iam.GetAccountAuthorizationDetails(ctx, &iam.GetAccountAuthorizationDetailsInput{
		Filter: []types.EntityType{types.EntityTypeUser, types.EntityTypeRole, types.EntityTypeGroup, types.EntityTypeLocalManagedPolicy},
	})
	if err != nil {
		return fmt.Errorf("read IAM: %w", err)
	}
	c.account, c.read = out, c.now()
	return nil
}

func (c *identities) user(ctx context.Context, arn string) (identity, error) {
	for _, u := range c.account.UserDetailList {
		if aws.ToString(u.Arn) != arn {
			continue
		}
		i := identity{principals: []string{arn}, userID: aws.ToString(u.UserId)}
		err := c.add(ctx, &i, u.UserPolicyList, u.AttachedManagedPolicies)
		for _, g := range c.account.GroupDetailList {
			if slices.Contains(u.GroupList, aws.ToString(g.GroupName)) {
				err = errors.Join(err, c.add(ctx, &i, g.GroupPolicyList, g.AttachedManagedPolicies))
			}
		}
		return i, err
	}
	return identity{}, fmt.Errorf("read caller %s: no such user", arn)
}

func (c *identities) role(ctx context.Context, arn, name, session string) (identity, error) {
	for _, r := range c.account.RoleDetailList {
		if aws.ToString(r.RoleName) != name {
			continue
		}
		i := identity{principals: []string{arn, aws.ToString(r.Arn)}, userID: aws.ToString(r.RoleId) + ":" + session}
		return i, c.add(ctx, &i, r.RolePolicyList, r.AttachedManagedPolicies)
	}
	return identity{}, fmt.Errorf("read caller %s: no such role", arn)
}

// add gives an identity inline and attached policies.
func (c *identities) add(ctx context.Context, i *identity, inline []types.PolicyDetail, attached []types.AttachedPolicy) error {
	for _, p := range inline {
		d, err := parseDocument(aws.ToString(p.PolicyDocument))
		if err != nil {
			return fmt.Errorf("policy %s: %w", aws.ToString(p.PolicyName), err)
		}
		i.policies = append(i.policies, d)
	}
	for _, p := range attached {
		d, err := c.managedPolicy(ctx, aws.ToString(p.PolicyArn))
		if err != nil {
			return fmt.Errorf("policy %s: %w", aws.ToString(p.PolicyArn), err)
		}
		i.policies = append(i.policies, d)
	}
	return nil
}

func (c *identities) managedPolicy(ctx context.Context, arn string) (policy.Document, error) {
	for _, p := range c.account.Policies {
		for _, v := range p.PolicyVersionList {
			if aws.ToString(p.Arn) == arn && v.IsDefaultVersion {
				return parseDocument(aws.ToString(v.Document))
			}
		}
	}
	if d, ok := c.managed[arn]; ok {
		return d, nil
	}
	p, err := c.iam.GetPolicy(ctx, &iam.GetPolicyInput{PolicyArn: &arn})
	if err != nil {
		return policy.Document{}, fmt.Errorf("read policy: %w", err)
	}
	v, err := c.iam.GetPolicyVersion(ctx, &iam.GetPolicyVersionInput{PolicyArn: &arn, VersionId: p.Policy.DefaultVersionId})
	if err != nil {
		return policy.Document{}, fmt.Errorf("read policy: %w", err)
	}
	d, err := parseDocument(aws.ToString(v.PolicyVersion.Document))
	if err == nil {
		c.managed[arn] = d
	}
	return d, err
}

// parseDocument reads a policy as IAM returns it, percent-encoded.
func parseDocument(text string) (policy.Document, error) {
	if plain, err := url.PathUnescape(text); err == nil && !strings.HasPrefix(strings.TrimSpace(text), "{") {
		text = plain
	}
	return policy.Parse([]byte(text))
}

// mayRole refuses with Lambda's words when a function's role lacks one of the actions on
// a resource that Lambda uses in its name.
func (s *Service) mayRole(ctx context.Context, role, service, resource string, actions ...string) error {
	s.calls.forget() // a stack makes the policy just before what needs it
	who, err := s.calls.find(ctx, role)
	if err != nil {
		return invalid("The role defined for the function cannot be assumed by Lambda.")
	}
	for _, action := range actions {
		if who.decide(policy.Request{Action: action, Resource: resource}) != policy.Allow {
			return invalid("The function execution role does not have permissions to call %s on %s", action[strings.Index(action, ":")+1:], service)
		}
	}
	return nil
}
