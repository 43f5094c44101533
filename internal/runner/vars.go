package runner

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	ctyjson "github.com/zclconf/go-cty/cty/json"

	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/reconcile"
)

// varFiles returns the files with variables in their order, later ones win: the repository's, and
// one with what the application's settings say. Values never stand in an argument.
func (s *session) varFiles() ([]string, error) {
	var files []string
	for _, name := range s.order.Terraform.VarFiles {
		if !filepath.IsLocal(filepath.FromSlash(path.Join(s.order.Path, name))) {
			return nil, failed("varFiles: %q leads out of the repository", name)
		}
		info, err := os.Stat(filepath.Join(s.app, filepath.FromSlash(name)))
		if err != nil || !info.Mode().IsRegular() {
			return nil, failed("varFiles: %q is not in %s of the commit", name, s.order.Path)
		}
		files = append(files, name)
	}
	if len(s.order.Terraform.Vars) == 0 {
		return files, nil
	}
	values, err := s.config.values(s.order.Terraform.Vars)
	if err != nil {
		return nil, err
	}
	data, err := json.Marshal(values)
	if err != nil {
		return nil, fmt.Errorf("encode variables: %w", err)
	}
	generated := s.path("driftless.tfvars.json")
	if err := os.WriteFile(generated, data, 0o600); err != nil {
		return nil, fmt.Errorf("write variables: %w", err)
	}
	return append(files, generated), nil
}

// values returns variables as JSON that Terraform takes for what they are.
func (c configuration) values(vars map[string]string) (map[string]any, error) {
	out := map[string]any{}
	for _, name := range slices.Sorted(maps.Keys(vars)) {
		if !c.whole[name] {
			out[name] = vars[name]
			continue
		}
		value, err := expression(vars[name])
		if err != nil {
			return nil, failed("vars: %s: %v", name, err)
		}
		out[name] = value
	}
	return out, nil
}

// expression evaluates a constant of Terraform's language, such as ["a", "b"].
func expression(text string) (json.RawMessage, error) {
	e, problems := hclsyntax.ParseExpression([]byte(text), "the value", hcl.InitialPos)
	if problems.HasErrors() {
		return nil, mistake(problems)
	}
	value, problems := e.Value(nil)
	if problems.HasErrors() {
		return nil, mistake(problems)
	}
	return ctyjson.Marshal(value, value.Type())
}

// secrets returns what terraform's environment holds of secrets, resolved now and kept nowhere.
func (s *session) secrets(ctx context.Context) ([]string, error) {
	var env []string
	for _, name := range slices.Sorted(maps.Keys(s.order.Terraform.Secrets)) {
		value, err := s.resolve(ctx, s.order.Terraform.Secrets[name])
		if err != nil {
			return nil, fmt.Errorf("secrets: %s: %w", name, err)
		}
		s.conceal(shortest, value)
		env = append(env, "TF_VAR_"+name+"="+value)
	}
	return env, nil
}

// resolve returns what a reference stands for: ssm:/name, secretsmanager:name, or
// secretsmanager:name#key for one field of a secret that is a JSON object.
func (s *session) resolve(ctx context.Context, reference string) (string, error) {
	kind, name, _ := strings.Cut(reference, ":")
	from, ok := s.Secrets[kind]
	if !ok || name == "" {
		return "", failed("%q is no reference: %s are known, such as ssm:/name", reference, strings.Join(slices.Sorted(maps.Keys(s.Secrets)), " and "))
	}
	name, key, of := strings.Cut(name, "#")
	value, err := from.Read(ctx, name)
	switch {
	case errors.Is(err, reconcile.ErrNotFound):
		return "", failed("%s is not there, or is empty", reference)
	case errors.Is(err, reconcile.ErrDenied):
		return "", blocked("%s may not be read by the build: %v", reference, err)
	case err != nil:
		return "", err
	case !of:
		return value.Reveal(), nil
	}
	var fields map[string]any
	if json.Unmarshal([]byte(value.Reveal()), &fields) != nil { // its error may quote the secret
		return "", failed("%s: the secret is no JSON object, so that it has no key", reference)
	}
	switch field := fields[key].(type) {
	case nil:
		return "", failed("%s: the secret has no key %s", reference, gitops.Printable(key))
	case string:
		return field, nil
	default:
		data, err := json.Marshal(field)
		return string(data), err
	}
}
