package lambda

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/driftless-gitops/driftless/internal/sandbox/wire"
)

// alias names a version.
type alias struct {
	AliasArn        string
	Name            string
	FunctionVersion string
	Description     string
	RevisionId      string
}

type putAlias struct {
	Name            string
	FunctionVersion string
	Description     *string
	RoutingConfig   json.RawMessage
}

// setAlias makes an alias, or changes the one that is there: create says which.
func (s *Service) setAlias(ref reference, in putAlias, create bool) (alias, error) {
	if r := string(in.RoutingConfig); r != "" && r != "null" && r != "{}" {
		return alias{}, invalid("the sandbox's aliases have one version, no RoutingConfig")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.functions[ref.name]
	if f == nil {
		return alias{}, s.noFunction(ref)
	}
	a, exists := f.aliases[in.Name]
	switch {
	case create && exists:
		return alias{}, conflict("Alias already exists: %s", a.AliasArn)
	case !create && !exists:
		return alias{}, notFound("Cannot find alias arn: %s", s.arn(f.name, in.Name))
	case in.Name == "" || strings.Trim(in.Name, "0123456789") == "" || in.Name == "$LATEST":
		return alias{}, invalid("1 validation error detected: Value '%s' at 'name' failed to satisfy constraint: an alias is no version number", in.Name)
	}
	a.Name, a.AliasArn, a.RevisionId = in.Name, s.arn(f.name, in.Name), wire.NewUUID()
	if in.FunctionVersion != "" || create {
		a.FunctionVersion = in.FunctionVersion
	}
	if in.Description != nil {
		a.Description = *in.Description
	}
	known := slices.ContainsFunc(f.versions, func(v configuration) bool { return v.Version == a.FunctionVersion })
	if !known && a.FunctionVersion != "$LATEST" {
		return alias{}, notFound("Function not found: %s", s.arn(f.name, a.FunctionVersion))
	}
	f.aliases[in.Name] = a
	return a, nil
}

func (s *Service) findAlias(ref reference, name string) (alias, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.functions[ref.name]
	if f == nil {
		return alias{}, s.noFunction(ref)
	}
	a, ok := f.aliases[name]
	if !ok {
		return alias{}, notFound("Cannot find alias arn: %s", s.arn(f.name, name))
	}
	return a, nil
}

// removeAlias deletes an alias with its function URL, permissions and settings; one that
// is gone already is no error, as on Lambda.
func (s *Service) removeAlias(ref reference, name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.functions[ref.name]
	if f == nil {
		return
	}
	delete(f.aliases, name)
	delete(f.policies, name)
	delete(f.invokes, name)
	maps.DeleteFunc(s.urls, func(_ string, u *functionURL) bool { return u.function == f.name && u.qualifier == name })
}

func (s *Service) aliasesOf(ref reference) ([]alias, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.functions[ref.name]
	if f == nil {
		return nil, s.noFunction(ref)
	}
	return slices.SortedFunc(maps.Values(f.aliases), func(a, b alias) int { return strings.Compare(a.Name, b.Name) }), nil
}
