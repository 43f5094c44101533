package cloudformation

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/driftless-gitops/driftless/internal/sandbox/cloudformation/resource"
	"github.com/driftless-gitops/driftless/internal/sandbox/cloudformation/template"
)

// parameter reads an SSM parameter.
func (s *Service) parameter(ctx context.Context, at scope, name string) (string, error) {
	out, err := s.client.JSON(ctx, resource.Scope{Account: at.account, Region: at.region}, "ssm", "GetParameter",
		map[string]any{"Name": name, "WithDecryption": true})
	if err != nil {
		return "", invalid("Unable to fetch parameters [%s] from parameter store for this account.", name)
	}
	p, _ := out["Parameter"].(map[string]any)
	return template.Text(p["Value"]), nil
}

// dynamic resolves ssm:name[:version], ssm-secure:... and secretsmanager:id:SecretString:key.
func (s *Service) dynamic(ctx context.Context, at scope, reference string) (string, error) {
	service, rest, _ := strings.Cut(reference, ":")
	switch service {
	case "ssm", "ssm-secure":
		return s.parameter(ctx, at, rest)
	case "secretsmanager":
		return s.secret(ctx, at, rest)
	}
	return "", invalid("Could not parse dynamic reference {{resolve:%s}}", reference)
}

func (s *Service) secret(ctx context.Context, at scope, reference string) (string, error) {
	id, key, found := strings.Cut(reference, ":SecretString")
	if !found {
		id = reference
	}
	out, err := s.client.JSON(ctx, resource.Scope{Account: at.account, Region: at.region}, "secretsmanager", "GetSecretValue", map[string]any{"SecretId": id})
	if err != nil {
		return "", invalid("Secrets Manager can't find the specified secret.")
	}
	value := template.Text(out["SecretString"])
	if key, _, _ = strings.Cut(strings.TrimPrefix(key, ":"), ":"); key == "" {
		return value, nil
	}
	var fields map[string]any
	if err := json.Unmarshal([]byte(value), &fields); err != nil {
		return "", invalid("Could not parse SecretString JSON")
	}
	v, ok := fields[key]
	if !ok {
		return "", invalid("Could not find a value associated with JSONKey in SecretString")
	}
	return template.Text(v), nil
}

// zones are the availability zones of a region, as moto has them.
func (s *Service) zones(at scope) []any {
	n, err := s.client.Query(s.ctx, resource.Scope{Account: at.account, Region: at.region}, "ec2", "DescribeAvailabilityZones", nil)
	if err != nil {
		return []any{at.region + "a", at.region + "b", at.region + "c"}
	}
	out := []any{}
	for _, z := range n.List("availabilityZoneInfo") {
		out = append(out, z.Value("zoneName"))
	}
	return out
}
