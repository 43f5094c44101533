package lambda

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/driftless-gitops/driftless/internal/sandbox/lambda/policy"
)

// permission is a statement of a function's policy, or of an alias's.
type permission struct {
	Sid       string
	Effect    string
	Principal any
	Action    string
	Resource  string
	Condition map[string]map[string]string `json:",omitempty"`
}

type addPermission struct {
	StatementId           string
	Action                string
	Principal             string
	SourceArn             string
	SourceAccount         string
	PrincipalOrgID        string
	FunctionUrlAuthType   string
	InvokedViaFunctionUrl boolean
}

// permit adds a statement to the policy of a function or of one of its aliases.
func (s *Service) permit(ref reference, in addPermission) (permission, error) {
	if in.StatementId == "" || in.Action == "" || in.Principal == "" {
		return permission{}, invalid("StatementId, Action and Principal are needed")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	f, _, err := s.findLocked(ref)
	if err != nil {
		return permission{}, err
	}
	for _, p := range f.policies[ref.qualifier] {
		if p.Sid == in.StatementId {
			return permission{}, conflict("The statement id (%s) provided already exists. Please provide a new statement id, or remove the existing statement.", in.StatementId)
		}
	}
	p := permission{
		Sid: in.StatementId, Effect: "Allow", Action: in.Action, Resource: s.arn(f.name, ref.qualifier),
		Principal: in.principal(), Condition: in.conditions(),
	}
	f.policies[ref.qualifier] = append(f.policies[ref.qualifier], p)
	return p, nil
}

// principal is the caller in a policy's form: everybody, a service, an account or an ARN.
func (in addPermission) principal() any {
	switch {
	case in.Principal == "*":
		return "*"
	case strings.HasSuffix(in.Principal, ".amazonaws.com"):
		return map[string]string{"Service": in.Principal}
	case len(in.Principal) == 12 && strings.Trim(in.Principal, "0123456789") == "":
		return map[string]string{"AWS": fmt.Sprintf("arn:aws:iam::%s:root", in.Principal)}
	}
	return map[string]string{"AWS": in.Principal}
}

func (in addPermission) conditions() map[string]map[string]string {
	c := map[string]map[string]string{}
	add := func(operator, key, value string) {
		if value == "" {
			return
		}
		if c[operator] == nil {
			c[operator] = map[string]string{}
		}
		c[operator][key] = value
	}
	add("ArnLike", "AWS:SourceArn", in.SourceArn)
	add("StringEquals", "AWS:SourceAccount", in.SourceAccount)
	add("StringEquals", "aws:PrincipalOrgID", in.PrincipalOrgID)
	add("StringEquals", "lambda:FunctionUrlAuthType", in.FunctionUrlAuthType)
	if in.InvokedViaFunctionUrl {
		add("Bool", "lambda:InvokedViaFunctionUrl", "true")
	}
	return c
}

// forbid removes a statement.
func (s *Service) forbid(ref reference, id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	f, _, err := s.findLocked(ref)
	if err != nil {
		return err
	}
	named := func(p permission) bool { return p.Sid == id }
	if !slices.ContainsFunc(f.policies[ref.qualifier], named) {
		return notFound("Statement %s is not found in resource policy.", id)
	}
	f.policies[ref.qualifier] = slices.DeleteFunc(f.policies[ref.qualifier], named)
	return nil
}

// policyText is the policy of a function or alias as JSON.
func (s *Service) policyText(ref reference) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f, _, err := s.findLocked(ref)
	if err != nil {
		return "", err
	}
	statements := f.policies[ref.qualifier]
	if len(statements) == 0 {
		return "", notFound("The resource you requested does not exist.")
	}
	b, err := json.Marshal(map[string]any{"Version": "2012-10-17", "Id": "default", "Statement": statements})
	if err != nil {
		return "", fmt.Errorf("write policy: %w", err)
	}
	return string(b), nil
}

// policyOf is the policy in the form that is evaluated; empty when there is none.
func (s *Service) policyOf(ref reference) (policy.Document, error) {
	text, err := s.policyText(ref)
	if err != nil {
		return policy.Document{}, nil
	}
	return policy.Parse([]byte(text))
}
