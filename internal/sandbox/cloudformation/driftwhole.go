package cloudformation

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/driftless-gitops/driftless/internal/sandbox/cloudformation/schema"
	"github.com/driftless-gitops/driftless/internal/sandbox/wire"
)

// describeType answers with the part of a type's schema that the sandbox has: the outermost
// properties, with their defaults.
func (s *Service) describeType(_ context.Context, _ scope, in *cloudformation.DescribeTypeInput) (*cloudformation.DescribeTypeOutput, error) {
	name := text(in.TypeName)
	if in.Type != types.RegistryTypeResource || name == "" {
		return nil, invalid("The sandbox describes types of the kind RESOURCE, by their names alone")
	}
	t := schema.Lookup(name)
	switch {
	case !schema.Known(name):
		return nil, &wire.Error{Code: "TypeNotFoundException", Message: "The type '" + name + "' cannot be found.", Status: 404}
	case t == nil:
		return nil, &wire.Error{Code: "CFNRegistryException", Message: "The sandbox does not have the schema of " + name}
	}
	properties := map[string]any{}
	for p, kind := range t.Properties {
		one := map[string]any{}
		if kind != "" {
			one["type"] = kind
		}
		if d, ok := t.Defaults[p]; ok {
			one["default"] = d
		}
		properties[p] = one
	}
	paths := func(names []string) []string {
		out := []string{}
		for _, n := range names {
			out = append(out, "/properties/"+strings.ReplaceAll(n, ".", "/"))
		}
		return out
	}
	text, err := json.Marshal(map[string]any{"typeName": name, "properties": properties, "additionalProperties": false,
		"readOnlyProperties": paths(t.ReadOnly), "createOnlyProperties": paths(t.CreateOnly),
		"writeOnlyProperties": paths(t.WriteOnly), "primaryIdentifier": paths(t.ID)})
	if err != nil {
		return nil, err
	}
	return &cloudformation.DescribeTypeOutput{TypeName: in.TypeName, Type: types.RegistryTypeResource, Schema: aws.String(string(text)),
		Visibility: types.VisibilityPublic, DeprecatedStatus: types.DeprecatedStatusLive}, nil
}

// whole is a kind that can read more of a resource than it declares.
type whole interface {
	ReadWhole(ctx context.Context, r wire.Request) (live map[string]any, found bool, err error)
}

// Live returns all live properties of a resource, of whatever stack or of none, as Cloud Control
// gives them: those of the type's schema, in the schema's types. Its errors are Cloud Control's:
// a type that AWS does not have, one that the sandbox cannot read, a resource that is not there.
func (s *Service) Live(ctx context.Context, account, region, kind, identifier string) (map[string]any, error) {
	reader, readable := s.kinds[kind].(whole)
	t := schema.Lookup(kind)
	switch {
	case !schema.Known(kind):
		return nil, &wire.Error{Code: "TypeNotFoundException", Message: "The type '" + kind + "' cannot be found."}
	case !readable || t == nil:
		return nil, &wire.Error{Code: "UnsupportedActionException", Message: "The sandbox's Cloud Control cannot read " + kind + ", which AWS's may"}
	}
	if err := s.scripted("", kind, "READ"); err != nil {
		return nil, err
	}
	live, found, err := reader.ReadWhole(ctx, wire.Request{Account: account, Region: region, Type: kind, PhysicalID: identifier})
	if err != nil {
		return nil, err
	}
	if !found {
		return nil, &wire.Error{Code: "ResourceNotFoundException", Message: "Resource of type '" + kind + "' with identifier '" + identifier + "' was not found."}
	}
	out := map[string]any{}
	for _, name := range slices.Sorted(maps.Keys(live)) {
		as, described := t.Properties[name]
		if described && live[name] != nil && !slices.Contains(t.WriteOnly, name) {
			out[name] = inType(as, live[name])
		}
	}
	return out, nil
}

// inType returns a value in the type that the schema gives it, where it can be.
func inType(kind string, v any) any {
	s, ok := v.(string)
	if !ok {
		return v
	}
	switch kind {
	case "integer":
		if i, err := strconv.ParseInt(s, 10, 64); err == nil {
			return i
		}
	case "boolean":
		if b, err := strconv.ParseBool(s); err == nil {
			return b
		}
	}
	return s
}
