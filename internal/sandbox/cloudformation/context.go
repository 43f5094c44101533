package cloudformation

import (
	"encoding/json"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/driftless-gitops/driftless/internal/sandbox/cloudformation/template"
)

// masked stands for the value of a NoEcho parameter.
const masked = "****"

// context is the JSON of a resource that BeforeContext and AfterContext hold, without the
// values of NoEcho parameters, those of the last deployment among them.
func (p *planner) context(r *template.Resource, properties map[string]any) *string {
	v := map[string]any{"Properties": properties}
	if r.Metadata != nil {
		v["Metadata"] = r.Metadata
	}
	if r.DeletionPolicy != "" {
		v["DeletionPolicy"] = r.DeletionPolicy
	}
	if r.UpdateReplacePolicy != "" {
		v["UpdateReplacePolicy"] = r.UpdateReplacePolicy
	}
	b, err := json.Marshal(conceal(v, p.secrets()))
	if err != nil {
		return nil
	}
	return aws.String(string(b))
}

// shown is a value as a change set's details show it: without secrets, as contexts.
func (p *planner) shown(v any) *string {
	if v == nil {
		return nil
	}
	return valueOf(conceal(v, p.secrets()))
}

// secrets are those of the target and of the last deployment.
func (p *planner) secrets() []string {
	return secretsOf(p.g, p.deployed)
}

func secretsOf(targets ...*target) []string {
	var out []string
	for _, g := range targets {
		if g != nil {
			out = append(out, g.secrets()...)
		}
	}
	return out
}

// secrets are the values of the NoEcho parameters.
func (g *target) secrets() []string {
	var out []string
	for _, p := range g.template.Parameters {
		if !p.NoEcho {
			continue
		}
		switch v := g.values[p.Name].(type) {
		case string:
			out = append(out, v)
		case []any:
			for _, e := range v {
				out = append(out, template.Text(e))
			}
		}
	}
	return out
}

// conceal masks the secrets wherever text has them.
func conceal(v any, secrets []string) any {
	switch v := v.(type) {
	case string:
		for _, s := range secrets {
			if s != "" {
				v = strings.ReplaceAll(v, s, masked)
			}
		}
		return v
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, e := range v {
			out[k] = conceal(e, secrets)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = conceal(e, secrets)
		}
		return out
	}
	return v
}
